"""How does a slice of records pass its stack?  Link by link; look-ups are awaited in between, once a batch.

Everything that decides is pure (processors/stack); what is here asks, and sorts what came of it.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import orjson

from headwater.domain.inference import technical_name
from headwater.runtime.kafka.topics import Op
from processors.parsing import Arrivals
from processors.persistence import Persistence
from processors.postponed import Late
from processors.refusals import Reason, Refusal
from processors.slots import UNKNOWN_FIELD, UnknownFields
from processors.stack.chain import Chain, Link, Passage, Policy, TooMuchAtOnce
from processors.stack.processor import LookUp
from processors.stack.steps import is_empty

NO_SUCH_FIELD = "the dataset has no such field"


class Service(Protocol):
    """Who answers the questions of a kind of look-up."""

    async def answer(
        self, step: LookUp, questions: Collection[Hashable], dataset: str
    ) -> Mapping[Hashable, Any]:
        """Return an answer to each question; called once for each batch, and never with the same one twice.

        `dataset` is the uid of the dataset that asks. Raises StoreUnavailable: then the batch is asked again.
        """
        ...


@dataclass(slots=True)
class Staged:
    """What a stack made of a slice; sorted by what becomes of it."""

    kept: Arrivals  # to be stored
    doomed: Arrivals  # to be deleted
    refused: list[Refusal] = field(default_factory=list)
    waiting: list[tuple[Late, str]] = field(default_factory=list)  # with the provider that is away
    given_up: list[tuple[Late, str]] = field(default_factory=list)  # stored all the same: all of this piece
    discarded: Mapping[str, int] = field(default_factory=dict)  # sent records by rule
    notes: int = 0
    several: bool = False  # whether one sent record may have become several

    def without(self, gone: Collection[tuple[int, int]]) -> "Staged":
        """Return it without all that was made of some sent records, named by version and position."""
        return replace(self, kept=_without(self.kept, gone), doomed=_without(self.doomed, gone))


class Stager:
    """Runs stacks, with the services that their look-ups ask."""

    def __init__(self, services: Mapping[str, Service], persistence: Persistence) -> None:
        self._services = services
        self._persistence = persistence

    async def stage(
        self, chain: Chain, arrivals: Arrivals, op: Op, policy: Policy, dataset: str
    ) -> list[Staged]:
        """Return what a stack makes of a slice; in several pieces where it makes very many of few."""
        try:
            passage = await self.travel(chain, arrivals, policy, dataset)
        except TooMuchAtOnce:
            middle = len(arrivals) // 2
            halves = (range(middle), range(middle, len(arrivals)))
            pieces = [await self.stage(chain, arrivals.chosen(half), op, policy, dataset) for half in halves]
            return [staged for piece in pieces for staged in piece]
        return sorted_out(passage, arrivals, op)

    async def travel(self, chain: Chain, arrivals: Arrivals, policy: Policy, dataset: str) -> Passage:
        """Take records through a chain. Raises TooMuchAtOnce."""
        passage = Passage.begin(arrivals.records, arrivals.versions, policy)
        for link in chain.links:
            await self.take(link, passage, dataset)
        passage.end()
        return passage

    async def take(self, link: Link, passage: Passage, dataset: str) -> None:
        """Take the records that are left through one processor. Raises TooMuchAtOnce."""
        step = link.step
        if callable(step):
            passage.settle(link, step(passage.records, passage.versions))
            return
        questions = step.ask(passage.records)
        answers = await self._answers(step, {one for one in questions if one is not None}, dataset)
        found = [None if question is None else answers.get(question) for question in questions]
        passage.settle(link, step.tell(passage.records, passage.versions, found))

    async def _answers(
        self, step: LookUp, questions: Collection[Hashable], dataset: str
    ) -> Mapping[Hashable, Any]:
        if not questions:
            return {}
        answer = partial(self._services[step.service].answer, step, questions, dataset)
        found: Mapping[Hashable, Any] = await self._persistence.persist(answer)
        return found


def sorted_out(passage: Passage, arrivals: Arrivals, op: Op) -> list[Staged]:
    """Return what came of a slice; records that were given up make a piece of their own."""
    made = _made(passage, arrivals, op)
    doomed = passage.doomed or [False] * len(passage.records)

    def piece(wanted: Callable[[int], bool]) -> tuple[Arrivals, Arrivals]:
        places = [place for place, source in enumerate(passage.sources) if wanted(source)]
        kept = [place for place in places if not doomed[place]]
        if len(kept) == len(made):
            return made, Arrivals()
        return made.chosen(kept), made.chosen([place for place in places if doomed[place]])

    given_up = passage.given_up
    kept, dooms = piece(lambda source: source not in given_up)
    several = len(set(passage.sources)) < len(passage.sources)
    staged = Staged(
        kept=kept,
        doomed=dooms,
        refused=[refusal(arrivals, source, reasons) for source, reasons in sorted(passage.failed.items())],
        waiting=[(_late(arrivals, source), one.provider) for source, one in sorted(passage.waiting.items())],
        discarded=passage.discarded,
        notes=passage.notes,
        several=several,
    )
    if not given_up:
        return [staged]
    kept, dooms = piece(lambda source: source in given_up)
    lates = [(_late(arrivals, source), provider) for source, provider in sorted(given_up.items())]
    return [staged, Staged(kept=kept, doomed=dooms, given_up=lates, several=several)]


def _made(passage: Passage, arrivals: Arrivals, op: Op) -> Arrivals:
    records = passage.records
    if op is Op.MERGE:
        records = [
            _named_only(record, arrivals.records[source])
            for record, source in zip(records, passage.sources, strict=True)
        ]
    return Arrivals(
        records=records,
        versions=passage.versions,
        received_at=[arrivals.received_at[source] for source in passage.sources],
        positions=[arrivals.positions[source] for source in passage.sources],
        raws=[arrivals.records[source] for source in passage.sources],
    )


def _late(arrivals: Arrivals, place: int) -> Late:
    return Late(
        arrivals.records[place],
        arrivals.versions[place],
        arrivals.positions[place],
        arrivals.received_at[place],
    )


def screened(arrivals: Arrivals, known: frozenset[str], unknown: UnknownFields) -> Arrivals:
    """Return the arrivals as a stack may see them, by what the resource does with fields that nobody knew."""
    if unknown is UnknownFields.EVOLVE:
        return arrivals
    strangers = [[key for key in record if technical_name(key) not in known] for record in arrivals.records]
    if not any(strangers):
        return arrivals
    if unknown is UnknownFields.REJECT:
        refused = [
            refusal(arrivals, place, map(_stranger, keys)) for place, keys in enumerate(strangers) if keys
        ]
        good = arrivals.chosen([place for place, keys in enumerate(strangers) if not keys])
        return replace(good, refused=[*arrivals.refused, *refused])
    records = [
        {key: value for key, value in record.items() if key not in keys} if keys else record
        for record, keys in zip(arrivals.records, strangers, strict=True)
    ]
    return replace(arrivals, records=records)


def _stranger(key: str) -> Reason:
    return Reason(UNKNOWN_FIELD, NO_SUCH_FIELD, technical_name(key), "type")


def refusal(arrivals: Arrivals, place: int, reasons: Iterable[Reason]) -> Refusal:
    """Return the refusal of one of the records that arrived."""
    return Refusal(
        orjson.dumps(arrivals.records[place]).decode(),
        arrivals.versions[place],
        arrivals.positions[place],
        arrivals.received_at[place],
        tuple(reasons),
    )


def _named_only(record: dict[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a merge changes: an output that nothing could be made of changes nothing."""
    names = set(map(technical_name, sent))
    return {key: value for key, value in record.items() if key in names or not is_empty(value)}


def _without(arrivals: Arrivals, gone: Collection[tuple[int, int]]) -> Arrivals:
    pairs = zip(arrivals.versions, arrivals.positions, strict=True)
    return arrivals.chosen([place for place, pair in enumerate(pairs) if pair not in gone])
