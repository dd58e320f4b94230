"""How old may what a tail has handed over be?  Real Kafka, killed."""

import time

import pytest

from headwater.embedded.kafka import KafkaBroker
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings
from tests.assertions import eventually

pytestmark = pytest.mark.timeout(120)

YOUNG_S = 2.0  # a poll of one second, a wait at the broker of half a one
WAIT_S = 60.0


@pytest.fixture
async def broker(tmp_path):
    """A broker of this test's own, to be killed."""
    broker = KafkaBroker(tmp_path)
    await broker.start()
    yield broker
    await broker.close()


async def test_a_tail_knows_how_old_its_news_is(broker):
    """Young while the broker answers, also without news; older and older while it is away; young again.

    And whatever was acknowledged before the moment that the age tells has been handed over.
    """
    kafka = KafkaSettings(bootstrap=broker.bootstrap, produce_timeout_s=5)
    await ensure_topics(kafka)
    producer = KafkaProducer(kafka)
    await producer.start()
    seen = []
    tail = Tail(kafka, kafka.topics.records, seen.extend)
    assert tail.age_s == float("inf")
    await tail.start()
    try:
        started_s = time.monotonic()

        def heard_since(moment_s):
            assert tail.age_s < time.monotonic() - moment_s

        await eventually(lambda: heard_since(started_s), within_s=YOUNG_S)
        for number in range(20):
            await producer.send(kafka.topics.records, b"%d" % number)
        acknowledged_s = time.monotonic()
        await eventually(lambda: heard_since(acknowledged_s), within_s=5, every_s=0.01)
        assert len(seen) == 20

        broker.kill()

        def old():
            assert tail.age_s > 2 * YOUNG_S

        await eventually(old, within_s=WAIT_S)
        await broker.start()

        def young():
            assert tail.age_s < YOUNG_S

        await eventually(young, within_s=WAIT_S)
    finally:
        await tail.close()
        await producer.close()
