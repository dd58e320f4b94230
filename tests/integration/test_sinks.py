"""The sinks as processes, between a real Kafka and a real ClickHouse."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import orjson
import pytest

from headwater.domain.datasets import Dataset, PushKey, Resource, hash_pushkey
from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import QUARANTINE, patch_type, rows_table
from headwater.domain.types import FieldType
from headwater.domain.versions import stamp_at, version_of_message
from headwater.embedded.clickhouse import ClickHouse
from headwater.runtime.catalog import KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.kafka.topics import Header
from headwater.runtime.settings import KafkaSettings, StoreSettings
from headwater.runtime.store import ReadField, Relation, Select, UnknownTable

ROOT = Path(__file__).parent.parent.parent
SCHEMA = {"n:int": "Nullable(Int64)"}
FIELDS = (ReadField("n", FieldType.INT, ("n:int",)),)
T_US = 1_714_979_289_000_010  # 2024-05-06 07:08:09.000010


class SinkProcess:
    """One `python -m sinks`."""

    def __init__(self, kafka, store, log):
        """`log` is also the sink's name: its partitions wait for it while it restarts."""
        self._environ = {
            **os.environ,
            "HEADWATER_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "HEADWATER_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "HEADWATER_CLICKHOUSE_URL": store.url,
            "HEADWATER_CLICKHOUSE_DATABASE": store.database,
            "HEADWATER_METRICS_PORT": "0",
            "HEADWATER_INSTANCE": log.stem,
            "HEADWATER_LOG_FORMAT": "json",
            "HEADWATER_PARENT_DEATH": "1",
            "HEADWATER_SINK_RETRY_LONGEST_S": "0.5",
            "HEADWATER_SINK_DROP_AFTER_S": "0.5",
        }
        self._log = log
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sinks"], cwd=ROOT, env=self._environ, stderr=log
            )

    def kill(self):
        self._process.kill()
        self._process.wait()

    async def stop(self):
        """Ask for a clean stop and return the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, 30)

    def close(self):
        if self._process and self._process.poll() is None:
            self.kill()

    async def ready(self):
        """Wait until /readyz says so."""
        await reached(self.is_ready, 60)

    async def is_ready(self):
        lines = self._log.read_bytes().splitlines() if self._log.exists() else []
        urls = [line["management"] for line in map(try_json, lines) if "management" in line]
        if not urls:
            return False
        try:
            async with aiohttp.ClientSession() as session, session.get(urls[-1] + "/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def try_json(line):
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}


async def reached(condition, seconds=30.0):
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the effect is in another process
            await asyncio.sleep(0.02)


class Stack:
    """Topics and a database of one test, and what is needed to fill and read them."""

    def __init__(self, kafka, store_settings, folder):
        self.kafka = kafka
        self.store_settings = store_settings
        self.producer = KafkaProducer(kafka)
        self.store = ClickHouseStore(store_settings)
        self.catalog = KafkaCatalog(kafka, self.producer)
        self.applied = []
        self._tail = Tail(kafka, kafka.topics.applied, self._read_applied)
        self._folder = folder
        self._sinks = []

    async def start(self):
        await ensure_topics(self.kafka)
        await self.producer.start()
        await self.store.start()
        await self.catalog.start()
        await self._tail.start()

    async def close(self):
        for sink in self._sinks:
            sink.close()
        await self._tail.close()
        await self.catalog.close()
        await self.store.close()
        await self.producer.close()

    async def sink(self):
        """Start one more sink and wait until it is ready."""
        sink = SinkProcess(self.kafka, self.store_settings, self._folder / f"sinks-{len(self._sinks)}.log")
        self._sinks.append(sink)
        sink.start()
        await sink.ready()
        return sink

    async def send(self, rows, dataset="da_a", generation=1, schema=SCHEMA, source="0:0:1", **further):
        """Put rows on the records topic as processors do; `further` headers are added."""
        headers = (
            (Header.DATASET, dataset.encode()),
            (Header.GENERATION, b"%d" % generation),
            (Header.SCHEMA, orjson.dumps(schema)),
            (Header.SOURCE, source.encode()),
            (Header.COUNT, b"%d" % len(rows)),
            (Header.VERSION, b"%d" % max(version for _, version, *_ in rows)),
            *((name, text.encode()) for name, text in further.items()),
        )
        value = orjson.dumps(rows)[1:-1]
        await self.producer.send(self.kafka.topics.records, value, key=dataset.encode(), headers=headers)

    async def push(self, body, *, version, resource="door", dataset="a", count=1, **further):
        """Put a message on the raw topic as the gateway does."""
        headers = {
            Header.DATASET: dataset,
            Header.RESOURCE: resource,
            Header.OP: "upsert",
            Header.ORIGIN: "push",
            Header.VERSION: str(version),
            Header.COUNT: str(count),
            Header.RECEIVED_AT: str(T_US),
            Header.REVISION: "1",
            **further,
        }
        encoded = tuple((name, text.encode()) for name, text in headers.items())
        await self.producer.send(self.kafka.topics.raw, body, key=dataset.encode(), headers=encoded)

    async def archived(self, dataset="da_a"):
        """Return (version, body) of all messages in the archive."""
        found = await self.store.archived(dataset, after=None, limit=10**5, max_bytes=10**9)
        return [(message.version, message.body) for message in found]

    async def rows(self, dataset="da_a", generation=1):
        """Return {id: (version, n)} of a table's current rows."""
        select = Select(
            relation=Relation(table=rows_table(dataset, generation).name), fields=FIELDS, limit=10**6
        )
        try:
            return {row["_id"]: (row["_version"], row["n"]) for row in await self.store.select(select)}
        except UnknownTable:
            return {}

    def _read_applied(self, records):
        self.applied += [orjson.loads(record.value) for record in records]


