"""A replay makes the same records with the same versions as its original did, wherever it lies."""

import orjson
import pytest

from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.domain.versions import MAX_AHEAD_US, Numbering, stamp_at, version_of_message
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.store import ArchivedMessage
from processors.parsing import parse
from schedulers.rebuild.plan import Plan
from schedulers.rebuild.replays import archived_replay, live_replay, without_first

NOW_US = 1_700_000_000_123_456
NOW_MS = NOW_US // 1000
VERSION = stamp_at(NOW_US)
KEY = "ab" * 28
RESOURCE = Resource(
    uid="re_1",
    resource_id="r",
    title="r",
    keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY), scopes=(Scope.PUSH,)),),
)
DATASET = Dataset(uid="da_1", dataset_id="one", title="One", published=True, resources=(RESOURCE,))


def plan(since=0):
    return Plan(
        dataset_id="one",
        generation=4,
        revision=9,
        since=since,
        recovered=None,
        archives={"r": since},
        unarchived=("u",),
        copies=False,
    )


def archived(value, *, version=VERSION, count=1, **changes):
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    facts = {"resource": "r", "op": "upsert", "received_at_us": NOW_US, "partition": 1, "offset": 5}
    return ArchivedMessage(**{**facts, **changes}, version=version, count=count, body=body)


def live(value, *, offset=5, timestamp_ms=NOW_MS, **headers):
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    named = {"dataset": "one", "resource": "r", **headers}
    pairs = tuple((name.replace("_", "-"), text.encode()) for name, text in named.items())
    return Message(offset, timestamp_ms, body, pairs)


def pushed(value, *, version=VERSION, **headers):
    facts = {"op": "upsert", "version": str(version), "received_at": str(NOW_US), "origin": "push"}
    return live(value, **{**facts, "revision": "3", **headers})


def records(replay, *, offset=99, timestamp_ms=NOW_MS + 60_000):
    """Return what the processors read of a replay that lies somewhere else, later."""
    message = Message(offset, timestamp_ms, replay.value, replay.headers)
    arrivals = parse(Run("raw", 0, offset, offset + 1, (), [message]))
    assert not arrivals.refused
    return list(zip(arrivals.records, arrivals.versions, arrivals.received_at, strict=True))


def original(message):
    arrivals = parse(Run("raw", 0, message.offset, message.offset + 1, (), [message]))
    return list(zip(arrivals.records, arrivals.versions, arrivals.received_at, strict=True))


@pytest.mark.parametrize(
    "message",
    [
        pushed([{"n": 1}, {"n": 2}], count="2"),
        pushed({"n": 1}),
        live({"n": 1}, pushkey=KEY),
        live([{"n": 1}, {"n": 2}], pushkey=KEY),
        live(b'{"n":1}\n{"n":2}', pushkey=KEY),
        live([{"n": 1}, {"n": 2}], pushkey=KEY, version=str(VERSION)),
        live([{"n": 1}], pushkey=KEY, received_at=str(NOW_US - 5)),
    ],
)
def test_a_live_message_is_replayed_as_what_it_is(message):
    """Version and arrival of every record, also of messages that left both to the log."""
    assert records(live_replay(message, DATASET, plan())) == original(message)


def test_an_archived_push_keeps_versions_and_arrival():
    """Record i of a push has the message's version plus i."""
    replay = archived_replay(archived([{"n": 1}, {"n": 2}], count=2), plan())

    assert [version for _, version, _ in records(replay)] == [VERSION, VERSION + 1]
    assert replay.count == 2


def test_records_of_an_archived_native_message_share_its_version():
    """The next offset's version must be greater than that of the last record."""
    version = version_of_message(NOW_MS, 5)
    message = archived(
        [{"n": 1}, {"n": 2}],
        version=version,
        count=2,
        received_at_us=NOW_MS * 1000,
        numbering=Numbering.SHARED,
    )

    assert [own for _, own, _ in records(archived_replay(message, plan()))] == [version, version]


