"""Who may become rows, and in which generation: pushes, native producers, replays."""

from dataclasses import replace

import pytest

from headwater.domain.datasets import Build, Dataset, FieldItem, PushKey, Resource, hash_pushkey
from headwater.runtime.kafka.runs import Message, Run
from processors.admission import Admitted, Behind, Dropped, Rejected, admit, attempt_of, pieces

KEY = "ab" * 28
DATASET = Dataset(
    uid="da_1",
    dataset_id="one",
    title="One",
    published=True,
    revision=3,
    resources=(
        Resource(uid="re_1", resource_id="r", title="r", keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY)),)),
    ),
)


def run(revision=None, **headers):
    pairs = tuple(
        (name, value.encode()) for name, value in {"dataset": "one", "resource": "r", **headers}.items()
    )
    extra = (("revision", b"%d" % revision),) if revision else ()
    return Run("raw", 0, 0, 1, pairs, [Message(0, 0, b"{}", pairs + extra)])


def test_a_push_is_admitted():
    """The gateway checked the key already."""
    verdict = admit(run(3, origin="push"), DATASET)
    assert verdict == Admitted(DATASET, "r", "upsert")


@pytest.mark.parametrize("known", [None, replace(DATASET, revision=2)])
def test_a_push_under_a_newer_revision_waits(known):
    """The catalog's line is on its way: deciding now would be deciding wrongly."""
    assert admit(run(3, origin="push"), known) == Behind("one", 3)


def test_patience_ends():
    """A dataset that was deleted meanwhile does not come back."""
    verdict = admit(run(3, origin="push"), None, patient=False)
    assert (verdict.dataset_uid, verdict.code) == ("_unrouted", "unknown_dataset")


def test_a_push_that_was_accepted_before_disabling_counts():
    """It was acknowledged, so it must not be lost."""
    disabled = replace(DATASET, resources=(replace(DATASET.resources[0], enabled=False),))
    assert isinstance(admit(run(3, origin="push"), disabled), Admitted)


def test_a_push_to_an_unpublished_dataset_is_dropped_by_rule():
    """Unpublishing drops what is on its way."""
    assert admit(run(3, origin="push"), replace(DATASET, published=False)) == Dropped(
        "unpublished", "da_1", 1
    )


def test_a_native_producer_with_the_key_is_admitted():
    """Three headers are enough."""
    assert isinstance(admit(run(pushkey=KEY), DATASET), Admitted)


@pytest.mark.parametrize(
    ("given", "dataset", "code", "uid"),
    [
        (run(pushkey="wrong"), DATASET, "invalid_pushkey", "_unrouted"),
        (run(), DATASET, "invalid_pushkey", "_unrouted"),
        (run(origin="push"), DATASET, None, None),
        (run(pushkey=KEY), None, "unknown_dataset", "_unrouted"),
        (run(pushkey=KEY, resource="x"), DATASET, "unknown_resource", "da_1"),
        (run(pushkey=KEY, op="explode"), DATASET, "unknown_op", "da_1"),
        (run(pushkey=KEY), replace(DATASET, published=False), "dataset_not_published", "da_1"),
    ],
)
def test_what_native_producers_are_refused_for(given, dataset, code, uid):
    """Each refusal names its reason, and goes to the dataset only when the dataset's own key was shown."""
    verdict = admit(given, dataset)
    if code is None:
        assert isinstance(verdict, Admitted)
    else:
        assert isinstance(verdict, Rejected)
        assert (verdict.code, verdict.dataset_uid) == (code, uid)


def test_a_disabled_resource_refuses_native_producers():
    """As it refuses pushes over HTTP."""
    disabled = replace(DATASET, resources=(replace(DATASET.resources[0], enabled=False),))
    assert admit(run(pushkey=KEY), disabled).code == "push_disabled"


def test_a_native_producer_cannot_pass_for_the_gateway_by_a_revision():
    """Only what came through the gateway was checked there."""
    assert admit(run(3, pushkey="wrong"), DATASET).code == "invalid_pushkey"


