"""Who may become rows: the gateway's pushes by the dataset's life, native producers by their key."""

from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset, PushKey, Resource, hash_pushkey
from headwater.runtime.kafka.runs import Message, Run
from processors.admission import Admitted, Behind, Dropped, Rejected, admit

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
    assert admit(run(3, origin="push"), replace(DATASET, published=False)) == Dropped("unpublished")


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
