"""Who learns that rows are now searchable?"""

import asyncio

import orjson
import pytest

from headwater.domain.versions import stamp_at
from headwater.runtime.memory.producer import MemoryProducer
from sinks import applied
from sinks.applied import AppliedNews, applied_value, joined_sources
from sinks.parcels import rows_parcel


@pytest.mark.parametrize(
    ("sources", "joined"),
    [
        ([], []),
        (["", "0:5:7"], ["0:5:7"]),
        (["0:5:7", "0:7:9"], ["0:5:9"]),
        (["0:7:9", "0:5:7", "0:5:7"], ["0:5:9"]),
        (["0:5:7", "0:8:9"], ["0:5:7", "0:8:9"]),
        (["0:5:9", "0:6:7"], ["0:5:9"]),
        (["1:7:9", "0:5:7"], ["0:5:7", "1:7:9"]),
        (["0:9:10", "0:10:11"], ["0:9:11"]),
    ],
)
def test_neighbouring_sources_are_one(sources, joined):
    """The news names ranges of the raw topic, as few as say the same."""
    assert joined_sources(sources) == joined


T_US = 1_714_979_289_000_010  # 2024-05-06 07:08:09.000010


def test_news_names_the_generation_its_sources_and_the_greatest_version(log):
    """Readers learn up to where rows are searchable and how fresh they are; headers say it, not rows."""
    greatest = stamp_at(T_US)
    first = rows_parcel(log.run(b"", version=str(greatest - 1)))
    second = rows_parcel(log.run(b"", version=str(greatest)))
    third = rows_parcel(log.run(b"", version=str(greatest - 2)))

    assert orjson.loads(applied_value([first, second, third], 4)) == {
        "dataset": "da_a",
        "generation": 1,
        "sources": ["0:0:3"],
        "rows": 4,
        "max_version": greatest,
        "received_at": "2024-05-06T07:08:09.000010+00:00",
    }


def test_parts_of_a_run_are_told_one_by_one(log):
    """A run that became several messages is through when all of its parts are; the last says how many."""
    parcels = [
        rows_parcel(log.run(b"", source="0:5:9", part="0")),
        rows_parcel(log.run(b"", source="0:5:9", part="1/2")),
        rows_parcel(log.run(b"", source="0:9:12")),
    ]

    value = orjson.loads(applied_value(parcels, 3))

    assert value["sources"] == ["0:9:12"]
    assert value["parts"] == ["0:5:9:0", "0:5:9:1/2"]


@pytest.mark.parametrize("version", [None, "", "x", "-1", "٣", "9" * 5000])
def test_news_of_messages_without_a_readable_version_is_still_news(log, version):
    """Their runs' end is to be told all the same."""
    parcel = rows_parcel(log.run(b"garbage", b"", version=version))

    value = orjson.loads(applied_value([parcel], 0))

    assert (value["sources"], value["max_version"]) == (["0:0:2"], 0)
    assert value["received_at"] == "1970-01-01T00:00:00+00:00"


async def test_news_is_told_under_the_dataset():
    """The key is the dataset's uid."""
    producer = MemoryProducer()
    news = AppliedNews(producer, "applied", 5)
    news.tell("da_a", b"{}")
    await news.close(5)

    (message,) = producer.sent("applied")
    assert (message.key, message.value) == (b"da_a", b"{}")


async def test_news_waits_for_kafka_without_holding_anybody_up(monkeypatch):
    """Telling returns at once; what could not be told is told when Kafka is back."""
    monkeypatch.setattr(applied, "RETRY_S", 0.001)
    producer = MemoryProducer()
    producer.available = False
    news = AppliedNews(producer, "applied", 5)
    news.tell("da_a", b"{}")
    await asyncio.sleep(0)
    assert producer.sent("applied") == []

    producer.available = True
    await news.close(5)

    assert len(producer.sent("applied")) == 1


async def test_news_is_given_up_after_its_time(monkeypatch):
    """Retries are bounded: the rows are stored whether or not anybody hears of it."""
    monkeypatch.setattr(applied, "RETRY_S", 0.001)
    producer = MemoryProducer()
    producer.available = False
    news = AppliedNews(producer, "applied", 0.01)
    news.tell("da_a", b"{}")

    await news.close(5)

    producer.available = True
    assert producer.sent("applied") == []


async def test_waiting_news_is_bounded(monkeypatch):
    """While Kafka is away news piles up only so far."""
    monkeypatch.setattr(applied, "MAX_UNTOLD", 3)
    producer = MemoryProducer()
    producer.hold()
    news = AppliedNews(producer, "applied", 5)
    for _ in range(10):
        news.tell("da_a", b"{}")

    producer.release()
    await news.close(5)

    assert len(producer.sent("applied")) == 3


async def test_closing_gives_up_what_cannot_be_told_in_time():
    """A stop does not wait for Kafka."""
    producer = MemoryProducer()
    producer.hold()
    news = AppliedNews(producer, "applied", 60)
    news.tell("da_a", b"{}")

    await news.close(0.01)
    await news.close(0.01)

    assert producer.sent("applied") == []
