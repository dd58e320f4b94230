"""How is one provider asked?  At its pace, a few questions at a time, and not while it is down."""

import asyncio
from collections.abc import Callable
from time import perf_counter

import structlog

from headwater.runtime import metrics
from processors.geocoding.breaker import Breaker, State
from processors.geocoding.pace import Pace
from processors.geocoding.providers import Provider, ProviderAway
from processors.geocoding.settings import GeocodingSettings
from processors.stack.geocoding_answers import Answer, Away, Lasting, Question

log = structlog.get_logger(__name__)

Known = Callable[[Question], Lasting | None]


class Desk:
    """One provider, and all of this process that want to ask it. Times are those of the event loop."""

    def __init__(self, name: str, provider: Provider, settings: GeocodingSettings) -> None:
        own = settings.of(name)
        self.at_once = own.at_once
        self._name = name
        self._provider = provider
        self._pace = Pace(1 / own.rate_per_s)
        self._breaker = Breaker(settings.failures_to_rest, settings.rest_s)
        self._places = asyncio.Semaphore(own.at_once)
        self._answer_time_s = settings.answer_time_s(name)
        self._last_failure = ""

    async def ask(self, question: Question, deadline_s: float, known: Known) -> Answer:
        """Return the answer, or Away when there is none before the deadline.

        A request leaves only while it has time to be answered. Just before, `known` is looked into once more:
        another batch may have asked meanwhile.
        """
        if self._breaker.state(asyncio.get_running_loop().time()) is State.OPEN:
            return self._resting()
        try:
            async with asyncio.timeout_at(deadline_s), self._places:
                latest_s = deadline_s - self._answer_time_s
                return known(question) or await self._in_turn(question, latest_s, known)
        except TimeoutError:
            return self._away("there was no time left to ask it")

    async def _in_turn(self, question: Question, latest_s: float, known: Known) -> Answer:
        loop = asyncio.get_running_loop()
        slot_s = self._pace.slot(loop.time(), latest_s)
        if slot_s is None:
            return self._away("more was asked than its rate allows in this time")
        await asyncio.sleep(slot_s - loop.time())
        if answer := known(question):
            return answer
        if not self._breaker.admits(loop.time()):
            return self._resting()
        return await self._asked(question)

    async def _asked(self, question: Question) -> Answer:
        started = perf_counter()
        try:
            answer = await self._provider.answer(question)
        except ProviderAway as away:
            return self._failed(away)
        except BaseException:
            self._breaker.abandoned()
            raise
        metrics.GEOCODING_SECONDS.labels(provider=self._name).observe(perf_counter() - started)
        if self._breaker.state(asyncio.get_running_loop().time()) is State.HALF_OPEN:
            log.info("a geocoder answers again", provider=self._name)
        self._breaker.succeeded()
        self._show()
        return answer

    def _failed(self, away: ProviderAway) -> Away:
        now_s = asyncio.get_running_loop().time()
        was_open = self._breaker.state(now_s) is State.OPEN
        self._last_failure = str(away)
        self._breaker.failed(now_s, away.rest_s)
        if not was_open and self._breaker.state(now_s) is State.OPEN:
            log.warning("a geocoder is left alone for a while", provider=self._name, error=str(away))
        self._show()
        return self._away(str(away))

    def _resting(self) -> Away:
        return self._away(f"it is left alone for a while, as {self._last_failure or 'it failed'}")

    def _away(self, message: str) -> Away:
        return Away(self._name, f"the geocoder {self._name} is away: {message}")

    def _show(self) -> None:
        state = self._breaker.state(asyncio.get_running_loop().time())
        metrics.GEOCODING_RESTING.labels(provider=self._name).set(state is not State.CLOSED)
