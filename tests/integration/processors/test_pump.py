"""Postponed records are handed over when they are due, by a real broker's clock, and by somebody surely."""

import asyncio
import uuid

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from headwater.runtime.clock import SystemClock
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings
from processors.pump import Pump
from tests.assertions import eventually

TIERS_S = (0.3, 0.3, 0.3, 600.0)


@pytest.fixture
async def kafka(broker):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=f"pump-{uuid.uuid4().hex[:12]}.")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    spec = next(one for one in kafka.topics.specs(partitions=1) if one.name == kafka.topics.postponed)
    await admin.create_topics([NewTopic(spec.name, spec.partitions, 1)])
    await admin.close()
    return kafka


@pytest.fixture
async def producer(kafka):
    producer = KafkaProducer(kafka)
    await producer.start()
    yield producer
    await producer.close()


class Desk:
    """Takes what is handed over, and notes when."""

    def __init__(self, kafka, *, refuses=False):
        self.taken = []
        self.refuses = refuses
        self._pump = Pump(kafka, SystemClock(), self._take, tiers_s=TIERS_S)

    async def _take(self, dataset_uid, value):
        self.taken.append((dataset_uid, value, SystemClock().now_us()))
        if self.refuses:
            await asyncio.Event().wait()

    async def __aenter__(self):
        self._running = asyncio.create_task(self._pump.run())
        return self

    async def __aexit__(self, *_):
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


async def test_a_record_is_handed_over_when_it_is_due_and_not_before(kafka, producer):
    """And nothing waits behind one of a slower tier."""
    sent_us = SystemClock().now_us()
    await producer.send(kafka.topics.postponed, b"slow", key=b"da_1", partition=3)
    await producer.send(kafka.topics.postponed, b"fast", key=b"da_1", partition=0)
    async with Desk(kafka) as desk:

        async def taken():
            assert [one[:2] for one in desk.taken] == [("da_1", b"fast")]

        await eventually(taken, within_s=30)
        assert desk.taken[0][2] - sent_us >= TIERS_S[0] * 1_000_000


async def test_what_was_not_handled_is_handed_to_the_next(kafka, producer):
    """A processor that dies in the middle loses nothing; what was handled does not come again."""
    for value in (b"one", b"two"):
        await producer.send(kafka.topics.postponed, value, key=b"da_1", partition=1)
    async with Desk(kafka, refuses=True) as dying:

        async def begun():
            assert [one[1] for one in dying.taken] == [b"one"]

        await eventually(begun, within_s=30)
    for expected in ([b"one", b"two"], [b"three"]):
        async with Desk(kafka) as desk:
            if expected == [b"three"]:
                await producer.send(kafka.topics.postponed, b"three", key=b"da_1", partition=1)

            async def taken(desk=desk, expected=expected):
                assert [one[1] for one in desk.taken] == expected

            await eventually(taken, within_s=30)
