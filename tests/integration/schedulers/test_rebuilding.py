"""Rebuilds by real processes: pushes go on, the scheduler is killed, and nothing is lost."""

import asyncio
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from headwater.domain.datasets import Build, BuildState, Dataset, FieldItem, Resource
from headwater.domain.tables import rows_table
from headwater.domain.types import FieldType
from headwater.runtime.catalog import KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import Stamper, SystemClock
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings, StoreSettings
from headwater.runtime.store import ReadField, Relation, Select, UnknownTable
from tests.assertions import eventually

ROOT = Path(__file__).parent.parent.parent.parent
RECORDS = 6_000  # there when the build is asked for
MESSAGE = 20  # records
FIELDS = (ReadField("n", FieldType.INT, ("n:int",)), ReadField("v", FieldType.INT, ("v:int",)))

pytestmark = pytest.mark.timeout(240)


def key_on(field):
    return (FieldItem(uid=f"df_{field}", type="annotate", params={"field": field, "annotation": "id"}),)


class Service:
    """One `python -m` of a service; what it says goes to a file."""

    def __init__(self, name, environ, folder):
        self._name, self._environ, self._log = name, environ, folder / f"{name}.log"
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._name], cwd=ROOT, env=self._environ, stderr=log
            )

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Stack:
    """The services but the gateway, which the test plays itself."""

    def __init__(self, kafka, store, folder):
        self.kafka = kafka
        self.producer = KafkaProducer(kafka)
        self.catalog = KafkaCatalog(kafka, self.producer)
        self.store = ClickHouseStore(store)
        self.stamper = Stamper(SystemClock())
        self.expected: dict[int, int] = {}  # n -> v
        self.chance = random.Random(7)
        self._pushes = 0
        environ = {
            **os.environ,
            "HEADWATER_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "HEADWATER_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "HEADWATER_CLICKHOUSE_URL": store.url,
            "HEADWATER_CLICKHOUSE_DATABASE": store.database,
            "HEADWATER_METRICS_PORT": "0",
            "HEADWATER_PARENT_DEATH": "1",
            "HEADWATER_SCHEDULER_CANARY_ENABLED": "false",
            "HEADWATER_SCHEDULER_REBUILD_AHEAD_RECORDS": "2000",
        }
        self.services = {
            name: Service(name, environ, folder) for name in ("processors", "sinks", "schedulers")
        }

    async def start(self):
        await ensure_topics(self.kafka)
        await self.producer.start()
        await self.catalog.start()
        await self.store.start()
        for service in self.services.values():
            service.start()

    async def close(self):
        for service in self.services.values():
            service.kill()
        await self.store.close()
        await self.catalog.close()
        await self.producer.close()

    @property
    def dataset(self):
        return self.catalog.get("da_1")

    async def push(self, numbers, *, op="upsert"):
        """Put one message on the log as the gateway does."""
        self._pushes += 1
        values = [{"n": n, "m": -n, "v": self._pushes} for n in numbers]
        now_us = SystemClock().now_us()
        headers = {
            "dataset": "one",
            "resource": "r",
            "op": op,
            "version": self.stamper.stamp(len(values)),
            "count": len(values),
            "received-at": now_us,
            "origin": "push",
            "revision": 1,
        }
        pairs = [(name, str(value).encode()) for name, value in headers.items()]
        await self.producer.send(self.kafka.topics.raw, orjson.dumps(values), key=b"one", headers=pairs)
        for n in numbers:
            self.expected.pop(n, None)
            if op == "upsert":
                self.expected[n] = self._pushes

    async def push_on(self, until):
        """Push, overwrite and delete until an event is set."""
        while not until.is_set():
            numbers = self.chance.sample(range(RECORDS + 2_000), MESSAGE)
            await self.push(numbers, op="delete" if self.chance.random() < 0.2 else "upsert")
            await asyncio.sleep(0.05)  # the pace of a busy sender

    async def found(self, generation):
        relation = Relation(table=rows_table("da_1", generation).name)
        try:
            rows = await self.store.select(Select(relation=relation, fields=FIELDS, limit=100_000))
        except UnknownTable:
            return {}
        return {row["n"]: row["v"] for row in rows}

    async def build(self, fields, *, recovers=""):
        """Ask for a build as the management API does."""
        number = self.dataset.last_generation + 1
        build = Build(uid=f"bu_{number}", generation=number, fields=fields, history=False, recovers=recovers)
        await self.catalog.write(replace(self.dataset, build=build, last_generation=number))

    async def reached(self, condition, within_s=120):
        def holds():
            assert condition(self.dataset)

        await eventually(holds, within_s=within_s)


@pytest.fixture
async def stack(broker, clickhouse, unique, tmp_path):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique + ".", partitions=2)
    store = StoreSettings(url=clickhouse.url, database=unique, query_timeout_s=60)
    stack = Stack(kafka, store, tmp_path)
    await stack.start()
    resource = Resource(uid="re_1", resource_id="r", title="r")
    await stack.catalog.write(
        Dataset(
            uid="da_1",
            dataset_id="one",
            title="One",
            published=True,
            resources=(resource,),
            fields=key_on("n"),
        )
    )
    yield stack
    await stack.close()


async def test_a_rebuild_survives_pushes_and_kills(stack):
    """Records in the archive and on the log, overwritten and deleted all the time: equal to the model."""
    for start in range(0, RECORDS, MESSAGE):
        await stack.push(range(start, start + MESSAGE))
    await stack.build(key_on("m"))
    finished = asyncio.Event()
    pushing = asyncio.create_task(stack.push_on(finished))
    schedulers = stack.services["schedulers"]

    await stack.reached(lambda dataset: dataset.build.state is BuildState.FILLING)
    schedulers.kill()
    schedulers.start()
    await stack.reached(lambda dataset: dataset.build.state is BuildState.SETTLING)
    schedulers.kill()
    schedulers.start()
    await stack.reached(lambda dataset: dataset.build is None)
    finished.set()
    await pushing

    assert stack.dataset.generation == 2
    assert stack.dataset.fields == key_on("m")
    await eventually(lambda: equal(stack, 2), within_s=60)


async def equal(stack, generation):
    assert await stack.found(generation) == stack.expected
