"""API keys as documents: made in one process, opening in all, until they are deleted."""

import asyncio
from functools import partial

import pytest

from headwater.domain.apikeys import APIKEYS, ApiKey, KeyScope, hash_apikey
from headwater.domain.errors import Conflict
from headwater.runtime.documents import KafkaDocuments, MemoryDocuments
from tests.contract.worlds import KafkaWorld, MemoryWorld

WAIT_S = 20.0
HASH = hash_apikey("5e" * 28)
KEY = ApiKey(uid="ak_1", hash=HASH, scopes=(KeyScope.READ,), datasets=("da_1",), expires_at_us=5)


def kafka_apikeys(kafka, producer):
    return KafkaDocuments(APIKEYS, kafka, kafka.topics.apikeys, producer)


@pytest.fixture(params=["memory", "kafka"])
async def world(request):
    if request.param == "memory":
        world = MemoryWorld(partial(MemoryDocuments, APIKEYS))
    else:
        world = KafkaWorld(request.getfixturevalue("broker").bootstrap, "apikeys", kafka_apikeys)
        await world.start()
    yield world
    await world.close()


async def until(apikeys, holds):
    """Wait until a view fulfils a condition, checked at each of its changes."""
    done = asyncio.Event()
    apikeys.subscribe(lambda _old, _new: done.set() if holds() else None)
    if not holds():
        await asyncio.wait_for(done.wait(), WAIT_S)


async def test_a_key_is_found_by_its_hash_in_every_process(world):
    """Also in one that starts later; and when it was deleted, in none."""
    one, other = await world.open(), await world.open()
    written = await one.write(KEY)
    await until(other, lambda: other.find(HASH) == written)
    late = await world.open()
    assert late.find(HASH) == late.get("ak_1") == written
    await other.delete(written)
    assert other.find(HASH) is None
    for apikeys in (one, late):
        await until(apikeys, lambda apikeys=apikeys: apikeys.find(HASH) is None)


async def test_one_hash_belongs_to_one_key(world):
    """So looking it up has one answer."""
    apikeys = await world.open()
    await apikeys.write(KEY)
    with pytest.raises(Conflict, match="taken"):
        await apikeys.write(ApiKey(uid="ak_2", hash=HASH))


async def test_what_is_known_is_fresh_while_the_log_answers(world):
    """Nobody has to wait for what every process hears all the time."""
    apikeys = await world.open()
    assert apikeys.ready
    assert apikeys.age_s < WAIT_S
