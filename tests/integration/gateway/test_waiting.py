"""Does the news of sinks and processors reach who waits?  The applied topic of a real broker."""

import asyncio

import orjson
import pytest

from gateway.applied import AppliedTail
from gateway.waiting import Waiters
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import ManualClock, Stamper
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings

WAIT_S = 30.0


@pytest.fixture
async def kafka(broker, unique):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique)
    await ensure_topics(kafka)
    return kafka


@pytest.fixture
async def producer(kafka):
    producer = KafkaProducer(kafka)
    await producer.start()
    yield producer
    await producer.close()


async def test_news_wake_waiters_and_lift_the_stamper(kafka, producer):
    """Whole runs and parts, behind a line that cannot be read; what was told before the start is not news."""
    clock, waiters = ManualClock(), Waiters(10)
    version = stamp_at(clock.now_us()) + 1000
    source = "{0.partition}:{0.offset}:{1}".format
    raw = [await producer.send(kafka.topics.raw, b"{}", partition=number) for number in (0, 0, 1)]
    lines = [
        b"nonsense",
        {"max_version": version, "sources": [source(raw[0], raw[0].offset + 1)], "parts": []},
        {"max_version": 0, "parts": [source(raw[2], raw[2].offset + 1) + ":1/2"]},
        {"max_version": 0, "parts": [source(raw[2], raw[2].offset + 1) + ":0"]},
    ]
    await producer.send(kafka.topics.applied, orjson.dumps({"max_version": 1, "sources": ["0:1:2"]}))
    stamper = Stamper(clock)
    tail = AppliedTail(kafka, stamper, waiters)
    await tail.start()
    try:
        waiting = [asyncio.create_task(waiters.is_visible(one, WAIT_S)) for one in (raw[0], raw[2])]
        for line in lines:
            value = line if isinstance(line, bytes) else orjson.dumps(line)
            await producer.send(kafka.topics.applied, value, partition=0)

        assert await asyncio.gather(*waiting) == [True, True]
        assert stamper.stamp() == version + 1
        assert not await waiters.is_visible(raw[1], 0)
    finally:
        await tail.close()
