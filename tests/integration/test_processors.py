"""The processors over a real broker: raw messages in, rows and refusals out, each record in one place."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from aiokafka.structs import ConsumerRecord

from headwater.domain.datasets import Build, Dataset, FieldItem, PushKey, Resource, hash_pushkey
from headwater.domain.identity import record_id
from headwater.domain.tables import PATCH_COLUMNS, ROW_COLUMNS
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import SystemClock
from headwater.runtime.health import Health
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import KafkaSettings
from processors.activity import Activity
from processors.app import build
from processors.settings import ProcessorSettings
from tests.assertions import eventually

KEY = "ab" * 28
DATASET = Dataset(
    uid="da_1",
    dataset_id="one",
    title="One",
    published=True,
    resources=(
        Resource(uid="re_1", resource_id="r", title="r", keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY)),)),
    ),
    fields=(FieldItem(uid="df_1", type="annotate", params={"field": "n", "annotation": "id"}),),
)

pytestmark = pytest.mark.timeout(90)


class Bench:
    """A broker's topics of one test, with everything that leaves the processors read along."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.settings = ProcessorSettings(
            kafka=KafkaSettings(bootstrap=bootstrap, topic_prefix=name + "."), run_max_messages=50
        )
        self.kafka = self.settings.kafka
        self.topics = self.kafka.topics
        self.producer = KafkaProducer(self.kafka)
        self.catalog = MemoryCatalog()
        self.schemas = MemorySchemas()
        self.rows: list[dict] = []
        self.refusals: list[dict] = []
        self.messages: list[ConsumerRecord] = []  # of the records topic
        self.announced: list[dict] = []
        self.activity: dict[str, dict] = {}
        self._tails = (
            Tail(self.kafka, self.topics.records, self._read_rows),
            Tail(self.kafka, self.topics.quarantine, self._read_refusals),
            Tail(self.kafka, self.topics.applied, self._read_announced),
            Tail(self.kafka, self.topics.activity, self._read_activity),
        )
        self._now_us = SystemClock().now_us()

    async def start(self) -> None:
        await ensure_topics(self.kafka)
        await self.producer.start()
        await self.catalog.start()
        await self.catalog.write(DATASET)
        await asyncio.gather(*(tail.start() for tail in self._tails))

    async def close(self) -> None:
        await asyncio.gather(*(tail.close() for tail in self._tails))
        await self.catalog.close()
        await self.producer.close()

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """One processors service, while the block lasts."""
        clock = SystemClock()
        activity = Activity(self.producer, self.topics.activity, clock=clock, instance="p-1", limit=100)
        app, processor = build(
            self.settings,
            producer=self.producer,
            catalog=self.catalog,
            schemas=self.schemas,
            health=Health(),
            activity=activity,
            clock=clock,
        )
        app.finalize()
        async with asyncio.timeout(30):
            await app.start()
        await activity.start()
        try:
            yield
        finally:
            async with asyncio.timeout(30):
                await app.stop()
                await processor.drain()
                await activity.close()

    async def push(self, value, *, version: int, op="upsert", resource="r", **changes) -> None:
        """Put a raw batch on the log as the gateway does."""
        headers = {
            "dataset": "one",
            "resource": resource,
            "op": op,
            "origin": "push",
            "revision": "1",
            "version": str(stamp_at(self._now_us) + version),
            "received-at": str(self._now_us),
            **changes,
        }
        await self._send(value, headers)

    async def produce(self, value, *, partition=None, **changes) -> None:
        """Put a message on the log as a Kafka-native producer does."""
        await self._send(value, {"dataset": "one", "resource": "r", "pushkey": KEY, **changes}, partition)

    async def _send(self, value, headers, partition=None) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        pairs = [(name, text.encode()) for name, text in headers.items()]
        await self.producer.send(self.topics.raw, body, key=b"one", headers=pairs, partition=partition)

    def table(self) -> dict[str, dict]:
        """Return what readers would see: of each id the row with the greatest version, without tombstones."""
        latest: dict[str, dict] = {}
        for row in self.rows:
            if row["_version"] >= latest.get(row["_id"], row)["_version"]:
                latest[row["_id"]] = row
        return {key: row for key, row in latest.items() if not row["_deleted"]}

    def _read_rows(self, records) -> None:
        self.messages += records
        self.rows += [row for one in records for row in rows_of(one)]

    def _read_announced(self, records) -> None:
        self.announced += [orjson.loads(one.value) for one in records]

    def _read_activity(self, records) -> None:
        self.activity |= {one.key.decode(): orjson.loads(one.value) for one in records}

    def _read_refusals(self, records) -> None:
        self.refusals += [orjson.loads(line) for one in records for line in one.value.split(b"\n")]


