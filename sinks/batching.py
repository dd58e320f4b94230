"""Is it time to write, and what?  Pure: parcels in, batches out, the caller brings the time.

Guarantee: every parcel that was added is in exactly one batch, parcels of one table leave in the order they
came in, and at most one batch per table is out at a time. So a table that is idle is written to at once,
and a table that is busy collects larger batches by itself: the slower the inserts, the larger they are. An
insert costs the store as much again in merges, so after each the table rests in proportion.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What a batch is made of."""

    @property
    def rows(self) -> int: ...

    @property
    def size_bytes(self) -> int: ...


P = TypeVar("P", bound=Sized)


class Reason(StrEnum):
    """What made a batch due."""

    IDLE = "idle"  # nothing was being written to the table
    FULL = "full"  # it reached its bound in rows or bytes
    GATHERED = "gathered"  # the insert before it ended, or its interval passed


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """When rows are written, and how many may wait."""

    max_rows: int = 100_000
    max_bytes: int = 16 * 1024 * 1024
    interval_s: float = 0.02  # between the starts of two inserts into one table, unless a batch is full
    rest_factor: float = 1.0  # an insert that took t is followed by a rest of this times t, too
    busy_rows: int = 2_000  # an insert of so many rows is followed by a longer one
    busy_rest_factor: float = 3.0
    longest_interval_s: float = 0.25  # however long inserts take
    max_in_flight: int = 4  # batches, each of another table
    max_buffered_bytes: int = 64 * 1024 * 1024  # waiting and in flight


@dataclass(frozen=True, slots=True, eq=False)
class Batch(Generic[P]):
    """What is to be written to one table now."""

    table: Hashable
    parcels: tuple[P, ...]
    rows: int
    size_bytes: int
    reason: Reason


@dataclass(slots=True)
class _Lane(Generic[P]):
    """One table: what waits for it, and whether a batch of it is out."""

    waiting: deque[P] = field(default_factory=deque)
    rows: int = 0
    size_bytes: int = 0
    in_flight: bool = False
    gathers: bool = False  # something was in flight when the oldest waiting parcel came
    started_at_s: float = 0.0  # when the last batch was cut
    open_at_s: float = 0.0  # not before this moment, unless full


class Batcher(Generic[P]):
    """The parcels between being taken and being stored, by table."""

    def __init__(self, policy: BatchPolicy) -> None:
        self._policy = policy
        self._lanes: dict[Hashable, _Lane[P]] = {}
        self._in_flight = 0
        self._buffered_bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether another parcel may be added; one parcel may be larger than all the room there was."""
        return self._buffered_bytes < self._policy.max_buffered_bytes

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the parcels that wait or are in flight."""
        return self._buffered_bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._in_flight and not any(lane.waiting for lane in self._lanes.values())

    def add(self, table: Hashable, parcel: P, now_s: float) -> None:
        """Let a parcel wait for its table."""
        lane = self._lanes.setdefault(table, _Lane())
        if not lane.waiting:
            lane.gathers = lane.in_flight or now_s < lane.open_at_s
        lane.waiting.append(parcel)
        lane.rows += parcel.rows
        lane.size_bytes += parcel.size_bytes
        self._buffered_bytes += parcel.size_bytes

    def take(self, now_s: float) -> list[Batch[P]]:
        """Return the batches to write now, longest waiting table first; each is in flight until `done`."""
        batches = []
        for table in list(self._lanes):
            lane = self._lanes[table]
            if self._in_flight >= self._policy.max_in_flight:
                break
            if lane.waiting and not lane.in_flight and (self._is_full(lane) or now_s >= lane.open_at_s):
                batches.append(self._cut(table, lane, now_s))
        return batches

    def done(self, batch: Batch[P], now_s: float) -> None:
        """Note that a batch is no longer in flight: stored, quarantined, discarded or given back to Kafka."""
        lane = self._lanes[batch.table]
        lane.in_flight = False
        lane.open_at_s = lane.started_at_s + self._interval_s(batch.rows, now_s - lane.started_at_s)
        self._in_flight -= 1
        self._buffered_bytes -= batch.size_bytes
        self._forget_idle(now_s)

    def next_due_s(self) -> float | None:
        """Return the moment at which `take` may have more to give; None until something is added or done."""
        if self._in_flight >= self._policy.max_in_flight:
            return None
        waiting = (lane for lane in self._lanes.values() if lane.waiting and not lane.in_flight)
        return min((lane.open_at_s for lane in waiting), default=None)

    def _interval_s(self, rows: int, took_s: float) -> float:
        """Return how long after the start of such an insert the next one into its table may start."""
        policy = self._policy
        rest = policy.busy_rest_factor if rows >= policy.busy_rows else policy.rest_factor
        wanted_s = took_s * (1 + rest)
        return max(policy.interval_s, min(wanted_s, policy.longest_interval_s))

    def _is_full(self, lane: _Lane[P]) -> bool:
        return lane.rows >= self._policy.max_rows or lane.size_bytes >= self._policy.max_bytes

    def _cut(self, table: Hashable, lane: _Lane[P], now_s: float) -> Batch[P]:
        """Take as many parcels as one batch may have, and one at least; the table goes to the queue's end."""
        reason = Reason.FULL if self._is_full(lane) else Reason.GATHERED if lane.gathers else Reason.IDLE
        parcels = [lane.waiting.popleft()]
        rows, size = parcels[0].rows, parcels[0].size_bytes
        while lane.waiting:
            following = lane.waiting[0]
            if rows + following.rows > self._policy.max_rows:
                break
            if size + following.size_bytes > self._policy.max_bytes:
                break
            parcels.append(lane.waiting.popleft())
            rows, size = rows + following.rows, size + following.size_bytes
        lane.rows, lane.size_bytes = lane.rows - rows, lane.size_bytes - size
        lane.in_flight, lane.gathers = True, True
        lane.started_at_s = now_s
        lane.open_at_s = now_s + self._policy.interval_s
        self._in_flight += 1
        self._lanes[table] = self._lanes.pop(table)
        return Batch(table, tuple(parcels), rows, size, reason)

    def _forget_idle(self, now_s: float) -> None:
        """Forget tables that nobody writes to, so that memory does not grow with their number."""
        idle = [
            table
            for table, lane in self._lanes.items()
            if not lane.waiting and not lane.in_flight and now_s >= lane.open_at_s
        ]
        for table in idle:
            del self._lanes[table]

    def __repr__(self) -> str:
        waiting = sum(len(lane.waiting) for lane in self._lanes.values())
        return f"Batcher(waiting={waiting}, in_flight={self._in_flight}, bytes={self._buffered_bytes})"
