"""Who waits until a message is searchable?  A bounded number of requests, each with its own patience."""

import asyncio
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gateway.coverage import Coverage, Part, Source
from headwater.domain.errors import RateLimited
from headwater.runtime.kafka.producer import Position

RETRY_AFTER_S = 1.0


class Waiter(NamedTuple):
    """One request; of two that wait for one message the number tells which is which."""

    offset: int
    number: int
    told: asyncio.Future[bool]


class Waiters:
    """Requests that wait, per raw partition in the order of their offsets. One event loop, no locks.

    News may come before its waiter does, when the loop has both to handle in one turn: so what was told is
    remembered (coverage.py).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._number = 0
        self._coverage = Coverage()
        self._waiting: dict[int, list[Waiter]] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many requests hold a place."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while something is sent and waited for. Raises RateLimited when all are taken."""
        if self._taken >= self._limit:
            raise RateLimited(
                "too many requests wait for their records; try again, or push without wait",
                retry_after_s=RETRY_AFTER_S,
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def is_visible(self, position: Position, timeout_s: float) -> bool:
        """Return True as soon as the message is searchable, False when that takes longer.

        Also False, at the end of the time, for a message of which the broker did not say where it lies.
        """
        if self._coverage.covers(position.partition, position.offset):
            return True
        if timeout_s <= 0 or self._closed:
            return False
        self._number += 1
        waiter = Waiter(position.offset, self._number, asyncio.get_running_loop().create_future())
        waiting = self._waiting.setdefault(position.partition, [])
        insort(waiting, waiter)
        try:
            await asyncio.wait((waiter.told,), timeout=timeout_s)
        finally:
            if not waiter.told.done():
                del waiting[bisect_left(waiting, waiter)]
        return waiter.told.done() and waiter.told.result()

    def tell(self, sources: Iterable[Source], parts: Iterable[Part]) -> None:
        """Learn what is searchable now, and wake who waited for it."""
        for source in sources:
            self._coverage.add_whole(source)
            self._wake(source)
        for part in parts:
            if self._coverage.add_part(part):
                self._wake(part.source)

    def close(self) -> None:
        """Let nobody wait any longer: the process is about to end."""
        self._closed = True
        for waiting in self._waiting.values():
            for waiter in waiting:
                waiter.told.set_result(False)
            waiting.clear()

    def _wake(self, source: Source) -> None:
        waiting = self._waiting.get(source.partition)
        if not waiting:
            return
        low = bisect_left(waiting, source.first, key=_offset)
        high = bisect_left(waiting, source.end, key=_offset)
        for waiter in waiting[low:high]:
            waiter.told.set_result(True)
        del waiting[low:high]


def _offset(waiter: Waiter) -> int:
    return waiter.offset
