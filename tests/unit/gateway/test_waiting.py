"""Who is told that a message is searchable, and when?"""

import asyncio

import pytest

from gateway.coverage import Part, Source
from gateway.waiting import Waiters
from headwater.domain.errors import RateLimited
from headwater.runtime.kafka.producer import Position

LONG_S, SHORT_S = 5.0, 0.01


@pytest.fixture
def waiters():
    return Waiters(limit=3)


def waiting(waiters, partition, offset, timeout_s=LONG_S):
    return asyncio.create_task(waiters.is_visible(Position(partition, offset), timeout_s))


async def test_news_wake_those_whose_message_they_cover(waiters):
    """Nobody else: not the message after, not the same offset of another partition."""
    inside = [waiting(waiters, 0, offset) for offset in (5, 9, 5)]
    outside = [waiting(waiters, 0, 4), waiting(waiters, 0, 10), waiting(waiters, 1, 5)]
    await asyncio.sleep(0)
    waiters.tell([Source(0, 5, 10)], ())

    assert await asyncio.gather(*inside) == [True] * 3
    assert not any(one.done() for one in outside)
    waiters.tell([Source(0, 0, 20), Source(1, 0, 20)], ())
    assert await asyncio.gather(*outside) == [True] * 3


async def test_news_may_come_before_their_waiter(waiters):
    """The acknowledgement and the news can be read in one turn of the loop, in either order."""
    waiters.tell([Source(2, 0, 3)], ())

    assert await waiters.is_visible(Position(2, 2), 0)


async def test_the_last_part_of_a_run_wakes(waiters):
    """A run that became several messages is searchable when all are."""
    source = Source(0, 7, 8)
    waiter = waiting(waiters, 0, 7)
    await asyncio.sleep(0)
    waiters.tell((), [Part(source, 1, 2)])
    await asyncio.sleep(0)
    assert not waiter.done()

    waiters.tell((), [Part(source, 0)])
    assert await waiter


async def test_patience_ends(waiters):
    """False is not a failure: nobody knows yet. Nothing is left of the waiter, nor of one that left."""
    assert not await waiters.is_visible(Position(0, 5), SHORT_S)
    assert not await waiters.is_visible(Position(0, 5), -1)
    cancelled = waiting(waiters, 0, 5)
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])

    assert waiters._waiting == {0: []}


async def test_places_are_bounded(waiters):
    """Who finds no place is told to come again before anything of the request is stored."""
    with waiters.place(), waiters.place(), waiters.place():
        with pytest.raises(RateLimited), waiters.place():
            pass
        assert len(waiters) == 3
    assert len(waiters) == 0


async def test_nobody_waits_at_a_stop(waiters):
    """Who waits is answered while the process still can, and whoever comes later at once."""
    waiter = waiting(waiters, 0, 5)
    await asyncio.sleep(0)
    waiters.close()

    assert not await asyncio.wait_for(waiter, 1)
    assert not await asyncio.wait_for(waiters.is_visible(Position(0, 6), LONG_S), 1)
    waiters.tell([Source(0, 0, 9)], ())
    assert await waiters.is_visible(Position(0, 6), LONG_S)
