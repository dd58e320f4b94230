"""Which place is this?  Answers the questions of a batch: from memory, from the store, from the provider.

Each distinct question is asked once. No failure of a provider or of the store gets out of here: a question
that could not be asked is answered with Away, and its record waits. One call takes `call_max_s` for all
providers together, and at most the time-out of the cache to keep what it learnt.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from headwater.runtime import metrics
from headwater.runtime.clock import Clock
from headwater.runtime.store import Store
from processors.geocoding.cache import Cache
from processors.geocoding.desk import Desk
from processors.geocoding.geocoders import Adapter
from processors.geocoding.providers import Provider, open_providers
from processors.geocoding.settings import GeocodingSettings, chosen_provider, missing_plugin
from processors.stack.geocoding_answers import (
    ANY,
    Answer,
    Away,
    Found,
    FoundWords,
    Lasting,
    NotFound,
    Question,
    Refused,
)
from processors.stack.processor import LookUp

Answers = dict[Question, Answer]


class Geocoding:
    """All geocoders of one process. `providers` is for tests; by default those that the settings offer."""

    def __init__(
        self,
        settings: GeocodingSettings,
        *,
        store: Store,
        clock: Clock,
        providers: Mapping[str, Provider] | None = None,
    ) -> None:
        self._settings = settings
        self._adapter = Adapter()
        if providers is None:
            providers = open_providers(settings, self._adapter)
        self._desks = {name: Desk(name, one, settings) for name, one in providers.items()}
        self._cache = Cache(settings, store, clock)

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        await self._adapter.close()

    def missing_plugin(self, provider: str) -> str:
        """Return what is missing before a provider can be asked, as a sentence; empty when nothing is."""
        return missing_plugin(self._settings, provider)

    async def answer(self, _: LookUp, questions: Collection[Hashable], __: str) -> Mapping[Hashable, Any]:
        """Return an answer to each question, for processors/staging; step and dataset do not matter."""
        answers = await self.locate([one for one in questions if isinstance(one, Question)])
        return {question: answer for question, answer in answers.items()}  # noqa: C416 - for its wider type

    async def locate(self, questions: Collection[Question]) -> Mapping[Question, Answer]:
        """Return an answer to each question."""
        deadline_s = asyncio.get_running_loop().time() + self._settings.call_max_s
        meant = {question: self._meant(question) for question in questions}
        answers = self._remembered(meant.values())
        stored = await self._cache.fetch(_without(meant.values(), answers))
        _count(stored, "store")
        answers |= stored
        fresh = await self._asked(_without(meant.values(), answers), deadline_s)
        await self._cache.keep({one: answer for one, answer in fresh.items() if isinstance(answer, Lasting)})
        answers |= fresh
        return {question: answers[one] for question, one in meant.items()}

    def _meant(self, question: Question) -> Question:
        """Return the question with the provider that is to answer it."""
        if question.provider != ANY:
            return question
        return replace(question, provider=chosen_provider(self._settings) or ANY)

    def _remembered(self, questions: Iterable[Question]) -> Answers:
        known = {one: self._cache.known(one) for one in dict.fromkeys(questions)}
        found: Answers = {one: answer for one, answer in known.items() if answer is not None}
        _count(found, "memory")
        return found

    async def _asked(self, questions: Collection[Question], deadline_s: float) -> Answers:
        """Ask all providers at the same time, each at its own pace."""
        waiting: defaultdict[str, deque[Question]] = defaultdict(deque)
        for question in questions:
            waiting[question.provider].append(question)
        answers: Answers = {}
        async with asyncio.TaskGroup() as group:
            for provider, queue in waiting.items():
                desk = self._desks.get(provider)
                if desk is None:
                    answers |= dict.fromkeys(queue, self._closed(provider))
                    continue
                for _ in range(min(desk.at_once, len(queue))):
                    group.create_task(self._work(desk, queue, deadline_s, answers))
        for kind, word in _WORDS.items():
            _count((one for one, answer in answers.items() if isinstance(answer, kind)), word)
        return answers

    async def _work(self, desk: Desk, queue: deque[Question], deadline_s: float, answers: Answers) -> None:
        while queue:
            question = queue.popleft()
            answer = await desk.ask(question, deadline_s, self._cache.known)
            if isinstance(answer, Lasting):
                self._cache.remember(question, answer)
            answers[question] = answer

    def _closed(self, provider: str) -> Away:
        missing = missing_plugin(self._settings, provider)
        return Away(provider, missing or f"there is no geocoder {provider} here")


_WORDS = {
    Found: "found",
    FoundWords: "found",
    NotFound: "not_found",
    Refused: "refused",
    Away: "away",
}


def _count(questions: Iterable[Question], word: str) -> None:
    for provider, count in Counter(one.provider for one in questions).items():
        metrics.GEOCODING_QUESTIONS.labels(provider=provider, outcome=word).inc(count)


def _without(questions: Iterable[Question], answers: Mapping[Question, Answer]) -> list[Question]:
    return [one for one in dict.fromkeys(questions) if one not in answers]
