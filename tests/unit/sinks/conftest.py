"""Runs as the transport hands them over, and a writer whose outside world is in memory."""

import asyncio

import orjson
import pytest

from headwater.domain.datasets import Dataset
from headwater.domain.tables import ROW_COLUMNS, rows_table
from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health
from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import Relation, Select
from sinks.applied import AppliedNews
from sinks.settings import SinkSettings
from sinks.tables import Tables
from sinks.writer import Writer

SCHEMA = '{"n:int":"Nullable(Int64)"}'


def row(record_id, version=1, *cells, deleted=0):
    """Return one row of the records topic, with a value for each column of its schema: by default `n:int`."""
    system = (record_id, version, deleted, "realtime", "2024-05-06 07:08:09.000010")
    return orjson.dumps((*system, *(cells or (None,))))


def named(line, *names):
    """Return a row of the records topic by column name."""
    return dict(zip((*ROW_COLUMNS, *(names or ("n:int",))), orjson.loads(line), strict=True))


def told(value):
    """Return what a processor tells about a value in its headers; of garbage, that it is one row."""
    try:
        rows = orjson.loads(b"[" + value + b"]")
        return {"count": str(len(rows)), "version": str(max((one[1] for one in rows), default=0))}
    except (ValueError, TypeError, LookupError):
        return {"count": "1", "version": "0"}


def encoded(headers):
    """Return headers as they travel, without those that are None."""
    return tuple((name, value.encode()) for name, value in headers.items() if value is not None)


class Log:
    """One partition: makes runs in order and knows how far they are finished."""

    def __init__(self):
        self.queue = CommitQueue()
        self.end = 0

    def run(
        self,
        *values,
        dataset="da_a",
        generation=1,
        schema=SCHEMA,
        topic="headwater.records",
        routed=None,
        **headers,
    ):
        """Return the next run: each value is a message; a message's source is its own place.

        `routed` are further headers that route; `headers` replace those that tell about a message alone:
        count and version. None leaves one out.
        """
        shared = {"dataset": dataset, "generation": str(generation), "schema": schema, **(routed or {})}
        routing = encoded(shared)
        first, self.end = self.end, self.end + len(values)
        messages = []
        for offset, value in enumerate(values, first):
            own = {**told(value), "source": f"0:{offset}:{offset + 1}", **headers}
            messages.append(Message(offset, 0, value, (*routing, *encoded(own))))
        self.queue.fetched(first, self.end)
        return Run(topic, 0, first, self.end, routing, messages, self.queue)

    @property
    def finished(self):
        """The offset that may be committed; 0 when nothing may."""
        return self.queue.safe_offset or 0


T_MS = 1_714_979_289_000  # 2024-05-06 07:08:09
STAMP = T_MS * 1000 << 12


def raw(
    *bodies,
    native=False,
    dataset="da_a",
    resource="door",
    op=None,
    origin="push",
    pushkey="k" * 56,
    revision=1,
    version=STAMP,
    count=1,
    first=0,
    partition=0,
    step_ms=0,
    queue=None,
):
    """Return a run of topic raw: as the gateway sends it, or a native producer with nothing but a key."""
    shared = {"dataset": dataset, "resource": resource, "op": op}
    if native:
        own = {"pushkey": pushkey}
    else:
        own = {
            "origin": origin,
            "revision": str(revision),
            "version": str(version),
            "count": str(count),
            "received-at": str(T_MS * 1000 + 5),
        }
    headers = encoded({**shared, **own})
    messages = [Message(first + at, T_MS + at * step_ms, body, headers) for at, body in enumerate(bodies)]
    if queue is not None:
        queue.fetched(first, first + len(bodies))
    return Run("headwater.raw", partition, first, first + len(bodies), headers, messages, queue, uniform=True)


class GatedStore(MemoryStore):
    """A store in memory whose inserts can be kept waiting, and that notes them."""

    def __init__(self):
        super().__init__()
        self.inserts = []
        self.binary_inserts = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._held = 0
        self._open = asyncio.Event()
        self._open.set()

    def hold(self):
        self._open.clear()

    def hold_at(self, number):
        """Keep the insert of this number waiting, counted from 1."""
        self._held = number

    def release(self):
        self._open.set()

    async def insert_binary(self, table, columns, rows):
        await super().insert_binary(table, columns, rows)
        self.binary_inserts += 1

    async def insert(self, table, rows, columns=None):
        self.inserts.append((table, rows, columns))
        if len(self.inserts) == self._held:
            self.hold()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self._open.wait()
            await super().insert(table, rows, columns)
        finally:
            self.in_flight -= 1


class World:
    """A writer and everything around it, in memory."""

    def __init__(self, **settings):
        quick = {"retry_first_s": 0.01, "retry_longest_s": 0.1, "insert_interval_s": 0.0}
        self.settings = SinkSettings(**{**quick, **settings})
        self.store = GatedStore()
        self.catalog = MemoryCatalog()
        self.producer = MemoryProducer()
        self.health = Health()
        self.tables = Tables(self.store, self.catalog)
        self.news = AppliedNews(self.producer, "headwater.applied", self.settings.applied_timeout_s)
        self.writer = Writer(
            self.settings,
            store=self.store,
            tables=self.tables,
            news=self.news,
            clock=ManualClock(),
            health=self.health,
        )
        self.log = Log()

    async def add_dataset(self, uid="da_a", **facts):
        """Write a dataset to the catalog and return it."""
        return await self.catalog.write(Dataset(uid=uid, dataset_id=uid, title=uid, **facts))

    async def ids(self, dataset="da_a", generation=1):
        """Return the ids of the rows in a generation's table."""
        name = rows_table(dataset, generation).name
        return [
            found["_id"]
            for found in await self.store.select(
                Select(relation=Relation(table=name), fields=(), limit=10**6)
            )
        ]

    def applied(self):
        """Return what the applied topic was told."""
        return [orjson.loads(message.value) for message in self.producer.sent("headwater.applied")]


async def reached(condition):
    """Wait until the condition holds; fails after some seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - an effect has no event to wait for
            await asyncio.sleep(0)


@pytest.fixture
def make_row():
    return row


@pytest.fixture
def raw_run():
    return raw


@pytest.fixture
def by_name():
    return named


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def eventually():
    return reached


@pytest.fixture
async def make_world():
    """Make worlds, and close them at the end."""
    worlds = []

    async def make(**settings):
        world = World(**settings)
        await world.catalog.start()
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.store.release()
        await world.writer.close()


@pytest.fixture
async def world(make_world):
    return await make_world()
