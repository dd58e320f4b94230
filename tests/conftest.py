"""Real parts for the tests that need them, started once for the whole session on free ports."""

import asyncio
import os
import threading
from collections.abc import Iterator

import pytest

from headwater.embedded.clickhouse import ClickHouse
from headwater.embedded.kafka import KafkaBroker

START_S, STOP_S = 240, 30  # the first start may download the jars


class Background:
    """An event loop in a thread that lives as long as the session.

    A fixture may be asked for while a test's own loop runs; and Linux ends a tied child together with the
    thread that started it, so that thread has to stay.
    """

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine, timeout_s):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        self._loop.close()


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """Runs coroutines for fixtures of the session."""
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="session")
def broker(background, tmp_path_factory) -> Iterator[KafkaBroker]:
    """A real Kafka broker; `.bootstrap` is its address. Use a topic prefix and groups of your own."""
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    background.run(broker.start(), START_S)
    yield broker
    background.run(broker.close(), STOP_S)


@pytest.fixture(scope="session")
def clickhouse(background, tmp_path_factory) -> Iterator[ClickHouse]:
    """A real ClickHouse endpoint over chDB; `.url` is its address. Use a database of your own."""
    clickhouse = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    background.run(clickhouse.start(), START_S)
    yield clickhouse
    background.run(clickhouse.close(), STOP_S)


@pytest.fixture
def unique() -> str:
    """A name that no other test has: for topic prefixes, databases and datasets."""
    return "t" + os.urandom(6).hex()
