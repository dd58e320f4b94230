"""What does a whole stack make of a batch?  Every processor in turn, each on all the records that are left.

Pure: whoever runs a chain takes one link after the other, finds the answers that a look-up asks for
(processors/staging.py), and hands the outcomes to `Passage.settle`, which decides what goes on. A processor
that cannot do it for one record never touches another one.

All that one sent record became shares its end: if one part of it is refused or has to wait, so is the whole.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.domain.datasets import ProcessorItem
from headwater.domain.errors import HeadwaterError
from headwater.domain.inference import technical_name
from headwater.domain.schema import MAX_FIELDS
from processors.refusals import Reason
from processors.stack.outcomes import Deleted, Failed, Outcome, Record, Several, Skipped, Waiting
from processors.stack.parsing import parse_processor
from processors.stack.processor import LookUp, Step
from processors.stack.registry import kind_of

MAX_PARTS = 10_000  # records that one record may become
MAX_PASSAGE = 200_000  # records under way at once
TOO_MANY_PARTS = "too_many_parts"


class TooMuchAtOnce(HeadwaterError):
    """The batch became more records than are held at once: begin again with less of it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One processor of a compiled stack."""

    uid: str  # pr_...
    type: str
    step: Step
    outputs: tuple[str, ...] | None

    @property
    def look_up(self) -> LookUp | None:
        """The step, if it has to ask somebody."""
        return None if callable(self.step) else self.step


@dataclass(frozen=True, slots=True)
class Chain:
    """A stack, compiled."""

    links: tuple[Link, ...]
    inputs: frozenset[str]  # fields that its processors read

    @classmethod
    def of(cls, items: Iterable[ProcessorItem]) -> "Chain":
        """Compile a stack. Raises InvalidDocument for what no longer is a processor."""
        links: list[Link] = []
        inputs: set[str] = set()
        for item in items:
            processor = parse_processor(kind_of(item.type), item.params)
            links.append(Link(item.uid, item.type, processor.compiled(), processor.outputs()))
            inputs.update(name for _, name in processor.inputs())
        return cls(tuple(links), frozenset(inputs))

    @property
    def outputs(self) -> frozenset[str]:
        """The fields that its processors are known to write."""
        return frozenset(name for link in self.links for name in link.outputs or ())

    def __bool__(self) -> bool:
        return bool(self.links)


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a record that a processor cannot handle.

    `lenient`: it goes on with the processor's outputs empty, unless one of them is part of the `key`.
    `gives_up`: what would have to wait goes on in the same way. `deletes`: so it does without being tried
    again later, as long as the key is at hand.
    """

    lenient: bool = False
    gives_up: bool = False
    deletes: bool = False
    key: frozenset[str] = frozenset()

    def needs(self, outputs: Collection[str]) -> bool:
        """Tell whether a record cannot be identified without one of these fields."""
        return not self.key or not self.key.isdisjoint(outputs)


