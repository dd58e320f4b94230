"""How far is it safe to commit?  Pure bookkeeping of the runs in flight on one partition.

Guarantee: the committed offset never passes a run that is not finished, whatever the order of finishing.
The price: a run that never finishes holds the partition back, which the liveness check turns into a
restart (runtime/health.py), never into a loss.
"""

from collections import deque


class CommitQueue:
    """The runs of one partition between being fetched and being finished, in the order of the log."""

    def __init__(self, position: int | None = None) -> None:
        self._pending: deque[int] = deque()  # first offsets of runs, in order of the log
        self._ends: dict[int, int] = {}  # first offset -> end offset
        self._finished: set[int] = set()
        self._safe = position

    @property
    def safe_offset(self) -> int | None:
        """The offset to commit: everything before it is finished; None before anything was."""
        return self._safe

    @property
    def in_flight(self) -> int:
        """How many runs were fetched and not yet committed past."""
        return len(self._pending)

    def fetched(self, first: int, end: int) -> None:
        """Note a run [first, end) that is about to be delivered; runs come in the order of the log."""
        if self._pending and first < self._ends[self._pending[-1]]:
            raise ValueError(f"run at {first} is older than the run before it")
        self._pending.append(first)
        self._ends[first] = end

    def finished(self, first: int) -> None:
        """Note that the effect of a run is durable; unknown and repeated runs are ignored."""
        if first not in self._ends:
            return
        self._finished.add(first)
        while self._pending and self._pending[0] in self._finished:
            done = self._pending.popleft()
            self._finished.remove(done)
            self._safe = self._ends.pop(done)

    def __repr__(self) -> str:
        return f"CommitQueue(safe={self._safe}, in_flight={len(self._pending)}, ahead={len(self._finished)})"
