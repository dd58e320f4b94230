"""The embedded broker and the topics on it."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from headwater.domain.errors import BrokerUnavailable
from headwater.embedded.kafka import KafkaBroker
from headwater.embedded.ports import free_ports
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.settings import KafkaSettings


def settings(broker, prefix, **options):
    return KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=prefix + ".", **options)


async def topics(broker):
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def test_topics_are_made_once_by_many(broker, unique):
    """Every service asks at its start, several at the same time."""
    kafka = settings(broker, unique)
    await asyncio.gather(*(ensure_topics(kafka) for _ in range(3)))
    await ensure_topics(kafka)
    specs = kafka.topics.specs(partitions=kafka.partitions)
    assert {spec.name for spec in specs} <= await topics(broker)


async def test_away_broker_is_told_in_time(unique):
    """Never a hang."""
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{free_ports(1)[0]}", topic_prefix=unique)
    async with asyncio.timeout(10):
        with pytest.raises(BrokerUnavailable, match="not ready"):
            await ensure_topics(kafka, timeout_s=0.5)


async def test_acknowledged_messages_survive_a_kill(tmp_path, unique):
    """And the broker comes back on the same data, even at other ports."""
    broker = KafkaBroker(tmp_path)
    await broker.start()
    kafka = settings(broker, unique)
    await ensure_topics(kafka)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(kafka.topics.raw, b"kept", partition=0)
    await producer.stop()
    broker.kill()
    await broker.close()

    again = KafkaBroker(tmp_path)
    await again.start()
    try:
        assert await values(again, kafka.topics.raw) == [b"kept"]
    finally:
        await again.close()


async def values(broker, topic):
    """The values of partition 0, read to its end."""
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([partition])
        async with asyncio.timeout(20):
            return [(await consumer.getone(partition)).value]
    finally:
        await consumer.stop()