def row(record_id, version, *cells, deleted=False):
    """Return a row with a value for each column of its schema: SCHEMA, unless the test sends another."""
    return [record_id, version, int(deleted), "realtime", "2024-05-06 07:08:09.000010", *(cells or (None,))]


@pytest.fixture
async def stack(broker, clickhouse, unique, tmp_path):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=f"{unique}.", partitions=4)
    stack = Stack(kafka, StoreSettings(url=clickhouse.url, database=unique), tmp_path)
    await stack.start()
    yield stack
    await stack.close()


async def test_rows_are_stored_told_and_refused_records_kept(stack):
    """From the records topic to a table and the news, from quarantine to its table, and a clean stop."""
    sink = await stack.sink()
    newer = stamp_at(T_US)
    await stack.send([row("a", newer, 1), row("b", newer - 1, 2)], source="3:10:12")
    await stack.producer.send(
        stack.kafka.topics.quarantine,
        b'{"dataset":"da_a","_version":1,"position":0,"resource":"r","op":"upsert",'
        b'"_received_at":"2024-05-06 07:08:09.000010","record":"{","errors":"[]"}',
        headers=((Header.DATASET, b"da_a"), (Header.SOURCE, b"3:12:13")),
    )

    async def all_there():
        return await stack.rows() == {"a": (newer, 1), "b": (newer - 1, 2)} and len(stack.applied) > 1

    await reached(all_there)
    await reached(lambda: _counts(stack, QUARANTINE.name, 1))
    assert [news["sources"] for news in stack.applied if not news["rows"]] == [["3:12:13"]]
    assert [news for news in stack.applied if news["rows"]] == [
        {
            "dataset": "da_a",
            "generation": 1,
            "sources": ["3:10:12"],
            "rows": 2,
            "max_version": newer,
            "received_at": "2024-05-06T07:08:09.000010+00:00",
        }
    ]
    assert await sink.stop() == 0


async def test_bad_rows_wait_in_quarantine_and_good_ones_are_stored(stack):
    """What ClickHouse itself refuses blocks nobody."""
    await stack.sink()
    await stack.send([row("a", 1, 1), row("b", 2, "many"), row("c", 3, 3)])

    await reached(lambda: _counts(stack, QUARANTINE.name, 1))
    await reached(lambda: _counts(stack, rows_table("da_a", 1).name, 2))
    assert await stack.rows() == {"a": (1, 1), "c": (3, 3)}


async def test_messages_with_other_columns_meet_in_one_table(stack):
    """A schema that grows or comes in another order says where each message's values go."""
    await stack.sink()
    wider = {"m:text": "Nullable(String)", **SCHEMA}
    for number in range(20):
        await stack.send([row(f"n{number}", 1, number)])
        await stack.send([row(f"m{number}", 1, "x,\n]", number)], schema=wider)
        await stack.send([row(f"o{number}", 1, number, None)], schema=dict(reversed(wider.items())))
    await stack.send([row("n0", 2, deleted=True)[:5]], schema={})

    model = {f"{kind}{number}": (1, number) for kind in "nmo" for number in range(20)}
    del model["n0"]

    async def all_there():
        return await stack.rows() == model

    await reached(all_there)


