"""Real parts for the tests that need them, started once for the whole session on free ports."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from headwater.embedded.clickhouse import ClickHouse
from headwater.embedded.kafka import KafkaBroker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A real Kafka broker; `.bootstrap` is its address. Use topics (a prefix) of your own."""
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    asyncio.run(broker.start())
    yield broker
    asyncio.run(broker.close())


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A real ClickHouse endpoint over chDB; `.url` is its address. Use tables or a database of your own."""
    clickhouse = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    asyncio.run(clickhouse.start())
    yield clickhouse
    asyncio.run(clickhouse.close())


@pytest.fixture
def unique() -> str:
    """A name that no other test has: for topics, databases and datasets."""
    return "t" + os.urandom(6).hex()
