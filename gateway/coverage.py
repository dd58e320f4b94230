"""Which messages of topic raw became searchable?  Pure: ranges of offsets, told in any order and repeatedly.

A *run* is a range of offsets of one raw partition that was processed as one; it is covered when it was told
of as a whole, or when all its parts were. News can be lost and runs are cut anew after a crash, so ranges
overlap and have gaps. What is remembered is bounded, the oldest goes first: then a message that was long
searchable looks as if it were not, never the other way round.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_RANGES = 1_000  # per partition; lost news leave a gap each
MAX_SPLIT_PARTS = 100_000  # parts of runs that are not complete


class Source(NamedTuple):
    """A run: offsets `first` to below `end` of a raw partition."""

    partition: int
    first: int
    end: int


class Part(NamedTuple):
    """One part of what a run became, counted from 0; the last one says how many there are."""

    source: Source
    number: int
    total: int | None = None


class Ranges:
    """Disjoint ranges of offsets that do not touch, in order."""

    def __init__(self, limit: int = MAX_RANGES) -> None:
        self._limit = limit
        self._firsts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, offset: int) -> bool:
        place = bisect_right(self._firsts, offset) - 1
        return place >= 0 and offset < self._ends[place]

    def holds(self, first: int, end: int) -> bool:
        """Tell whether one range holds all of these offsets."""
        place = bisect_right(self._firsts, first) - 1
        return place >= 0 and end <= self._ends[place]

    def add(self, first: int, end: int) -> None:
        """Add offsets, joining the ranges that they meet; over the limit the lowest range is forgotten."""
        low, high = bisect_left(self._ends, first), bisect_right(self._firsts, end)
        if low < high:
            first, end = min(first, self._firsts[low]), max(end, self._ends[high - 1])
        self._firsts[low:high], self._ends[low:high] = [first], [end]
        if len(self._firsts) > self._limit:
            del self._firsts[0], self._ends[0]


@dataclass(slots=True)
class _Split:
    """What was told so far of a run that became several messages."""

    numbers: set[int] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)  # two, if the run was processed twice in different ways

    @property
    def is_complete(self) -> bool:
        return any(self.numbers.issuperset(range(total)) for total in self.totals)


class Coverage:
    """What is known to be searchable, of all partitions."""

    def __init__(self, *, max_ranges: int = MAX_RANGES, max_split_parts: int = MAX_SPLIT_PARTS) -> None:
        self._max_ranges = max_ranges
        self._max_split_parts = max_split_parts
        self._ranges: dict[int, Ranges] = {}
        self._splits: dict[Source, _Split] = {}  # the one that was begun first is the first
        self._split_parts = 0

    def covers(self, partition: int, offset: int) -> bool:
        """Tell whether the message at this offset is known to be searchable."""
        ranges = self._ranges.get(partition)
        return ranges is not None and offset in ranges

    def add_whole(self, source: Source) -> None:
        """Learn of one run, or of several that are neighbours."""
        ranges = self._ranges.get(source.partition)
        if ranges is None:
            ranges = self._ranges[source.partition] = Ranges(self._max_ranges)
        ranges.add(source.first, source.end)

    def add_part(self, part: Part) -> bool:
        """Learn of one part; return whether it completed its run."""
        ranges = self._ranges.get(part.source.partition)
        if ranges is not None and ranges.holds(part.source.first, part.source.end):
            self._forget(part.source)
            return False
        split = self._splits.setdefault(part.source, _Split())
        before = len(split.numbers)
        split.numbers.add(part.number)
        self._split_parts += len(split.numbers) - before
        if part.total is not None:
            split.totals.add(part.total)
        if split.is_complete:
            self._forget(part.source)
            self.add_whole(part.source)
            return True
        while self._split_parts > self._max_split_parts:
            self._forget(next(iter(self._splits)))
        return False

    def _forget(self, source: Source) -> None:
        split = self._splits.pop(source, None)
        if split is not None:
            self._split_parts -= len(split.numbers)