FIELDS = (FieldItem(uid="df_1", type="type", params={"field": "a", "type_param": "text"}),)
BUILD = Build(uid="bu_1", generation=2, fields=FIELDS, history=True)
BUILDING = replace(DATASET, last_generation=2, build=BUILD, published=False, since_version=10**18)


def test_a_replay_fills_the_build_with_the_builds_configuration():
    """Whether the dataset is published or not: that is the rebuilder's business."""
    verdict = admit(run(origin="replay", generation="2", op="merge"), BUILDING)
    assert isinstance(verdict, Admitted)
    assert (verdict.op, verdict.replayed) == ("merge", True)
    assert (verdict.dataset.generation, verdict.dataset.fields, verdict.dataset.history) == (2, FIELDS, True)


def test_a_replay_fills_the_present_generation():
    """After the switch the last records that took the old way follow."""
    verdict = admit(run(origin="replay", generation="1"), BUILDING)
    assert verdict.dataset is BUILDING


@pytest.mark.parametrize("generation", ["1", "3", "x", "9" * 5000, "\u00b2"])
def test_a_replay_for_a_generation_that_nobody_wants_is_discarded(generation):
    """A build that was aborted or switched over must not come back."""
    switched = replace(BUILDING, generation=2, last_generation=3, build=None)
    verdict = admit(run(origin="replay", generation=generation), switched)
    assert isinstance(verdict, Dropped)
    assert verdict.rule == "abandoned_build"


def test_a_replay_for_a_build_that_is_not_known_yet_waits():
    """The rebuilder's catalog may be ahead of ours; discarding would lose records."""
    assert admit(run(origin="replay", generation="2"), DATASET) == Behind("one generation", 2)
    assert admit(run(origin="replay", generation="2"), None) == Behind("one generation", 2)
    assert isinstance(admit(run(origin="replay", generation="2"), DATASET, patient=False), Dropped)


def test_only_the_gateways_new_pushes_are_checked_for_unknown_fields():
    """Native records, and what is sent again, are looked at here."""
    given = (run(3, origin="push"), run(3, origin="push", attempt="1"), run(pushkey=KEY))
    assert [admit(one, DATASET).checked for one in given] == [True, False, False]


def test_attempts_are_numbers_that_the_quarantine_can_hold():
    """Anybody may send the header; nonsense is as none."""
    assert attempt_of(run(attempt="3")) == 3
    assert [attempt_of(run(attempt=text)) for text in ("", "x", "9" * 10, "-1", "\u00b2")] == [0] * 5


def native(*timestamps_ms):
    headers = (("dataset", b"one"), ("resource", b"r"), ("pushkey", KEY.encode()))
    messages = [Message(offset, ms, b"{}", headers) for offset, ms in enumerate(timestamps_ms, 100)]
    return Run("raw", 0, 100, 100 + len(messages), headers, messages)


def expiring(at_ms):
    key = replace(DATASET.resources[0].keys[0], expires_at_us=at_ms * 1000)
    return replace(DATASET, resources=(replace(DATASET.resources[0], keys=(key,)),))


@pytest.mark.parametrize(("at_ms", "cut"), [(1, None), (2, 101), (4, 103), (5, None), (99, None)])
def test_a_run_is_cut_where_its_key_expires(at_ms, cut):
    """Every message is judged by its own timestamp: another joining of messages must not judge otherwise."""
    dataset = expiring(at_ms)
    parts = pieces(native(1, 2, 3, 4), dataset)
    assert [(part.first, part.end) for part in parts] == (
        [(100, 104)] if cut is None else [(100, cut), (cut, 104)]
    )
    assert [message for part in parts for message in part.messages] == list(native(1, 2, 3, 4).messages)
    admitted = [isinstance(admit(part, dataset), Admitted) for part in parts for _ in part.messages]
    assert admitted == [ms < at_ms for ms in (1, 2, 3, 4)]


def test_the_gateways_runs_are_never_cut():
    """Their keys were checked when they came."""
    given = run(3, origin="push", pushkey=KEY)
    assert pieces(given, expiring(0)) == (given,)