async def test_rows_that_nobody_counted_wait_in_quarantine(stack):
    """A message without its headers is kept, and those behind it are stored."""
    await stack.sink()
    await stack.producer.send(
        stack.kafka.topics.records,
        orjson.dumps([row("a", 1, 1), row("b", 2, 2)])[1:-1],
        key=b"da_a",
        headers=((Header.DATASET, b"da_a"), (Header.GENERATION, b"1"), (Header.SCHEMA, orjson.dumps(SCHEMA))),
    )
    await stack.send([row("c", 3, 3)])

    await reached(lambda: _counts(stack, QUARANTINE.name, 2))
    await reached(lambda: _counts(stack, rows_table("da_a", 1).name, 1))


async def test_left_generation_is_dropped_and_stays_dropped(stack):
    """Late rows of a generation that the catalog has left do not bring its table back."""
    dataset = await stack.catalog.write(Dataset(uid="da_a", dataset_id="a", title="A"))
    await stack.sink()
    await stack.send([row("a", 1, 1)])
    await reached(lambda: _counts(stack, "d_a_g1", 1))

    await stack.catalog.write(replace(dataset, generation=2))

    async def dropped():
        return "d_a_g1" not in await stack.store.tables()

    await reached(dropped)
    await stack.send([row("late", 2, 2)], generation=1)
    await stack.send([row("new", 3, 3)], generation=2)
    await reached(lambda: _counts(stack, "d_a_g2", 1))
    assert [name for name in await stack.store.tables() if name.startswith("d_")] == ["d_a_g2"]


async def test_merges_are_read_over_the_rows(stack):
    """Patches have a table of their own; what they name counts from their version on."""
    await stack.sink()
    schema = {"n:int": patch_type("Nullable(Int64)")}
    moment = "2024-05-06 07:08:09.000010"

    def patch(name, version, cell):
        return [name, version, [version, "realtime"], [version, moment], cell]

    await stack.send([row("a", 5, 1), row("b", 5, 1)])
    await stack.send([patch("a", 7, [7, 70]), patch("b", 4, [4, 40])], schema=schema, target="patches")
    await stack.send([patch("a", 6, [6, 60]), patch("c", 8, [8, 80])], schema=schema, target="patches")
    select = Select(relation=Relation(table="d_a_g1", patches="d_a_g1_p"), fields=FIELDS, limit=100)

    async def merged():
        try:
            found = {one["_id"]: (one["_version"], one["n"]) for one in await stack.store.select(select)}
        except UnknownTable:
            return False
        return found == {"a": (7, 70), "b": (5, 1), "c": (8, 80)}

    await reached(merged)


async def test_history_is_kept_beside_the_table(stack):
    """Every version of a record can be read as of then."""
    await stack.sink()
    for version in (1, 2, 3):
        await stack.send([row("a", version, version, deleted=version == 3)], history="1")
    relation = Relation(table="d_a_g1", history="d_a_g1_h", as_of=2)

    async def both():
        try:
            past = await stack.store.select(Select(relation=relation, fields=FIELDS))
        except UnknownTable:
            return False
        return [one["n"] for one in past] == [2] and await stack.rows() == {}

    await reached(both)


def resource(**facts):
    return Resource(uid="re_a", resource_id="door", title="Door", **facts)


async def test_raw_messages_are_archived_through_a_kill(stack):
    """Each once, as it lay on the log, of resources with recovery on; replays are there already."""
    off = Resource(uid="re_b", resource_id="off", title="Off", params={"recovery": False})
    await stack.catalog.write(
        Dataset(uid="da_a", dataset_id="a", title="A", published=True, resources=(resource(), off))
    )
    sink = await stack.sink()
    start = stamp_at(T_US)
    model = []
    for number in range(300):
        body = b'{"n":%d}\xff' % number
        await stack.push(body, version=start + number)
        await stack.push(body, version=start + number, resource="off")
        await stack.push(body, version=start + 10**6 + number, origin="replay")
        model.append((start + number, body))
        if number == 150:
            sink.kill()
            sink.start()

    async def all_there():
        return await stack.archived() == model

    await reached(all_there, 60)