def test_a_replay_says_what_it_is_and_where_it_goes():
    """Processors fill the generation that it names, once they know of the build."""
    headers = dict(archived_replay(archived({"n": 1}, op="merge"), plan()).headers)

    assert (headers["origin"], headers["generation"], headers["revision"]) == (b"replay", b"4", b"9")
    assert (headers["dataset"], headers["resource"], headers["op"]) == (b"one", b"r", b"merge")
    assert archived_replay(archived({"n": 1}, op="merge"), plan()).merges


@pytest.mark.parametrize("make", [archived, pushed])
def test_records_of_an_earlier_life_are_left_out_one_by_one(make):
    """Clocks of two gateways differ a little, so a message may lie across the beginning of a life."""
    message = make([{"n": 1}, {"n": 2}, {"n": 3}], **({"count": 3} if make is archived else {"count": "3"}))
    replay_of = archived_replay if make is archived else lambda one, plan: live_replay(one, DATASET, plan)

    assert [(one["n"], own) for one, own, _ in records(replay_of(message, plan(VERSION + 2)))] == [
        (3, VERSION + 2)
    ]
    assert replay_of(message, plan(VERSION + 3)) is None


def test_what_was_left_out_does_not_move_the_others():
    """The position in the message names a refused record."""
    replay = archived_replay(archived([{"n": 1}, {"n": 2}], count=2), plan(VERSION + 1))

    assert dict(replay.headers)["position"] == b"1"


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'[{"n":1},{"n":2}]', [{"n": 2}]),
        (b'{"n":1}', []),
        (b'\xef\xbb\xbf{"n":1}\n\n{"n":2}\n', [{"n": 2}]),
    ],
)
def test_the_first_records_can_be_taken_off_any_body(body, left):
    """An array, an object, or lines."""
    value, count = without_first(body, 1)

    assert count == len(left)
    assert [orjson.loads(line) for line in value.splitlines() if line != b"[]"] in ([left], left)


def test_an_old_archive_of_a_resource_without_recovery_is_left_alone():
    """Its rows are copied, or its owner has accepted the loss."""
    assert archived_replay(archived({"n": 1}, resource="u"), plan()) is None


@pytest.mark.parametrize(
    "message",
    [
        pushed({"n": 1}, dataset="two"),
        pushed({"n": 1}, origin="replay", generation="4"),
        live({"n": 1}, pushkey="wrong"),
        live({"n": 1}),
        live({"n": 1}, pushkey=KEY, op="delete"),
        live({"n": 1}, pushkey=KEY, version="soon"),
        live({"n": 1}, pushkey=KEY, version=str(stamp_at(NOW_US + 2 * MAX_AHEAD_US))),
        pushed({"n": 1}, version=VERSION - 1),
    ],
)
def test_messages_that_make_no_record_here_are_not_replayed(message):
    """Of others, replays, refused, without a usable version, or of an earlier life."""
    assert live_replay(message, DATASET, plan(VERSION)) is None


def test_a_record_from_quarantine_stays_one():
    """Refused again it must not count as refused for the first time."""
    message = pushed({"n": 1}, attempt="2", position="3")

    headers = dict(live_replay(message, DATASET, plan()).headers)

    assert (headers["attempt"], headers["position"]) == (b"2", b"3")


def test_joined_messages_make_what_each_of_them_made():
    """The same records, versions and moments; and what is refused keeps its name in quarantine."""
    bodies = [b'{"n":1}', b'{"n":2}', b"{}", b'{"n":', b'{"n":3}']
    messages = [Message(5 + at, NOW_MS, body, ()) for at, body in enumerate(bodies)]
    joined = archived(
        b"\n".join(bodies),
        version=version_of_message(NOW_MS, 5),
        count=len(bodies),
        received_at_us=NOW_MS * 1000,
        numbering=Numbering.JOINED,
    )

    replay = archived_replay(joined, plan())
    again = parse(Run("raw", 0, 99, 100, (), [Message(99, NOW_MS + 9, replay.value, replay.headers)]))
    first = parse(Run("raw", 0, 5, 10, (), messages))

    assert (again.records, again.versions, again.received_at) == (
        first.records,
        first.versions,
        first.received_at,
    )
    names = [[(one.version, one.position) for one in arrivals.refused] for arrivals in (again, first)]
    assert sorted(names[0]) == sorted(names[1])
    assert set(again.positions) == {0}
