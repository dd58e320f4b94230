"""The Producer port: one suite on the in-memory twin and on a real Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from headwater.domain.errors import BrokerUnavailable, TooLarge
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer, Position
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES
from headwater.runtime.kafka.turns import STAY_BYTES
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.settings import KafkaSettings

WAIT_S = 20.0
PARTITIONS = 4


class MemoryWorld:
    """The twin, and a look at its log."""

    def __init__(self):
        self.topic = "headwater.raw"
        self.producer = MemoryProducer(partitions=PARTITIONS)

    async def start(self):
        await self.producer.start()

    async def log(self):
        """Return {(partition, offset): (key, value, headers)}."""
        return {
            (one.partition, one.offset): (one.key, one.value, one.headers)
            for one in self.producer.sent(self.topic)
        }


class KafkaWorld:
    """A real broker, read back by a plain consumer."""

    def __init__(self, bootstrap, prefix):
        self.kafka = KafkaSettings(
            bootstrap=bootstrap, topic_prefix=f"{prefix}.", partitions=PARTITIONS, produce_timeout_s=5
        )
        self.topic = self.kafka.topics.raw
        self.producer = KafkaProducer(self.kafka)

    async def start(self):
        await ensure_topics(self.kafka)
        await self.producer.start()

    async def log(self):
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            left = sum((await consumer.end_offsets(partitions)).values())
            found = {}
            async with asyncio.timeout(WAIT_S):
                while len(found) < left:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for one in records:
                            found[one.partition, one.offset] = (one.key, one.value, tuple(one.headers))
            return found
        finally:
            await consumer.stop()


@pytest.fixture(params=["memory", "kafka"])
async def world(request):
    if request.param == "memory":
        world = MemoryWorld()
    else:
        world = KafkaWorld(request.getfixturevalue("broker").bootstrap, request.getfixturevalue("unique"))
    await world.start()
    yield world
    await world.producer.close()


async def test_message_lies_where_send_says(world):
    """Value, key and headers arrive unchanged at the position that was returned."""
    headers = (("version", b"7"), ("op", b"upsert"))
    position = await world.producer.send(world.topic, b"[1]", key=b"flights", headers=headers, partition=2)

    assert position == Position(2, 0)
    assert await world.log() == {(2, 0): (b"flights", b"[1]", headers)}


async def test_tombstone_has_no_value(world):
    """A key without a value is how a compacted topic forgets."""
    position = await world.producer.send(world.topic, None, key=b"da_1")

    assert await world.log() == {(position.partition, position.offset): (b"da_1", None, ())}


async def test_one_key_spreads_over_all_partitions(world):
    """A hot dataset is not bound to one partition: who sends much takes turns."""
    much = b"x" * STAY_BYTES
    positions = [await world.producer.send(world.topic, much, key=b"hot") for _ in range(2 * PARTITIONS)]

    assert sorted(one.partition for one in positions) == sorted([*range(PARTITIONS)] * 2)


async def test_many_at_once_are_all_there_once(world):
    """Pipelined messages each get a position of their own, and what lies there is theirs."""
    futures = [world.producer.send_soon(world.topic, b"%d" % number) for number in range(500)]
    positions = await asyncio.wait_for(asyncio.gather(*futures), WAIT_S)

    log = await world.log()
    assert len(log) == 500
    for number, position in enumerate(positions):
        assert log[position.partition, position.offset][1] == b"%d" % number


async def test_large_messages_pass_and_larger_are_refused(world):
    """Five mebibytes are no problem; above the topics' limit the refusal names it, and nothing breaks."""
    large = b"x" * (5 * 1024 * 1024)
    await asyncio.wait_for(world.producer.send(world.topic, large), WAIT_S)
    with pytest.raises(TooLarge) as caught:
        await world.producer.send(world.topic, b"x" * (MAX_MESSAGE_BYTES + 1))
    await world.producer.send(world.topic, b"after")

    assert caught.value.limit_bytes == MAX_MESSAGE_BYTES
    assert sorted(len(value) for _, value, _ in (await world.log()).values()) == [5, len(large)]


async def test_closed_producer_says_so(world):
    """After the end nothing is taken on, and ending twice is harmless."""
    await world.producer.close()
    await world.producer.close()

    with pytest.raises(BrokerUnavailable):
        await world.producer.send(world.topic, b"{}")
    with pytest.raises(BrokerUnavailable):
        await world.producer.send_soon(world.topic, b"{}")


async def test_closing_waits_for_what_is_under_way(world):
    """What was handed over before the end is acknowledged, not dropped."""
    futures = [world.producer.send_soon(world.topic, b"%d" % number) for number in range(50)]
    await asyncio.sleep(0)
    await world.producer.close()

    assert len(await asyncio.gather(*futures)) == 50
