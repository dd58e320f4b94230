"""Does a repeated push store nothing new, whoever takes it and whatever crashed?  Real processes."""

import asyncio

import aiohttp
import orjson
import pytest

from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings
from tests.assertions import eventually
from tests.integration.gateway.process import GatewayProcess

KEYS = 30


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def pair(broker, session, unique):
    """Two gateways over the same topics."""
    gateways = [
        GatewayProcess(broker.bootstrap, HEADWATER_KAFKA_TOPIC_PREFIX=unique, HEADWATER_LOG_LEVEL="error")
        for _ in range(2)
    ]
    try:
        await asyncio.gather(*[gateway.start(session) for gateway in gateways])
        yield gateways
    finally:
        await asyncio.gather(*[gateway.kill() for gateway in gateways if gateway.process])


async def push(session, url, number, body=None):
    """Push one number under its key; return the status, None when nobody answered."""
    headers = {"Idempotency-Key": f"key {number}"}
    try:
        async with session.post(url, data=body or b'{"n":%d}' % number, headers=headers) as response:
            return response.status
    except aiohttp.ClientError:
        return None


async def versions_on_the_log(broker, prefix):
    """Return the versions under which each number is in topic raw."""
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=prefix)
    messages, found = [], {}
    tail = Tail(kafka, kafka.topics.raw, messages.extend)
    await tail.start()
    await tail.close()
    for message in messages:
        found.setdefault(orjson.loads(message.value)["n"], set()).add(dict(message.headers)["version"])
    return found


async def test_repetitions_have_one_version_through_a_race_and_a_crash(broker, session, unique, pair):
    """Both gateways at once, one of them killed in the middle, and everything again after its restart."""
    first, second = pair
    url = await first.open_dataset(session)
    other = url.replace(first.url, second.url)

    async def knows():
        assert await push(session, other, KEYS) == 200

    await eventually(knows)
    racing = [
        asyncio.create_task(push(session, door, number)) for number in range(KEYS) for door in (url, other)
    ]
    await racing[len(racing) // 2]
    await first.kill()
    answers = await asyncio.gather(*racing)
    assert set(answers) <= {200, None}
    assert set(answers[1::2]) == {200}

    await first.start(session)
    for door in (url, other):
        assert [await push(session, door, number) for number in range(KEYS)] == [200] * KEYS
        assert await push(session, door, 3, b'{"n":4}') == 422
    versions = await versions_on_the_log(broker, unique)
    assert set(versions) == set(range(KEYS + 1))
    assert {len(of_number) for of_number in versions.values()} == {1}
