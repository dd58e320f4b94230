"""What geocoders answered, on the twin and on ClickHouse: kept by key until it expires."""

import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import CachedAnswer

NOW_US = 4_000_000_000_000_000  # far ahead: ClickHouse drops what has expired by its own clock
HOUR_US = 3600 * 1_000_000


def key(number):
    return f"{number:040x}"


def answer(number, text='{"lat": 48.1}', *, at_us=NOW_US, life_us=HOUR_US):
    return CachedAnswer(key=key(number), answer=text, answered_at_us=at_us, expires_at_us=at_us + life_us)


async def found(store, *numbers, provider="ban", now_us=NOW_US):
    answers = await store.cached_answers(provider, [key(one) for one in numbers], now_us)
    return sorted(answers, key=lambda one: one.key)


async def test_answers_come_back_as_they_were_kept(store):
    """Those that were asked for and are there, whatever their text; of each provider its own."""
    kept = [answer(1), answer(2, '{"words": "ü\'`\\n"}'), answer(2**160 - 1, "{}", life_us=1)]
    await store.cache_answers("ban", kept)
    await store.cache_answers("o'ther`", [answer(1, "[]")])

    assert await found(store, 1, 2, 3, 2**160 - 1) == kept
    assert await found(store, 1, provider="o'ther`") == [answer(1, "[]")]
    assert await found(store, 1, provider="pdok") == []
    assert await found(store) == []


async def test_answer_is_there_until_it_expires(store):
    """The moment itself is too late."""
    await store.cache_answers("ban", [answer(1)])

    assert len(await found(store, 1, now_us=NOW_US + HOUR_US - 1)) == 1
    assert await found(store, 1, now_us=NOW_US + HOUR_US) == []


@pytest.mark.parametrize("order", [1, -1])
async def test_newest_answer_counts_in_any_order(store, order):
    """Also when it lives shorter than the one before; repeating changes nothing."""
    old = answer(1, "old", life_us=100 * HOUR_US)
    new = answer(1, "new", at_us=NOW_US + 1)
    for one in (old, new, new)[::order]:
        await store.cache_answers("ban", [one])

    assert await found(store, 1) == [new]
    assert await found(store, 1, now_us=NOW_US + 2 * HOUR_US) == []


async def test_many_questions_are_asked_at_once(store):
    """More than fit one statement."""
    await store.cache_answers("ban", [answer(number) for number in range(2500)])

    assert len(await found(store, *range(3000))) == 2500


async def test_no_answers_are_no_insert_and_no_table_is_empty(store):
    """A first process finds nothing."""
    assert await found(store, 1) == []
    await store.cache_answers("ban", [])
    assert await found(store, 1) == []


async def test_twin_that_is_away_is_unavailable_for_answers_too():
    """Each call fails as the real one's would."""
    store = MemoryStore()
    store.available = False

    for call in (store.cached_answers("ban", [key(1)], 0), store.cache_answers("ban", [answer(1)])):
        with pytest.raises(StoreUnavailable):
            await call