async def test_messages_of_producers_are_archived_when_their_key_opens_the_dataset(stack):
    """What the processors refuse is no part of the dataset; what they take gets the same version."""
    key = PushKey(uid="pk_a", hash=hash_pushkey("k" * 56))
    await stack.catalog.write(
        Dataset(uid="da_a", dataset_id="a", title="A", published=True, resources=(resource(keys=(key,)),))
    )
    await stack.sink()
    for pushkey, body in (("wrong", b'{"n":1}'), ("k" * 56, b'{"n":2}'), ("k" * 56, b'[{"n":3},{"n":4}]')):
        headers = ((Header.DATASET, b"a"), (Header.RESOURCE, b"door"), (Header.PUSHKEY, pushkey.encode()))
        await stack.producer.send(stack.kafka.topics.raw, body, headers=headers, partition=1)

    async def all_there():
        found = await stack.store.archived("da_a", after=None, limit=10, max_bytes=10**6)
        if [(one.body, one.count) for one in found] != [(b'{"n":2}', 1), (b'[{"n":3},{"n":4}]', 2)]:
            return False
        derived = [version_of_message(one.received_at_us // 1000, one.offset) for one in found]
        return [one.version for one in found] == derived

    await reached(all_there)


async def test_deleted_dataset_leaves_nothing(stack):
    """Neither rows, nor the archive, nor old configurations."""
    dataset = await stack.catalog.write(
        Dataset(uid="da_a", dataset_id="a", title="A", published=True, resources=(resource(),))
    )
    await stack.sink()
    await stack.send([row("a", 1, 1)])
    await stack.push(b"{}", version=stamp_at(T_US))

    async def kept():
        versions = await stack.store.count_dataset_versions("da_a")
        return versions == 1 and len(await stack.archived()) == 1 and len(await stack.rows()) == 1

    await reached(kept)

    await stack.catalog.delete(dataset)

    async def gone():
        tables = await stack.store.tables()
        try:
            left = [await stack.store.count_dataset_versions("da_a"), len(await stack.archived())]
        except StoreUnavailable:  # it was deleted while it was read
            return False
        return "d_a_g1" not in tables and left == [0, 0]

    await reached(gone)


async def test_rows_before_a_sync_are_deleted(stack):
    """They are not shown any more; soon they take no space either."""
    dataset = await stack.catalog.write(Dataset(uid="da_a", dataset_id="a", title="A"))
    await stack.sink()
    await stack.send([row("old", 1, 1), row("new", 10, 2)])
    await reached(lambda: _counts(stack, "d_a_g1", 2))

    await stack.catalog.write(replace(dataset, sync_version=10))

    await reached(lambda: _counts(stack, "d_a_g1", 1))
    assert await stack.rows() == {"new": (10, 2)}


async def _counts(stack, table, rows):
    try:
        return await stack.store.count(Relation(table=table)) == rows
    except UnknownTable:
        return False


async def test_store_that_is_killed_and_returns_has_every_row(broker, unique, tmp_path):
    """While ClickHouse is dead the sink is not ready, and rows wait; once it is back all are stored."""
    clickhouse = ClickHouse(tmp_path / "clickhouse")
    await clickhouse.start()
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=f"{unique}.", partitions=2)
    stack = Stack(kafka, StoreSettings(url=clickhouse.url), tmp_path)
    await stack.start()
    try:
        sink = await stack.sink()
        await stack.send([row("a", 1, 1)])
        await reached(lambda: _counts(stack, "d_a_g1", 1))

        os.kill(clickhouse.pid, signal.SIGKILL)
        for number in range(20):
            await stack.send([row(f"b{number}", 2, number)])

        async def noticed():
            return not await sink.is_ready()

        await reached(noticed)
        await clickhouse.start()
        await reached(lambda: _counts(stack, "d_a_g1", 21))
        await sink.ready()
    finally:
        await stack.close()
        await clickhouse.close()


async def test_two_sinks_of_which_one_is_killed_leave_exactly_the_model(stack):
    """Overwrites and deletes in any order, two sinks, kill -9 twice in the middle: the table is the model."""
    first, _ = await asyncio.gather(stack.sink(), stack.sink())
    dice = random.Random(7)
    model, version = {}, 0
    batches = []
    for _ in range(150):
        rows = []
        for _ in range(200):
            version += 1
            name = f"{dice.randrange(6000):05}"
            if dice.random() < 0.1:
                rows.append(row(name, version, deleted=True))
                model.pop(name, None)
            else:
                rows.append(row(name, version, version % 1000))
                model[name] = (version, version % 1000)
        batches.append(rows)
    dice.shuffle(batches)

    for number, rows in enumerate(batches):
        await stack.send(rows, source=f"0:{number}:{number + 1}")
        if number == 50:
            first.kill()
        if number == 100:
            first.start()
            await first.ready()
            first.kill()
            first.start()

    async def converged():
        return await stack.rows() == model

    await reached(converged, 90)
    told = {source for news in stack.applied for source in _expanded(news["sources"])}
    assert told <= set(range(150))  # news of what was stored just before a kill may be lost


def _expanded(sources):
    for source in sources:
        _, first, end = map(int, source.split(":"))
        yield from range(first, end)
