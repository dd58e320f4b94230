"""A processor with in-memory neighbours, for the tests of everything between a run and its finish."""

import asyncio

import orjson

from headwater.domain.datasets import Dataset, PushKey, Resource, hash_pushkey
from headwater.domain.tables import PATCH_COLUMNS, ROW_COLUMNS
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health
from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Topics
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.schemas import MemorySchemas
from processors.activity import Activity
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

    def __init__(self, **services):
        self.producer = MemoryProducer()
        self.catalog = MemoryCatalog()
        self.schemas = MemorySchemas()
        self.queue = CommitQueue()
        self.health = Health()
        self.clock = ManualClock()
        self.activity = Activity(self.producer, TOPICS.activity, clock=self.clock, instance="p-1", limit=10)
        self.settings = ProcessorSettings(catalog_patience_s=0.2, retry_first_s=0.01)
        self.processor = Processor(
            self.settings,
            topics=TOPICS,
            producer=self.producer,
            catalog=self.catalog,
            schemas=self.schemas,
            health=self.health,
            activity=self.activity,
            clock=self.clock,
            services=services,
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
            prefix = PATCH_COLUMNS if dict(message.headers).get("target") == b"patches" else ROW_COLUMNS
            names = (*prefix, *orjson.loads(message.header("schema")))
            arrays = orjson.loads(b"[" + message.value + b"]")
            assert message.header("count") == str(len(arrays))
            rows += [dict(zip(names, array, strict=True)) for array in arrays]
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def announced(self):
        return [orjson.loads(message.value) for message in self.producer.sent(TOPICS.applied)]

    def parts(self):
        """Return source and part of all that runs became, in order."""
        sent = [one for one in self.producer.messages if one.topic in (TOPICS.records, TOPICS.quarantine)]
        headers = [dict(message.headers) for message in sent]
        return [(one["source"].decode(), one.get("part", b"").decode()) for one in headers]

    async def counted(self):
        """Return the last line of topic activity for each key."""
        await self.activity.tell()
        lines = {one.key.decode(): one.value for one in self.producer.sent(TOPICS.activity)}
        return {key: orjson.loads(value) for key, value in lines.items()}

    def quarantined(self):
        values = [message.value for message in self.producer.sent(TOPICS.quarantine)]
        return [orjson.loads(line) for value in values for line in value.splitlines()]


async def _events(runs):
    for run in runs:
        yield type("Event", (), {"value": run})()
