"""Requests of every kind about a few records of one keyed dataset, one after the other, in any order."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.assertions import assert_search_shows
from tests.e2e.api import Answer, Api, Content, Opened
from tests.e2e.model import Model

RECORDS = 6
UNSURE = frozenset({429, 503})
REPEAT_S = 40.0
PAUSE_S = 0.05
WAIT_S = 10
APART_S = 0.002  # between an answer and the next request: what a moment of history needs

Kind = Callable[[], Awaitable[None]]


async def until_ok(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat a request until it is answered for good, as a client does while a gateway is away."""
    async with asyncio.timeout(REPEAT_S):
        while True:
            try:
                answer = await ask()
            except (aiohttp.ClientError, TimeoutError):
                answer = None
            if answer is not None and answer.status not in UNSURE:
                assert answer.status == 200, answer
                return answer
            await asyncio.sleep(PAUSE_S)


class Interleaving:
    """One client; the dataset's key is `n`.

    `model` is what readers see, `archive` what a recovery must bring: it does not know of truncations.
    """

    def __init__(self, api: Api, dataset: Opened, seed: int) -> None:
        self.api = api
        self.dataset = dataset
        self.seed = seed
        self.model, self.archive = Model(["n"]), Model(["n"])
        self.moments: list[tuple[str, Model]] = []  # what readers saw when
        self._chance = random.Random(seed)

    @property
    def note(self) -> str:
        """What one needs to know to see it again."""
        return f"seed {self.seed}"

    async def go_on(self, steps: int, *, syncs: bool = False, truncates: bool = False) -> None:
        """Send so many requests, each once the one before was answered."""
        kinds: list[Kind] = [self.push, self.merge, self.merge, self.delete, self.delete_by_id]
        kinds += [self.sync] if syncs else []
        kinds += [self.truncate] if truncates else []
        for _ in range(steps):
            await self._chance.choice(kinds)()

    async def remember(self) -> None:
        """Note what readers see at this moment, once they see it."""
        await self.assert_shown()
        await asyncio.sleep(APART_S)
        self.moments.append((datetime.now(UTC).isoformat(), deepcopy(self.model)))
        await asyncio.sleep(APART_S)

    async def assert_shown(self, *, within_s: float = 20.0, note: str = "") -> None:
        """Readers see what the model says, before long."""
        note = f"{self.note} {note}"
        await assert_search_shows(self.api, self.dataset, self.model, within_s=within_s, note=note)

    async def push(self) -> None:
        records = self._some()
        await self._send(records)
        self._models(lambda model: model.push(*records))

    async def merge(self) -> None:
        records = self._some()
        await self._send(records, merge=True)
        self._models(lambda model: model.merge(*records))

    async def delete(self) -> None:
        """By values, or by the key alone."""
        whole = self._chance.random() < 0.5
        records = self._some() if whole else [{"n": self._chance.randrange(RECORDS)}]
        await self._send(records, tail="delete/", method=self._chance.choice(["POST", "DELETE"]))
        self._models(lambda model: model.delete(*records))

    async def delete_by_id(self) -> None:
        identity = self.model.id_of({"n": self._chance.randrange(RECORDS)})
        method = self._chance.choice(["GET", "POST", "DELETE"])
        await self._send(b"", tail=f"{identity}/delete/", method=method)
        self._models(lambda model: model.delete_by_id(identity))

    async def sync(self) -> None:
        records = self._some()
        await self._send(records, sync=True, timeout=WAIT_S)
        self._models(lambda model: model.sync(*records))

    async def truncate(self) -> None:
        await until_ok(
            lambda: self.api.manage("POST", f"/datasets/{self.dataset.uid}/truncate/"),
        )
        self.model.sync()

    def _models(self, change: Callable[[Model], None]) -> None:
        for model in (self.model, self.archive):
            change(model)

    def _some(self) -> list[Content]:
        numbers = self._chance.sample(range(RECORDS), self._chance.randint(1, 3))
        return [{"n": number, **self._values()} for number in numbers]

    def _values(self) -> Content:
        pick = self._chance
        values: Content = {
            "value": pick.choice([pick.randint(-9, 9), pick.randint(0, 99) / 4, None]),
            "text": pick.choice(["dry", "naïve ☂", "", None]),
            "ok": pick.choice([True, False, None]),
            "at": pick.choice(["2014-01-27", "2015-02-28", None]),
        }
        names: Sequence[str] = pick.sample(sorted(values), pick.randint(1, 4))
        return {name: values[name] for name in names}

    async def _send(self, body: Any, tail: str = "push/", method: str = "POST", **parameters: Any) -> None:
        answer = await until_ok(
            lambda: self.api.ask(self.dataset, body, tail=tail, method=method, **parameters)
        )
        assert answer.body["status"] == "ok", answer