@pytest.fixture
async def bench(broker, unique):
    bench = Bench(broker.bootstrap, unique)
    await bench.start()
    yield bench
    await bench.close()


def rows_of(message: ConsumerRecord) -> list[dict]:
    """Return the rows of a message by column, without the empty cells."""
    headers = dict(message.headers)
    prefix = PATCH_COLUMNS if headers.get("target") == b"patches" else ROW_COLUMNS
    names = (*prefix, *orjson.loads(headers["schema"]))
    arrays = orjson.loads(b"[" + message.value + b"]")
    rows = [dict(zip(names, array, strict=True)) for array in arrays]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def id_of(n) -> str:
    return record_id([("n", n)])


async def has_rows(bench: Bench, count: int) -> None:
    def enough():
        assert len(bench.rows) >= count

    await eventually(enough, within_s=20)


async def test_pushed_batches_become_rows(bench):
    """Objects, arrays and NDJSON; record i of a batch has the batch's version + i."""
    await bench.push({"n": 1, "value": 150}, version=10)
    await bench.push([{"n": 2, "value": 1.5}, {"n": 3, "at": "2014/01/27T04:15:00"}], version=20)
    await bench.push(b'{"n": 4}\n{"n": 5}\n', version=30)
    async with bench.worker():
        await has_rows(bench, 5)

    base = stamp_at(bench._now_us)
    assert {row["_id"]: row["_version"] - base for row in bench.rows} == {
        id_of(1): 10,
        id_of(2): 20,
        id_of(3): 21,
        id_of(4): 30,
        id_of(5): 31,
    }
    third = bench.table()[id_of(3)]
    assert third["at:datetime"] == "2014-01-27 04:15:00.000000"
    assert (third["_resource"], third["_deleted"]) == ("r", 0)


async def test_rows_travel_with_what_the_sink_needs(bench):
    """The sink only concatenates: table, columns and their types, number of rows, all in the headers."""
    await bench.push([{"n": 1, "value": 1}, {"n": 2, "value": 1.5, "note": "x"}], version=1)
    async with bench.worker():
        await has_rows(bench, 2)

    (message,) = bench.messages
    headers = {name: value.decode() for name, value in message.headers}
    assert (headers["dataset"], headers["generation"], headers["count"]) == ("da_1", "1", "2")
    assert orjson.loads(headers["schema"]) == {
        "n:int": "Nullable(Int64)",
        "value:int": "Nullable(Int64)",
        "value:double": "Nullable(Float64)",
        "note:text": "Nullable(String)",
    }
    partition, first, end = map(int, headers["source"].split(":"))
    assert partition < bench.kafka.partitions
    assert first < end


async def test_deletes_by_values_and_by_id_become_tombstones(bench):
    """A tombstone carries the id and nothing of the record."""
    await bench.push([{"n": number} for number in range(4)], version=1)
    await bench.push({"n": 0, "whatever": "else"}, version=10, op="delete")
    await bench.push({"_id": id_of(1)}, version=11, op="delete-by-id")
    async with bench.worker():
        await has_rows(bench, 6)

    assert set(bench.table()) == {id_of(2), id_of(3)}
    tombstones = [row for row in bench.rows if row["_deleted"]]
    assert all(name.startswith("_") for row in tombstones for name in row)


