"""What every view of the schemas keeps: nothing that was seen is forgotten, whoever saw it, in any order."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
import pytest

from headwater.domain.schema import Rung, Schema
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.schemas import MemorySchemas, SchemaBook
from headwater.runtime.settings import KafkaSettings

NUMBERS = Schema({"a": [Rung.INT]})
TEXTS = Schema({"a": [Rung.TEXT], "b": [Rung.DATE]})


class KafkaWorld:
    """Several readers of one topic, as several processes are."""

    def __init__(self, kafka, parts):
        self._kafka = kafka
        self._parts = parts

    async def open(self):
        producer = KafkaProducer(self._kafka)
        self._parts.push_async_callback(producer.close)
        await producer.start()
        book = SchemaBook(self._kafka, producer)
        self._parts.push_async_callback(book.close)
        await book.start()
        return book

    async def last_line(self, uid):
        """Return what compaction would leave of a dataset's lines."""
        lines = {}

        def read(records):
            lines.update(
                (record.key.decode(), Schema.from_json(orjson.loads(record.value))) for record in records
            )

        tail = Tail(self._kafka, self._kafka.topics.schemas, read)
        await tail.start()
        await tail.close()
        return lines.get(uid)

    async def publish(self, uid, schema):
        """Put a line on the topic as a worker does that knew nothing else, and that is gone now."""
        producer = KafkaProducer(self._kafka)
        await producer.start()
        await producer.send(self._kafka.topics.schemas, orjson.dumps(schema.to_json()), key=uid.encode())
        await producer.close()


@asynccontextmanager
async def world_on(broker, prefix):
    """Make the topics under a prefix of their own, and close what was opened."""
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=f"{prefix}.", partitions=1)
    await ensure_topics(kafka)
    async with AsyncExitStack() as parts:
        yield KafkaWorld(kafka, parts)


@pytest.fixture
async def kafka_world(broker, unique):
    async with world_on(broker, unique) as world:
        yield world


@pytest.fixture(params=["memory", "kafka"])
async def schemas(request, unique):
    if request.param == "memory":
        yield MemorySchemas()
        return
    async with world_on(request.getfixturevalue("broker"), unique) as world:
        yield await world.open()


async def eventually(condition, timeout_s=10):
    """Wait until a condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - there is no event for what another reader knows
            await asyncio.sleep(0.01)


async def test_an_unknown_dataset_has_seen_nothing(schemas):
    """Readers need no special case."""
    assert schemas.get("da_x") == Schema()


async def test_growth_is_there_on_return(schemas):
    """And merges with what was seen before."""
    assert await schemas.grow("da_1", NUMBERS) == NUMBERS
    assert await schemas.grow("da_1", TEXTS) == NUMBERS.merge(TEXTS)
    assert schemas.get("da_1") == NUMBERS.merge(TEXTS)
    assert schemas.get("da_2") == Schema()


async def test_growth_that_is_none_keeps_the_object(schemas):
    """Converters are made anew only when the schema is another object."""
    await schemas.grow("da_1", NUMBERS)
    before = schemas.get("da_1")
    await schemas.grow("da_1", NUMBERS)
    assert schemas.get("da_1") is before


async def test_readers_hear_of_each_other(kafka_world):
    """What one worker saw, the others and the gateway know soon."""
    one, other = await kafka_world.open(), await kafka_world.open()
    await one.grow("da_1", NUMBERS)
    await eventually(lambda: other.get("da_1") == NUMBERS)
    assert (await kafka_world.open()).get("da_1") == NUMBERS


async def test_the_last_line_ends_up_with_everything(kafka_world):
    """Compaction keeps only the last line of a dataset, so it must not lack what an earlier one had."""
    worker = await kafka_world.open()
    await worker.grow("da_1", NUMBERS)
    await kafka_world.publish("da_1", TEXTS)
    await eventually(lambda: worker.get("da_1") == NUMBERS.merge(TEXTS))
    async with asyncio.timeout(10):
        while await kafka_world.last_line("da_1") != NUMBERS.merge(TEXTS):  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.05)
