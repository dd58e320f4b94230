"""What does the producer do when the broker dies?  Real Kafka, killed."""

import asyncio
import os
import signal
import time

import pytest

from headwater.domain.errors import BrokerUnavailable
from headwater.embedded.kafka import KafkaBroker
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings

TIMEOUT_S = 2.0
WAIT_S = 40.0


@pytest.fixture
async def broker(tmp_path):
    """A broker of this test's own, to be killed."""
    broker = KafkaBroker(tmp_path)
    await broker.start()
    yield broker
    await broker.close()


@pytest.fixture
async def producer(broker):
    kafka = KafkaSettings(bootstrap=broker.bootstrap, produce_timeout_s=TIMEOUT_S)
    await ensure_topics(kafka)
    producer = KafkaProducer(kafka, inflight_limit_bytes=100_000)
    await producer.start()
    yield producer
    await producer.close()


async def assert_unavailable_in_time(producer):
    """A failing send ends in BrokerUnavailable, soon after the produce time-out at the latest."""
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        await producer.send("headwater.raw", b"lost?")
    assert time.monotonic() - started < TIMEOUT_S + 1


async def send_until_acknowledged(producer):
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await producer.send("headwater.raw", b"back")
            except BrokerUnavailable:
                continue


async def test_producer_outlives_a_killed_broker(broker, producer):
    """Killed and started again: no hang, no false ok, and the same producer works on, more than once."""
    for _ in range(2):
        await producer.send("headwater.raw", b"before")
        broker.kill()
        await assert_unavailable_in_time(producer)
        assert not producer.available

        await broker.start()
        await send_until_acknowledged(producer)
        assert producer.available


async def test_memory_is_bounded_while_the_broker_is_away(broker, producer):
    """A flood against a dead broker fails in time, and what the client holds stays under its bound."""
    broker.kill()
    floods = [producer.send_soon("headwater.raw", b"x" * 10_000) for _ in range(200)]
    done, pending = await asyncio.wait(floods, timeout=TIMEOUT_S + 2)

    assert not pending
    assert all(isinstance(one.exception(), BrokerUnavailable) for one in done)
    assert producer.inflight_bytes <= 100_000
    await broker.start()
    await send_until_acknowledged(producer)


async def test_broker_that_hangs_is_no_broker(broker, producer):
    """A frozen broker keeps its connections open; the deadline holds all the same."""
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        await assert_unavailable_in_time(producer)
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    await send_until_acknowledged(producer)


async def test_start_gives_up_in_time():
    """Nobody there: a sentence with the address, not a hang."""
    producer = KafkaProducer(KafkaSettings(bootstrap="127.0.0.1:1", produce_timeout_s=1))

    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
        await producer.start(timeout_s=1)
    await producer.close()
