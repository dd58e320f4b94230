"""Runs move: what they become is on the log before they are finished, and each record ends in one place."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from headwater.domain.datasets import Build, FieldItem
from headwater.domain.schema import Rung, Schema
from headwater.domain.versions import stamp_at
from processors import pipeline
from tests.unit.processors.bench import DATASET, KEY, T_MS, TOPICS, Bench


@pytest.fixture
def bench():
    return Bench()


async def test_a_push_becomes_rows_and_is_finished(bench):
    """Rows carry where they go and which columns they need."""
    await bench.publish()
    await bench.handle(bench.run(b'[{"a":1},{"a":2}]'))
    assert [row["a:int"] for row in bench.rows()] == [1, 2]
    [message] = bench.producer.sent(TOPICS.records)
    assert message.header("dataset") == "da_1"
    assert message.header("generation") == "1"
    assert orjson.loads(message.header("schema")) == {"a:int": "Nullable(Int64)"}
    assert message.header("source") == "0:0:1"
    assert message.header("version") == str(stamp_at(T_MS * 1000) + 2)
    assert bench.queue.safe_offset == 1


async def test_what_was_learnt_is_shared_before_the_rows_leave(bench):
    """A worker that dies in between must not leave a column that nobody knows."""
    await bench.publish()
    order = []
    grow, send = bench.schemas.grow, bench.producer.send

    async def growing(uid, seen):
        order.append("schema")
        return await grow(uid, seen)

    async def sending(topic, *args, **kwargs):
        order.append("rows")
        return await send(topic, *args, **kwargs)

    bench.schemas.grow, bench.producer.send = growing, sending
    await bench.handle(bench.run(b'{"a":1}'))
    assert order == ["schema", "rows"]
    assert bench.schemas.get("da_1") == Schema({"a": [Rung.INT]})


async def test_nothing_is_finished_while_the_broker_is_away(bench):
    """The run waits, and goes through once the broker is back."""
    await bench.publish()
    bench.producer.available = False
    handling = asyncio.create_task(bench.handle(bench.run(b'{"a":1}')))
    done, _ = await asyncio.wait({handling}, timeout=0.05)
    assert not done
    assert bench.queue.safe_offset is None
    bench.producer.available = True
    await handling
    assert bench.queue.safe_offset == 1
    assert len(bench.rows()) == 1


async def test_a_delete_is_a_tombstone_of_the_same_record(bench):
    """By value and by id."""
    await bench.publish()
    await bench.handle(bench.run(b'{"a":1}'), bench.run(b'{"a":1.0}', op="delete"))
    pushed, gone = bench.rows()
    assert (pushed["_id"], pushed["_deleted"], gone["_deleted"]) == (gone["_id"], 0, 1)
    by_id = orjson.dumps({"_id": pushed["_id"]})
    await bench.handle(bench.run(by_id, op="delete-by-id"))
    assert bench.rows()[-1]["_id"] == pushed["_id"]


async def test_a_stranger_goes_to_quarantine(bench):
    """With its reason, as it was sent, and finished."""
    await bench.publish()
    await bench.handle(bench.run(b'{"a":1}', revision=0, origin="kafka", pushkey="wrong"))
    [row] = bench.quarantined()
    assert (row["dataset"], row["record"]) == ("_unrouted", '{"a":1}')
    assert orjson.loads(row["errors"])[0]["code"] == "invalid_pushkey"
    assert bench.queue.safe_offset == 1


async def test_a_run_waits_for_the_revision_that_the_gateway_knew(bench):
    """A dataset made a moment ago is not unknown."""
    await bench.catalog.start()
    handling = asyncio.create_task(bench.handle(bench.run(b'{"a":1}', revision=1)))
    await asyncio.sleep(0)
    await bench.catalog.write(DATASET)
    await handling
    assert len(bench.rows()) == 1
    assert not bench.quarantined()


async def test_waiting_for_the_catalog_ends(bench):
    """And is not repeated for the next run of the same dataset."""
    await bench.catalog.start()
    await bench.handle(bench.run(b'{"a":1}'), bench.run(b'{"a":2}'))
    assert len(bench.quarantined()) == 2
    assert bench.queue.safe_offset == 2


async def test_records_of_an_earlier_generation_are_discarded(bench):
    """Publishing again starts empty, whatever is still on its way."""
    since = stamp_at(T_MS * 1000) + 2
    await bench.publish(replace(DATASET, since_version=since))
    await bench.handle(bench.run(b'[{"a":1},{"a":2},{"a":3}]', version=0))
    assert [row["a:int"] for row in bench.rows()] == [3]


async def test_a_change_of_configuration_counts_from_its_revision_on(bench):
    """The next run is converted under the new document."""
    first = await bench.publish()
    await bench.handle(bench.run(b'{"a":1,"b":1}'))
    resource = replace(first.resources[0], params={"bootstrap": {"a": "text"}})
    await bench.catalog.write(first.with_resource(resource))
    await bench.handle(bench.run(b'{"a":1,"b":1}', revision=2))
    assert [row.get("a:text") for row in bench.rows()] == [None, "1"]


async def test_a_large_push_leaves_in_slices(bench):
    """Its rows are never all in one message."""
    await bench.publish()
    await bench.handle(bench.run(b"[" + b",".join(b'{"a":%d}' % n for n in range(12_000)) + b"]"))
    assert [row["a:int"] for row in bench.rows()] == list(range(12_000))
    assert len(bench.producer.sent(TOPICS.records)) == 3


KEYED = replace(
    DATASET,
    fields=(FieldItem(uid="df_1", type="annotate", params={"field": "k", "annotation": "id"}),),
)


async def test_a_merge_becomes_patches(bench):
    """Of the same record that a push with the same key fields makes; never rows."""
    await bench.publish(KEYED)
    await bench.handle(bench.run(b'{"k":1,"a":1}'), bench.run(b'{"k":1,"b":2}', op="merge"))
    row, patch = bench.rows()
    version = stamp_at(T_MS * 1000) + 1
    assert (patch["_id"], patch["_patched"], patch["b:int"]) == (row["_id"], version, [version, 2])
    assert "_version" not in patch
    message = bench.producer.sent(TOPICS.records)[1]
    assert (message.header("target"), message.header("generation")) == ("patches", "1")
    assert message.header("version") == str(version)
    assert orjson.loads(message.header("schema"))["b:int"].startswith("SimpleAggregateFunction(max, Tuple(")


async def test_readers_are_told_of_a_merge_that_came_past_the_gateway(bench):
    """Before its patch leaves, and whoever changes the document at the same time."""
    stale = await bench.publish(KEYED)
    await bench.catalog.write(replace(stale, title="Other"))
    await bench.handle(bench.run(b'{"k":1,"b":2}', op="merge", origin="kafka", pushkey=KEY))
    dataset = bench.catalog.get("da_1")
    assert (dataset.patched, dataset.title) == (True, "Other")
    await bench.handle(bench.run(b'{"k":1,"b":3}', op="merge", origin="kafka", pushkey=KEY))
    assert bench.catalog.get("da_1").revision == dataset.revision, "once is enough"


async def test_a_merge_without_key_waits_in_quarantine(bench):
    """As its code says; readers need not look for merges then."""
    await bench.publish()
    await bench.handle(bench.run(b'{"k":1,"b":2}', op="merge"))
    assert [row["code"] for row in bench.quarantined()] == ["merge_needs_key"]
    assert not bench.catalog.get("da_1").patched


async def test_one_message_is_the_whole_run(bench):
    """Then there is no part to tell."""
    await bench.publish()
    await bench.handle(bench.run(b'{"a":1}'))
    assert bench.parts() == [("0:0:1", "")]
    assert not bench.announced()


async def test_several_messages_of_a_run_are_numbered(bench, monkeypatch):
    """Rows and refusals alike; the last one tells how many there are."""
    monkeypatch.setattr(pipeline, "SLICE_RECORDS", 2)
    await bench.publish()
    await bench.handle(bench.run(b'[{"a":1},{"a":2},7,{"a":3},{"a":4},{"a":5}]'))
    assert bench.parts() == [("0:0:1", "0"), ("0:0:1", "1"), ("0:0:1", "2"), ("0:0:1", "3/4")]
    assert (len(bench.rows()), len(bench.quarantined())) == (5, 1)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (b"[]", {}),
        (b'{"a":1}', {"published": False}),
        (b'{"a":1}', {"since_version": stamp_at(T_MS * 1000) + 2}),
    ],
)
async def test_a_run_that_becomes_nothing_is_announced(bench, value, changes):
    """Whoever waits for it must not wait in vain."""
    await bench.publish(replace(DATASET, **changes))
    await bench.handle(bench.run(value))
    assert not bench.parts()
    [line] = bench.announced()
    assert line["max_version"] == (0 if value == b"[]" else stamp_at(T_MS * 1000) + 1)
    assert (line["dataset"], line["generation"], line["sources"], line["rows"]) == ("da_1", 1, ["0:0:1"], 0)
    assert "parts" not in line
    assert bench.queue.safe_offset == 1


BUILD = Build(
    uid="bu_1",
    generation=2,
    history=True,
    fields=(FieldItem(uid="df_1", type="type", params={"field": "a", "type_param": "text"}),),
)
BUILDING = replace(DATASET, last_generation=2, build=BUILD, since_version=stamp_at(T_MS * 1000) + 1000)


async def test_replays_go_to_the_build_and_live_records_to_the_present_generation(bench):
    """Each with its own configuration, side by side; a replay is not bound to the present life."""
    await bench.publish(BUILDING)
    await bench.handle(
        bench.run(b'{"a":1}', version=2000),
        bench.run(b'{"a":1}', origin="replay", generation="2"),
        bench.run(b'{"a":1}', origin="replay", generation="1"),
    )
    live, built, late = bench.producer.sent(TOPICS.records)
    assert [one.header("generation") for one in (live, built, late)] == ["1", "2", "1"]
    assert [dict(one.headers).get("history") for one in (live, built, late)] == [None, b"1", None]
    assert [row.get("a:text") for row in bench.rows()] == [None, "1", None]


async def test_replays_of_an_aborted_build_are_discarded(bench):
    """And announced, like all that becomes nothing."""
    await bench.publish(replace(BUILDING, build=None))
    await bench.handle(bench.run(b'{"a":1}', origin="replay", generation="2"))
    assert not bench.rows()
    assert [line["generation"] for line in bench.announced()] == [2]


async def test_a_replay_waits_for_the_build_that_it_is_for(bench):
    """The rebuilder may know it sooner than we do."""
    first = await bench.publish()
    handling = asyncio.create_task(bench.handle(bench.run(b'{"a":1}', origin="replay", generation="2")))
    await asyncio.sleep(0)
    await bench.catalog.write(replace(first, build=BUILD, last_generation=2))
    await handling
    assert [row["a:text"] for row in bench.rows()] == ["1"]


async def test_history_is_asked_for_where_the_dataset_keeps_it(bench):
    """Of every message of rows, deletions and patches too."""
    await bench.publish(replace(KEYED, history=True))
    runs = [bench.run(b'{"k":1}', op=op) for op in ("upsert", "delete", "merge")]
    await bench.handle(*runs)
    assert [one.header("history") for one in bench.producer.sent(TOPICS.records)] == ["1"] * 3


async def test_a_record_refused_in_its_replay_replaces_its_entry(bench):
    """Twice the attempt is its step, under the key that it had."""
    await bench.publish()
    await bench.handle(bench.run(b"7"), bench.run(b"7", attempt="2", position="5"))
    first, again = bench.quarantined()
    assert (first["step"], first["position"], first["code"]) == (0, 0, "invalid_record")
    assert (again["step"], again["position"], again["_version"]) == (4, 5, first["_version"])


async def test_a_key_that_may_only_push_deletes_nothing(bench):
    """Native producers have scopes, too."""
    key = replace(DATASET.resources[0].keys[0], scopes=("push",))
    await bench.publish(replace(DATASET, resources=(replace(DATASET.resources[0], keys=(key,)),)))
    native = {"origin": "kafka", "pushkey": KEY, "revision": 0}
    await bench.handle(bench.run(b'{"a":1}', **native), bench.run(b'{"a":1}', op="delete", **native))
    assert len(bench.rows()) == 1
    assert [(row["dataset"], row["code"]) for row in bench.quarantined()] == [("da_1", "insufficient_scope")]


async def test_rejected_fields_of_native_records_wait_in_quarantine(bench):
    """The gateway refuses its own: what it let through is only new to us, unless it comes from quarantine."""
    params = {"bootstrap": {"a": 1}, "unknown_fields": "reject"}
    await bench.publish(replace(DATASET, resources=(replace(DATASET.resources[0], params=params),)))
    await bench.handle(
        bench.run(b'{"a":1,"b":1}', origin="kafka", pushkey=KEY, revision=0),
        bench.run(b'{"a":1,"c":1}', attempt="1"),
    )
    assert [(row["code"], row["step"]) for row in bench.quarantined()] == [
        ("unknown_field", 0),
        ("unknown_field", 2),
    ]
    await bench.handle(bench.run(b'{"a":1,"d":1}'))
    assert [row["d:int"] for row in bench.rows()] == [1]


async def test_nothing_is_decided_by_an_old_catalog(bench):
    """It may lack what everybody else knows; the run waits until the catalog has heard from the broker."""
    await bench.publish()
    bench.catalog.age_s = bench.settings.catalog_max_age_s + 1
    handling = asyncio.create_task(bench.handle(bench.run(b'{"a":1}')))
    done, _ = await asyncio.wait({handling}, timeout=0.1)
    assert not done
    assert not bench.health.is_ok("kafka")
    await bench.catalog.write(replace(bench.catalog.get("da_1"), generation=2))
    bench.catalog.age_s = 0.0
    await handling
    assert [message.header("generation") for message in bench.producer.sent(TOPICS.records)] == ["2"]
    assert bench.health.is_ok("kafka")


async def test_what_comes_in_is_counted(bench):
    """Refused records among all; the newest arrival; not what is sent again, nor what strangers send."""
    await bench.publish()
    await bench.handle(
        bench.run(b'[{"a":1},7]', **{"received-at": "5"}),
        bench.run(b'{"a":2}', **{"received-at": "9"}),
        bench.run(b'{"a":2}', **{"received-at": "7"}),
        bench.run(b'{"a":2}', origin="replay", generation="1"),
        bench.run(b"7", attempt="1"),
        bench.run(b'{"a":2}', resource="never made"),
        bench.run(b'{"a":2}', origin="kafka", pushkey="wrong"),
    )
    assert await bench.counted() == {
        "in/da_1/r/p-1": {"started_at_us": bench.clock.now_us(), "at_us": 9, "records": 4, "quarantined": 1}
    }
