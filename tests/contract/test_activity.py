"""What every view of the activity keeps: the last line of each key, those from before its start included."""

from contextlib import AsyncExitStack

import orjson
import pytest

from headwater.domain.activity import Progress, Traffic
from headwater.runtime.activity import ActivityTail, MemoryActivity
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings
from tests.assertions import eventually

LINE = {"started_at_us": 1, "at_us": 5, "records": 7, "quarantined": 1}


class MemoryWorld:
    """A view whose lines a test writes into it."""

    def __init__(self):
        self.activity = MemoryActivity()

    async def write(self, key, document):
        if document is None:
            self.activity.read(key, None)
        else:
            self.activity.write(key, document)

    async def open(self):
        return self.activity


class KafkaWorld:
    """A view of a topic that a test writes as the other services do."""

    def __init__(self, kafka, producer, parts):
        self._kafka, self._producer, self._parts = kafka, producer, parts

    async def write(self, key, document):
        value = None if document is None else orjson.dumps(document)
        await self._producer.send(self._kafka.topics.activity, value, key=key.encode(), partition=0)

    async def open(self):
        activity = ActivityTail(self._kafka)
        self._parts.push_async_callback(activity.close)
        await activity.start()
        return activity


@pytest.fixture(params=["memory", "kafka"])
async def world(request, unique):
    if request.param == "memory":
        yield MemoryWorld()
        return
    broker = request.getfixturevalue("broker")
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=f"{unique}.", partitions=1)
    await ensure_topics(kafka)
    async with AsyncExitStack() as parts:
        producer = KafkaProducer(kafka)
        parts.push_async_callback(producer.close)
        await producer.start()
        yield KafkaWorld(kafka, producer, parts)


async def test_what_was_said_before_the_start_is_known(world):
    """Whoever starts later tells the same status."""
    await world.write("in/da_1/realtime/p1", LINE)
    await world.write("build/da_1", {"build": "bu_1", "replayed": 3, "total": None, "at_us": 1})
    activity = await world.open()
    assert activity.traffic("da_1") == {"realtime": Traffic(at_us=5, records=7, quarantined=1)}
    assert activity.progress("da_1") == Progress(build="bu_1", replayed=3, total=None, at_us=1)


async def test_news_arrive(world):
    """A line replaces the one before of the same key; an empty one takes it away."""
    activity = await world.open()
    for records in (1, 2):
        await world.write("in/da_1/realtime/p1", {**LINE, "records": records})
    await world.write("build/da_1", {"build": "bu_1", "replayed": 3, "total": 4, "at_us": 1})

    def told():
        assert activity.progress("da_1")

    await eventually(told)
    assert activity.traffic("da_1")["realtime"].records == 2
    await world.write("build/da_1", None)

    def taken_back():
        assert activity.progress("da_1") is None

    await eventually(taken_back)


async def test_unknown_dataset_has_no_news(world):
    """No answer is an answer."""
    activity = await world.open()
    assert activity.traffic("da_none") == {}
    assert activity.progress("da_none") is None
