"""What every reader from a position and every teller of offsets does: in memory and over Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.groups import KafkaOffsets, has_passed
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.reader import KafkaReader, PositionGone
from headwater.runtime.memory.log import MemoryOffsets, MemoryReader
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.settings import KafkaSettings
from tests.assertions import eventually

PARTITIONS = 2

pytestmark = pytest.mark.timeout(60)


class Memory:
    def __init__(self):
        self.topic = "raw"
        self.producer = MemoryProducer(PARTITIONS)
        self.offsets = MemoryOffsets(self.producer, PARTITIONS)
        self.reader = MemoryReader(self.producer, self.topic)

    async def start(self):
        pass

    async def commit(self, group, partition, offset):
        self.offsets.commit(group, self.topic, partition, offset)

    async def forget(self, offset):
        self.reader.first = offset

    async def close(self):
        pass


class Kafka:
    def __init__(self, bootstrap, name):
        self.kafka = KafkaSettings(bootstrap=bootstrap, topic_prefix=name + ".", partitions=PARTITIONS)
        self.topic = self.kafka.topics.raw
        self.producer = KafkaProducer(self.kafka)
        self.offsets = KafkaOffsets(self.kafka)
        self.reader = KafkaReader(self.kafka, self.topic)

    async def start(self):
        await ensure_topics(self.kafka)
        await self.producer.start()

    async def commit(self, group, partition, offset):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            where = TopicPartition(self.topic, partition)
            consumer.assign([where])
            await consumer.commit({where: offset})
        finally:
            await consumer.stop()

    async def forget(self, offset):
        from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            await admin.delete_records(
                {TopicPartition(self.topic, one): RecordsToDelete(offset) for one in range(PARTITIONS)}
            )
        finally:
            await admin.close()

    async def close(self):
        await self.reader.close()
        await self.offsets.close()
        await self.producer.close()


@pytest.fixture(params=["memory", "kafka"])
async def side(request, unique):
    if request.param == "memory":
        side = Memory()
    else:
        side = Kafka(request.getfixturevalue("broker").bootstrap, unique)
    await side.start()
    yield side
    await side.close()


async def fill(side, messages=3):
    for number in range(messages):
        for partition in range(PARTITIONS):
            await side.producer.send(
                side.topic, b"%d" % number, headers=(("n", b"%d" % number),), partition=partition
            )


async def read(side, count):
    """Return (partition, offset, value) of the next messages."""
    found = []

    async def enough():
        for partition, messages in (await side.reader.read(0.2)).items():
            found.extend((partition, one.offset, one.value) for one in messages)
        assert len(found) >= count

    await eventually(enough)
    return sorted(found)


async def test_a_topic_ends_where_the_next_message_goes(side):
    """An empty partition ends where it begins."""
    assert await side.offsets.ends(side.topic) == {0: 0, 1: 0}
    await side.producer.send(side.topic, b"1", partition=1)

    assert await side.offsets.ends(side.topic) == {0: 0, 1: 1}
    assert await side.offsets.starts(side.topic) == {0: 0, 1: 0}


async def test_committed_offsets_are_those_of_the_group(side):
    """A partition that it never committed, and a group that nobody knows, have none."""
    await fill(side)
    await side.commit("mine", 1, 2)

    assert await side.offsets.committed("mine", side.topic) == {1: 2}
    assert await side.offsets.committed("other", side.topic) == {}


async def test_reading_begins_where_it_is_told(side):
    """From these positions on, each message once, with its headers."""
    await fill(side)
    await side.reader.open({0: 1, 1: 3})
    assert await read(side, 2) == [(0, 1, b"1"), (0, 2, b"2")]

    await side.producer.send(side.topic, b"new", partition=1, headers=(("n", b"new"),))
    assert await read(side, 1) == [(1, 3, b"new")]


async def test_only_named_partitions_are_read(side):
    """Whoever opens says which."""
    await fill(side)
    await side.reader.open({1: 0})

    assert {partition for partition, *_ in await read(side, 3)} == {1}


async def test_reading_may_begin_again_somewhere_else(side):
    """Opening again forgets where it was."""
    await fill(side, 1)
    await side.reader.open({0: 0, 1: 0})
    await read(side, 2)
    await side.reader.open({0: 0, 1: 1})

    assert await read(side, 1) == [(0, 0, b"0")]


async def test_messages_that_are_gone_are_missed_aloud(side):
    """To go on with the next ones would lose some in silence."""
    await fill(side)
    await side.forget(2)
    await side.reader.open({0: 1, 1: 1})

    async def gone():
        with pytest.raises(PositionGone):
            await side.reader.read(0.2)

    await eventually(gone)


async def test_offsets_of_a_broker_that_is_away_are_unavailable(unused_tcp):
    """In bounded time, and the next call tries again."""
    offsets = KafkaOffsets(KafkaSettings(bootstrap=f"127.0.0.1:{unused_tcp}"))
    async with asyncio.timeout(30):
        for _ in range(2):
            with pytest.raises(BrokerUnavailable):
                await offsets.ends("raw")
    await offsets.close()


@pytest.fixture
async def unused_tcp():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.parametrize(
    ("reached", "passed"), [({0: 3, 1: 1}, True), ({0: 2, 1: 1}, False), ({0: 3}, True), ({1: 9}, False)]
)
def test_a_group_has_passed_what_it_committed(reached, passed):
    """An empty partition, or one of which all is gone, has nothing to commit."""
    assert has_passed(reached, {0: 3, 1: 1}, {0: 0, 1: 1}) is passed
