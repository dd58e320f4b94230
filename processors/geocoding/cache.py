"""What was answered before, in this process or another?  Memory first, then ClickHouse.

The store may be slow or away: then geocoders are asked without it, and it is left alone for a while. Only a
digest of an address is kept there, never the address.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TypeVar

import orjson
import structlog

from headwater.domain.errors import StoreUnavailable
from headwater.runtime import metrics
from headwater.runtime.clock import Clock
from headwater.runtime.store import CachedAnswer, RowsRefused, Store, UnknownTable
from processors.geocoding.breaker import Breaker
from processors.geocoding.memory import Memory
from processors.geocoding.settings import GeocodingSettings
from processors.stack.geocoding_answers import (
    Found,
    FoundWords,
    Lasting,
    NotFound,
    Question,
    answer_from_json,
    answer_to_json,
)

log = structlog.get_logger(__name__)

DAY_US = 24 * 3600 * 1_000_000
STORE_REST_S = 10.0

Result = TypeVar("Result")


class Cache:
    """Answers that last. Nothing here raises: what cannot be read is not known."""

    def __init__(self, settings: GeocodingSettings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._memory = Memory(settings.remembered)
        self._breaker = Breaker(1, STORE_REST_S)

    def known(self, question: Question) -> Lasting | None:
        """Return what this process remembers."""
        return self._memory.get(question, self._clock.now_us())

    def remember(self, question: Question, answer: Lasting) -> None:
        """Remember an answer in this process."""
        self._memory.put(question, answer, self._clock.now_us() + self._life_us(answer))

    async def fetch(self, questions: Collection[Question]) -> dict[Question, Lasting]:
        """Return what the store knows; remembered from now on."""
        found: dict[Question, Lasting] = {}
        for provider, asked in _by_provider(questions).items():
            now_us = self._clock.now_us()
            rows = await self._tried(partial(self._store.cached_answers, provider, asked.keys(), now_us))
            for row in rows or ():
                if answer := _lasting(row.answer):
                    found[asked[row.key]] = answer
                    self._memory.put(asked[row.key], answer, row.expires_at_us)
        return found

    async def keep(self, answers: Mapping[Question, Lasting]) -> None:
        """Keep answers in the store, for all processes and the time after a restart."""
        for provider, asked in _by_provider(answers).items():
            rows = [self._row(key, answers[question]) for key, question in asked.items()]
            await self._tried(partial(self._store.cache_answers, provider, rows))

    async def _tried(self, attempt: Callable[[], Awaitable[Result]]) -> Result | None:
        """Return what the store says; None when it is away, or was a moment ago."""
        loop = asyncio.get_running_loop()
        if not self._breaker.admits(loop.time()):
            return None
        try:
            async with asyncio.timeout(self._settings.cache_timeout_s):
                result = await attempt()
        except (StoreUnavailable, TimeoutError, RowsRefused, UnknownTable) as error:
            self._breaker.failed(loop.time())
            metrics.GEOCODING_CACHE_FAILURES.inc()
            log.warning("geocoding goes on without the answers in the store", error=repr(error))
            return None
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return result

    def _row(self, key: str, answer: Lasting) -> CachedAnswer:
        now_us = self._clock.now_us()
        return CachedAnswer(
            key=key,
            answer=orjson.dumps(answer_to_json(answer)).decode(),
            answered_at_us=now_us,
            expires_at_us=now_us + self._life_us(answer),
        )

    def _life_us(self, answer: Lasting) -> int:
        missing = isinstance(answer, NotFound)
        return round((self._settings.not_found_days if missing else self._settings.found_days) * DAY_US)


def _by_provider(questions: Iterable[Question]) -> dict[str, dict[str, Question]]:
    """Return provider -> key -> question."""
    sorted_out: defaultdict[str, dict[str, Question]] = defaultdict(dict)
    for question in questions:
        sorted_out[question.provider][question.key] = question
    return sorted_out


def _lasting(text: str) -> Lasting | None:
    """Return a kept answer; None for one that another version of Headwater kept otherwise."""
    try:
        answer = answer_from_json(orjson.loads(text))
    except ValueError:
        return None
    return answer if isinstance(answer, (Found, FoundWords, NotFound)) else None
