"""A load whose outcome is known exactly: every request is repeated until it is acknowledged.

A request that fails may have been carried out or not. Repeating it until it is acknowledged makes both the
same, as long as nothing else happened to its records meanwhile: so each record belongs to one sender, which
has one request under way at a time.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.api import Api, Opened
from tests.e2e.model import Model

SENDERS = 8
REQUEST_S = 15.0
PAUSE_S = 0.05
LARGEST_BATCH = 80
UNSURE = frozenset({429, 503})  # not refused for good: send it again

Record = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One request, how many records it names, and what it does to the model."""

    method: str
    tail: str
    body: bytes | None
    count: int
    apply: Callable[[Model], None]


@dataclass
class Load:
    """`total` records sent to one dataset, from several senders, and the model of what that must give."""

    api: Api
    dataset: Opened
    model: Model
    total: int
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(10**6))
    within_s: float = 120.0

    acknowledged: int = 0
    repeated: int = 0
    _milestones: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    @property
    def note(self) -> str:
        """What one needs to know to see it again."""
        return f"seed {self.seed}, {self.acknowledged} acknowledged, {self.repeated} requests repeated"

    async def run(self) -> None:
        """Send until `total` records are acknowledged; raises TimeoutError when that takes too long."""
        print(f"load on {self.dataset.dataset_id}: seed {self.seed}")  # noqa: T201 - shown when the test fails
        async with asyncio.timeout(self.within_s):
            await asyncio.gather(*(self._send(number) for number in range(SENDERS)))

    async def reached(self, count: int) -> None:
        """Wait until so many records are acknowledged."""
        event = asyncio.Event()
        self._milestones.append((count, event))
        async with asyncio.timeout(self.within_s):
            await event.wait()

    async def _send(self, number: int) -> None:
        sender = Sender(number, random.Random(self.seed * SENDERS + number), self.model)
        for step in sender.steps():
            if self.acknowledged >= self.total:
                return
            await self._until_acknowledged(step)
            step.apply(self.model)
            self.acknowledged += step.count
            for count, event in self._milestones:
                if self.acknowledged >= count:
                    event.set()

    async def _until_acknowledged(self, step: Step) -> None:
        """Repeat one request until it is answered with ok; `run` bounds the time."""
        while not await self._is_acknowledged(step):
            self.repeated += 1
            await asyncio.sleep(PAUSE_S)

    async def _is_acknowledged(self, step: Step) -> bool:
        """Return True for ok, False when nobody knows; a refusal is a failure of the test."""
        url = self.api.path(self.dataset, step.tail)
        timeout = aiohttp.ClientTimeout(total=REQUEST_S)
        try:
            answer = await self.api.request(step.method, url, data=step.body, timeout=timeout)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        if answer.status in UNSURE:
            return False
        assert (answer.status, answer.body) == (200, {"status": "ok"}), f"{answer}; {self.note}"
        return True


class Sender:
    """Makes requests about records that nobody else touches, for ever; the same ones for the same seed."""

    def __init__(self, number: int, random_: random.Random, model: Model) -> None:
        self._number = number
        self._random = random_
        self._model = model
        self._latest: list[Record] = []  # the newest content of every record ever pushed, deleted or not
        self._places: dict[str, int] = {}  # record id -> position in _latest

    def steps(self) -> Iterator[Step]:
        """Yield one request after the other."""
        kinds: Sequence[tuple[Callable[[], Step], int]] = (
            (self._single, 3),
            (self._array, 8),
            (self._lines, 3),
            (self._delete, 3),
            (self._delete_one, 1),
            (self._delete_by_id, 2),
        )
        makers, weights = zip(*kinds, strict=True)
        yield self._array()
        while True:
            yield self._random.choices(makers, weights)[0]()

    def _single(self) -> Step:
        record = self._any()
        return Step("POST", "push/", _json(record), 1, lambda model: model.push(record))

    def _array(self) -> Step:
        records = self._batch()
        return Step("POST", "push/", _json(records), len(records), lambda model: model.push(*records))

    def _lines(self) -> Step:
        records = self._batch()
        body = b"\n".join(map(_json, records)) + b"\n"
        return Step("POST", "push/", body, len(records), lambda model: model.push(*records))

    def _delete(self) -> Step:
        records = [self._named() for _ in range(self._random.randint(1, 10))]
        return Step("POST", "delete/", _json(records), len(records), lambda model: model.delete(*records))

    def _delete_one(self) -> Step:
        record = self._named()
        return Step("POST", "delete/", _json(record), 1, lambda model: model.delete(record))

    def _delete_by_id(self) -> Step:
        identity = self._model.id_of(self._known())
        return Step("GET", f"{identity}/delete/", None, 1, lambda model: model.delete_by_id(identity))

    def _batch(self) -> list[Record]:
        """Return records of which some are new, some overwrite others, and a few are there twice."""
        records = [self._any() for _ in range(self._random.randint(2, LARGEST_BATCH))]
        if self._random.random() < 0.2:
            records.append(self._changed(self._random.choice(records)))
        return records

    def _any(self) -> Record:
        if self._latest and self._random.random() < 0.3:
            return self._changed(self._known())
        key = {"station": f"s{self._number}", "sequence": len(self._latest)}
        return self._remember({**key, **self._values()})

    def _known(self) -> Record:
        return self._random.choice(self._latest)

    def _named(self) -> Record:
        """Return a known record as a delete names it: whole, or by its key fields alone."""
        record = self._known()
        if self._model.key and self._random.random() < 0.5:
            return {name: record[name] for name in self._model.key}
        return record

    def _changed(self, record: Record) -> Record:
        """Return the record with other values; without a key the same one, as others make another record."""
        if not self._model.key:
            return record
        return self._remember({**{name: record[name] for name in self._model.key}, **self._values()})

    def _remember(self, record: Record) -> Record:
        identity = self._model.id_of(record)
        if identity in self._places:
            self._latest[self._places[identity]] = record
        else:
            self._places[identity] = len(self._latest)
            self._latest.append(record)
        return record

    def _values(self) -> Record:
        """Return values of every kind; some fields come late, and one is not always of the same type."""
        pick = self._random
        values: Record = {
            "at": f"2014/01/{pick.randint(1, 28):02}T{pick.randint(0, 23):02}:15:00",
            "value": pick.choice([pick.randint(-1000, 1000), pick.randint(0, 4000) / 4, 2.0, None]),
            "ok": pick.choice([True, False]),
        }
        if pick.random() < 0.5:
            values["note"] = pick.choice(["dry", "naïve ☂", '"quoted"\n', "2014", 7])
        if pick.random() < 0.01:
            values[f"late_{pick.randint(0, 9)}"] = pick.randint(0, 9)
        return values


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
