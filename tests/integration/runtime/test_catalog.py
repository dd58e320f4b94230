"""The catalog on a Kafka of its own: disputes after a crash, foreign lines, a broker that dies."""

import asyncio
from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset, encode_dataset
from headwater.domain.errors import BrokerUnavailable
from headwater.embedded.kafka import KafkaBroker
from headwater.runtime.catalog import KafkaCatalog
from headwater.runtime.documents import BASE
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

WAIT_S = 60.0
FRESH = Dataset(uid="da_1", dataset_id="a", title="A")


@pytest.fixture
async def parts():
    """Things to close at the end, the last first."""
    parts = []
    yield parts
    for part in reversed(parts):
        await part.close()


async def opened(kafka, parts):
    producer = KafkaProducer(kafka)
    parts.append(producer)
    await producer.start()
    catalog = KafkaCatalog(kafka, producer)
    parts.append(catalog)
    await catalog.start()
    return catalog, producer


async def lines_of(kafka):
    """Return (key, value) of every line of the catalog topic."""
    lines = []
    tail = Tail(kafka, kafka.topics.catalog, lines.extend)
    await tail.start()
    await tail.close()
    return [(line.key, line.value) for line in lines]


async def put(producer, kafka, dataset, base):
    headers = ((BASE, str(base).encode()),)
    await producer.send(
        kafka.topics.catalog, encode_dataset(dataset), key=dataset.uid.encode(), headers=headers, partition=0
    )


async def test_dispute_of_a_writer_that_died_is_settled_by_the_next_start(broker, unique, parts):
    """The last line of every uid is again what counts, so compaction cannot change it."""
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique)
    await ensure_topics(kafka)
    catalog, producer = await opened(kafka, parts)
    kept = await catalog.write(FRESH)
    await put(producer, kafka, replace(kept, title="lost"), 0)
    await put(producer, kafka, replace(FRESH, uid="da_2", title="lost", revision=1), 0)
    late, _ = await opened(kafka, parts)
    assert list(late.all()) == [kept]
    last = dict(await lines_of(kafka))
    assert last == {b"da_1": encode_dataset(kept), b"da_2": None}


async def test_lines_that_are_not_ours_are_skipped(broker, unique, parts):
    """Somebody's mistake on the topic does not stop the services."""
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique)
    await ensure_topics(kafka)
    catalog, producer = await opened(kafka, parts)
    for key, value in ((b"da_1", b"no json"), (b"\xff", b"x"), (b"da_1", encode_dataset(FRESH))):
        await producer.send(kafka.topics.catalog, value, key=key, partition=0)
    assert (await catalog.write(FRESH)).revision == 1
    assert catalog.ready


async def test_catalog_survives_a_broker_that_is_killed(tmp_path, unique, parts):
    """Meanwhile reads go on and writes fail within their bound; afterwards both sides go on by themselves."""
    broker = KafkaBroker(tmp_path)
    await broker.start()
    parts.append(broker)
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=unique, produce_timeout_s=2)
    await ensure_topics(kafka)
    writer, _ = await opened(kafka, parts)
    reader, _ = await opened(kafka, parts)
    await writer.write(FRESH)
    broker.kill()
    async with asyncio.timeout(10):
        with pytest.raises(BrokerUnavailable):
            await writer.write(Dataset(uid="da_2", dataset_id="b", title="B"))
    assert writer.find("a").title == "A"
    seen = asyncio.Event()
    reader.subscribe(lambda _old, new: seen.set() if new is not None and new.uid == "da_3" else None)
    await broker.start()
    async with asyncio.timeout(WAIT_S):
        while writer.get("da_3") is None:
            try:
                await writer.write(Dataset(uid="da_3", dataset_id="c", title="C"))
            except BrokerUnavailable:
                continue
        await seen.wait()
    assert reader.get("da_3") == writer.get("da_3")
