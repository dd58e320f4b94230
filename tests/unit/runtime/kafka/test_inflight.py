"""How many bytes may wait for the broker?"""

import asyncio

import pytest

from headwater.runtime.kafka.inflight import InflightBytes


async def test_room_is_given_in_the_order_of_asking():
    """A small message does not overtake a large one that waits, so nobody starves."""
    inflight = InflightBytes(10)
    await inflight.take(8)
    large = asyncio.ensure_future(inflight.take(9))
    small = asyncio.ensure_future(inflight.take(1))
    await asyncio.sleep(0)
    assert not large.done()
    assert not small.done()

    inflight.give(8)
    await asyncio.wait_for(asyncio.gather(large, small), 1)
    assert inflight.used_bytes == 10


async def test_message_above_the_limit_goes_alone():
    """Something larger than the whole bound waits until nothing else is there, and not for ever."""
    inflight = InflightBytes(10)
    await asyncio.wait_for(inflight.take(50), 1)

    assert inflight.used_bytes == 50


async def test_giving_up_the_wait_leaves_nothing_behind():
    """A cancelled wait frees its place in the queue, also when its turn came at the same moment."""
    inflight = InflightBytes(10)
    await inflight.take(10)
    waiting = [asyncio.ensure_future(inflight.take(5)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    inflight.give(10)
    waiting[1].cancel()
    await asyncio.wait_for(waiting[2], 1)
    for one in waiting[:2]:
        with pytest.raises(asyncio.CancelledError):
            await one

    assert inflight.used_bytes == 5
