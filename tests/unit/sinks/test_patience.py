"""What if the store is away?"""

import asyncio

import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.runtime.health import Health
from headwater.runtime.store import RowsRefused, UnknownTable
from sinks.patience import Patience


def failing(*errors):
    """Return an attempt that fails with these errors, then succeeds, and a list as long as its calls."""
    left, calls = list(errors), []

    async def attempt():
        calls.append(1)
        if left:
            raise left.pop(0)

    return attempt, calls


def patience(health=None):
    return Patience(health or Health(), first_s=0.001, longest_s=0.002)


async def test_attempt_is_repeated_until_the_store_answers():
    """An outage of any length ends with success, not with a lost row."""
    attempt, calls = failing(*[StoreUnavailable("away")] * 5, UnknownTable("not yet"))

    await patience().persist(attempt)

    assert len(calls) == 7


async def test_failure_is_told_each_time():
    """Whoever keeps knowledge of the store can drop it."""
    attempt, _ = failing(StoreUnavailable("away"), UnknownTable("gone"))
    told = []

    await patience().persist(attempt, failed=lambda: told.append(1))

    assert len(told) == 2


async def test_readiness_follows_the_store():
    """Not ready while the store is away, ready when it answers again."""
    health = Health()
    health.set("store", ok=True)
    seen = []
    attempt, _ = failing(StoreUnavailable("away"))

    async def watched():
        seen.append(health.ready)
        await attempt()

    await patience(health).persist(watched)

    assert seen == [True, False]
    assert health.ready


async def test_other_errors_are_not_for_patience():
    """Refused rows will be refused again."""
    attempt, calls = failing(RowsRefused("bad"))

    with pytest.raises(RowsRefused):
        await patience().persist(attempt)

    assert len(calls) == 1


async def test_patience_ends_when_it_is_cancelled():
    """A stop does not wait for the store to come back."""

    async def attempt():
        raise StoreUnavailable("away")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await patience().persist(attempt)