async def test_native_producers_are_let_in_by_their_key(bench):
    """One record a message, no version: the log's order decides. A wrong key waits in quarantine."""
    for value in (1, 2, 3):
        await bench.produce({"n": 1, "value": value}, partition=0)
    await bench.produce({"n": 9}, pushkey="wrong")
    async with bench.worker():
        await has_rows(bench, 3)

        def refused():
            assert [one["dataset"] for one in bench.refusals] == ["_unrouted"]

        await eventually(refused, within_s=20)
    assert bench.table()[id_of(1)]["value:int"] == 3
    assert json.loads(bench.refusals[0]["errors"])[0]["code"] == "invalid_pushkey"


async def test_bad_records_never_block_good_ones(bench):
    """Each record ends as a row or in quarantine, never both, never nowhere."""
    await bench.produce([{"n": 1}, 7, {}, {"n": 2}])
    await bench.produce(b"no json")
    await bench.produce(b'{"n": 3}\n{"n": \n{"n": 4}')
    async with bench.worker():
        await has_rows(bench, 4)

        def all_refused():
            assert {one["record"] for one in bench.refusals} == {"7", "{}", "no json", '{"n": '}

        await eventually(all_refused, within_s=20)
    assert set(bench.table()) == {id_of(number) for number in (1, 2, 3, 4)}


async def test_every_record_survives_restarts_of_the_worker(bench):
    """Stopped at any moment and started again: the rows may come twice, the table is the same."""
    for number in range(400):
        await bench.push([{"n": number, "value": number}, {"n": -number - 1}], version=10 * number)
    for wanted in (100, 300, 500):
        async with bench.worker():
            await has_rows(bench, wanted)
    async with bench.worker():

        def complete():
            assert set(bench.table()) == {id_of(number) for number in range(-400, 400)}

        await eventually(complete, within_s=30)
    assert not bench.refusals
    table = bench.table()
    assert [table[id_of(number)]["value:int"] for number in range(400)] == list(range(400))


async def test_merges_travel_as_patches(bench):
    """Messages of their own, whose target and types the headers tell."""
    await bench.push({"n": 1, "value": 1}, version=1)
    await bench.push([{"n": 1, "value": None}, {"value": 3}], version=10, op="merge")
    async with bench.worker():
        await has_rows(bench, 2)

        def refused():
            assert [one["code"] for one in bench.refusals] == ["merge_needs_key"]

        await eventually(refused, within_s=20)
    [patch] = [row for row in bench.rows if "_patched" in row]
    version = stamp_at(bench._now_us) + 10
    assert (patch["_id"], patch["_patched"], patch["value:int"]) == (id_of(1), version, [version, None])
    targets = [dict(one.headers).get("target") for one in bench.messages]
    assert sorted(targets, key=bool) == [None, b"patches"]


async def test_replays_fill_the_build_beside_live_records(bench):
    """Each generation by its own fields; a replay for a build that is gone ends as news on topic applied."""
    dataset = bench.catalog.get("da_1")
    text = FieldItem(uid="df_2", type="type", params={"field": "value", "type_param": "text"})
    build = Build(uid="bu_1", generation=2, fields=(*dataset.fields, text), history=False)
    await bench.catalog.write(replace(dataset, build=build, last_generation=3))
    await bench.push({"n": 1, "value": 1}, version=1)
    await bench.push({"n": 1, "value": 1}, version=1, origin="replay", generation="2")
    await bench.push({"n": 1, "value": 1}, version=1, origin="replay", generation="3")
    async with bench.worker():
        await has_rows(bench, 2)

        def announced():
            assert [(one["generation"], one["rows"]) for one in bench.announced] == [(3, 0)]

        await eventually(announced, within_s=20)
    values = {
        dict(message.headers)["generation"]: row.get("value:int", row.get("value:text"))
        for message in bench.messages
        for row in rows_of(message)
    }
    assert values == {b"1": 1, b"2": "1"}


async def test_what_came_in_is_told(bench):
    """One line for each resource and process, at the latest when the process ends."""
    await bench.push([{"n": 1}, {"n": 2}, 3], version=1)
    async with bench.worker():
        await has_rows(bench, 2)

    def told():
        assert list(bench.activity) == ["in/da_1/r/p-1"]
        line = bench.activity["in/da_1/r/p-1"]
        assert (line["records"], line["quarantined"], line["at_us"]) == (3, 1, bench._now_us)

    await eventually(told, within_s=20)