@dataclass(slots=True)
class Passage:
    """A batch on its way: the records that are left, and what ended on the way.

    `records`, `versions` and `sources` run side by side; a source is the position, in the batch as it came,
    of the record that another was made from.
    """

    records: list[Record]
    versions: list[int]
    sources: Sequence[int]
    policy: Policy = Policy()
    doomed: list[bool] | None = None  # which of the records are to be deleted; None: none of them
    failed: dict[int, list[Reason]] = field(default_factory=dict)  # by source
    waiting: dict[int, Waiting] = field(default_factory=dict)  # by source
    given_up: dict[int, str] = field(default_factory=dict)  # provider that did not answer, by source
    skipped: dict[int, str] = field(default_factory=dict)  # the rule that left out a part, by source
    notes: int = 0  # operations that failed and left their outputs empty
    _parts: dict[int, int] = field(default_factory=dict)  # how many records a source became, of several

    @classmethod
    def begin(cls, records: Sequence[Record], versions: Sequence[int], policy: Policy) -> "Passage":
        """Set out with copies of records, under technical field names."""
        named = list(map(dict.copy, records)) if _are_technical(records) else list(map(_named, records))
        return cls(named, list(versions), range(len(named)), policy)

    def settle(self, link: Link, outcomes: Sequence[Outcome]) -> None:
        """Take what a processor made of each record. Raises TooMuchAtOnce."""
        if outcomes is self.records:
            return
        special = {
            place: self._kept(link, outcome, self.sources[place])
            for place, outcome in enumerate(outcomes)
            if outcome.__class__ is not dict
        }
        if not any(special.values()):  # the usual case: some records end here, the others go on
            self._keep([place for place in range(len(outcomes)) if place not in special], outcomes)
            return
        self._rebuild(link, outcomes, special)

    def _keep(self, places: Sequence[int], records: Sequence[Any]) -> None:
        self.records = [records[place] for place in places]
        self.versions = [self.versions[place] for place in places]
        self.sources = [self.sources[place] for place in places]
        if self.doomed is not None:
            self.doomed = [self.doomed[place] for place in places]

    def _rebuild(self, link: Link, outcomes: Sequence[Any], special: Mapping[int, Sequence[Record]]) -> None:
        records: list[Record] = []
        versions: list[int] = []
        sources: list[int] = []
        doomed: list[bool] = []
        was_doomed = self.doomed or [False] * len(self.records)
        for place, outcome in enumerate(outcomes):
            kept = special.get(place, (outcome,))
            records += kept
            versions += [self.versions[place]] * len(kept)
            sources += [self.sources[place]] * len(kept)
            doomed += [was_doomed[place] or outcome.__class__ is Deleted] * len(kept)
            if len(records) > MAX_PASSAGE:
                raise TooMuchAtOnce(f"{link.type} made more than {MAX_PASSAGE} records at once")
        self.records, self.versions, self.sources = records, versions, sources
        self.doomed = doomed if any(doomed) else None

    def end(self) -> None:
        """Let go of what is left of records that were refused or have to wait: nothing is half-stored."""
        gone = self.failed.keys() | self.waiting.keys()
        if gone:
            self.keep(lambda source: source not in gone)
        for source in self.failed:
            self.waiting.pop(source, None)
            self.given_up.pop(source, None)
        for source in self.waiting:
            self.given_up.pop(source, None)

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Keep the records of the wanted sources only."""
        self._keep([place for place, source in enumerate(self.sources) if wanted(source)], self.records)

    @property
    def discarded(self) -> dict[str, int]:
        """How many sent records a rule left out altogether, by rule."""
        left = set(self.sources) | self.failed.keys() | self.waiting.keys() if self.skipped else set()
        counts: dict[str, int] = {}
        for source, rule in self.skipped.items():
            if source not in left:
                counts[rule] = counts.get(rule, 0) + 1
        return counts

    def _kept(self, link: Link, outcome: Outcome, source: int) -> Sequence[Record]:
        match outcome:
            case Deleted(record):
                return (record,)
            case Several(parts):
                return self._several(link, parts, source)
            case Skipped(rule):
                self.skipped[source] = rule
                return ()
            case Failed():
                return self._failed(link, outcome, source)
            case Waiting(record) if self.policy.deletes and not self.policy.needs(link.outputs or ()):
                return (_emptied(record, link.outputs or ()),)
            case Waiting(record, provider, _) if self.policy.gives_up:
                self.given_up[source] = provider
                return (_emptied(record, link.outputs or ()),)
            case Waiting():
                self.waiting[source] = outcome
                return ()
            case _:
                return (outcome,)

    def _several(self, link: Link, parts: Sequence[Record], source: int) -> Sequence[Record]:
        count = self._parts.get(source, 1) + len(parts) - 1
        self._parts[source] = count
        if count > MAX_PARTS:
            message = f"one record would become more than {MAX_PARTS}"
            self._refuse(source, Reason(TOO_MANY_PARTS, f"{link.type}: {message}", None, link.uid))
            return ()
        return parts

    def _failed(self, link: Link, failed: Failed, source: int) -> Sequence[Record]:
        outputs = failed.outputs or link.outputs or ()
        if self.policy.lenient and self.policy.key.isdisjoint(outputs):
            self.notes += 1
            return (_emptied(failed.record, outputs),)
        message = f"{link.type}: {failed.message}"
        self._refuse(source, Reason(failed.code, message, failed.field or None, link.uid))
        return ()

    def _refuse(self, source: int, reason: Reason) -> None:
        self.failed.setdefault(source, []).append(reason)


def _emptied(record: Record, names: Iterable[str]) -> Record:
    for name in names:
        record[name] = None
    return record


_TECHNICAL: set[str] = set()  # keys that are technical names, as far as they were met
_MAX_REMEMBERED = 20 * MAX_FIELDS


def _are_technical(records: Sequence[Record]) -> bool:
    """Tell whether all keys are technical names; costs a look at each record where they are usual ones."""
    for record in records:
        if not _TECHNICAL.issuperset(record):
            for name in record:
                if technical_name(name) != name:
                    return False
                if len(_TECHNICAL) >= _MAX_REMEMBERED:
                    _TECHNICAL.clear()
                _TECHNICAL.add(name)
    return True


def _named(record: Record) -> dict[str, Any]:
    return {technical_name(key): value for key, value in record.items()}
