"""What do callers hear when the broker dies, and when the gateway is told to stop?  Real processes."""

import asyncio
import time

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from headwater.embedded.kafka import KafkaBroker
from tests.integration.gateway.process import PRODUCE_TIMEOUT_S, GatewayProcess

ANSWER_LIMIT_S = 10.0
CLIENTS = 32


class Load:
    """Clients that push numbers one at a time and note what they were told."""

    def __init__(self, session, url):
        self.session = session
        self.url = url
        self.next = 0
        self.acknowledged = set()
        self.answers = []  # (status or None, seconds)
        self.running = True

    async def client(self):
        while self.running:
            number, self.next = self.next, self.next + 1
            started = time.monotonic()
            try:
                response = await self.session.post(self.url, data=b'{"n":%d}' % number)
                await response.read()
                status = response.status
            except aiohttp.ClientError:
                status = None
            self.answers.append((status, time.monotonic() - started))
            if status == 200:
                self.acknowledged.add(number)
            if status is None:
                return

    async def until(self, count):
        """Wait for so many further acknowledgements."""
        target = len(self.acknowledged) + count
        async with asyncio.timeout(60):
            while len(self.acknowledged) < target:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.02)


async def numbers_on_the_log(bootstrap):
    """Return how often each number is in topic raw."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition("headwater.raw", number) for number in range(4)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found = {}
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for message in records:
                        value = orjson.loads(message.value)
                        for record in value if isinstance(value, list) else [value]:
                            found[record["n"]] = found.get(record["n"], 0) + 1
        return found
    finally:
        await consumer.stop()


@pytest.fixture
async def broker(tmp_path):
    broker = KafkaBroker(tmp_path)
    await broker.start()
    yield broker
    await broker.close()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        yield session


@pytest.fixture
async def gateway(broker, session):
    gateway = GatewayProcess(broker.bootstrap)
    await gateway.start(session)
    yield gateway
    await gateway.kill()


async def test_no_false_ok_and_no_hang_when_the_broker_dies(broker, session, gateway):
    """Everybody is answered in time: ok and then it is on the log, or 503; afterwards all is as before."""
    load = Load(session, await gateway.open_dataset(session))
    clients = [asyncio.ensure_future(load.client()) for _ in range(CLIENTS)]
    await load.until(500)
    broker.kill()
    await asyncio.sleep(PRODUCE_TIMEOUT_S + 1)
    await broker.start()
    await load.until(500)
    load.running = False
    await asyncio.gather(*clients)

    assert {status for status, _ in load.answers} == {200, 503}
    assert max(seconds for _, seconds in load.answers) < ANSWER_LIMIT_S
    assert load.acknowledged <= set(await numbers_on_the_log(broker.bootstrap))
    assert await gateway.stop() == 0


async def test_a_stop_answers_those_in_flight(broker, session, gateway):
    """SIGTERM under load: exit 0, every ok is on the log once, and nothing is there that was refused."""
    load = Load(session, await gateway.open_dataset(session))
    clients = [asyncio.ensure_future(load.client()) for _ in range(CLIENTS)]
    await load.until(500)
    assert await gateway.stop() == 0
    await asyncio.gather(*clients)

    log = await numbers_on_the_log(broker.bootstrap)
    assert load.acknowledged <= set(log)
    assert set(log.values()) == {1}
    assert len(set(log) - load.acknowledged) <= CLIENTS
