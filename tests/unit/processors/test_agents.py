"""Runs move: what they become is on the log before they are finished, and each record ends in one place."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from headwater.domain.datasets import Dataset, PushKey, Resource, hash_pushkey
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import ROW_COLUMNS
from headwater.domain.versions import stamp_at
from headwater.runtime.health import Health
from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Topics
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.schemas import MemorySchemas
from processors.agents import Processor
from processors.settings import ProcessorSettings

TOPICS = Topics()
KEY = "ab" * 28
T_MS = 1_700_000_000_000
DATASET = Dataset(
    uid="da_1",
    dataset_id="one",
    title="One",
    published=True,
    resources=(
        Resource(uid="re_1", resource_id="r", title="r", keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY)),)),
    ),
)


class Bench:
    """A processor with in-memory neighbours, and a commit queue that shows what was finished."""

    def __init__(self):
        self.producer = MemoryProducer()
        self.catalog = MemoryCatalog()
        self.schemas = MemorySchemas()
        self.queue = CommitQueue()
        self.settings = ProcessorSettings(catalog_patience_s=0.2, retry_first_s=0.01)
        self.processor = Processor(
            self.settings,
            topics=TOPICS,
            producer=self.producer,
            catalog=self.catalog,
            schemas=self.schemas,
            health=Health(),
        )
        self._next = 0

    async def publish(self, dataset=DATASET):
        await self.catalog.start()
        return await self.catalog.write(dataset)

    def run(self, value, *, version=1, revision=1, **headers):
        pairs = {"dataset": "one", "resource": "r", "origin": "push", **headers}
        routed = tuple((name, text.encode()) for name, text in pairs.items())
        stamp = stamp_at(T_MS * 1000) + version
        own = (("version", b"%d" % stamp), ("revision", b"%d" % revision))
        message = Message(self._next, T_MS, value, routed + own)
        run = Run("raw", 0, self._next, self._next + 1, routed, [message], self.queue)
        self.queue.fetched(run.first, run.end)
        self._next += 1
        return run

    async def handle(self, *runs):
        await self.processor.take(_events(runs))
        await asyncio.wait_for(self.processor.drain(), 5)

    def rows(self):
        """Return all rows that were sent, by column name, without the empty cells."""
        rows = []
        for message in self.producer.sent(TOPICS.records):
            names = (*ROW_COLUMNS, *orjson.loads(message.header("schema")))
            arrays = orjson.loads(b"[" + message.value + b"]")
            assert message.header("count") == str(len(arrays))
            rows += [dict(zip(names, array, strict=True)) for array in arrays]
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def quarantined(self):
        values = [message.value for message in self.producer.sent(TOPICS.quarantine)]
        return [orjson.loads(line) for value in values for line in value.splitlines()]


async def _events(runs):
    for run in runs:
        yield type("Event", (), {"value": run})()


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
