"""How many bytes may wait for the broker at the same time?  A bound with a queue in front of it."""

import asyncio
from collections import deque


class InflightBytes:
    """Bytes that were taken in and are not yet settled, at most `limit_bytes`; first come, first served.

    One message is always let in when nothing else is there, however large it is.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.used_bytes = 0

    async def take(self, size_bytes: int) -> None:
        """Wait until there is room and occupy it; the caller bounds the wait."""
        if not self._queue and self._fits(size_bytes):
            self.used_bytes += size_bytes
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size_bytes, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(size_bytes)
            self._admit()
            raise

    def give(self, size_bytes: int) -> None:
        """Free what was taken."""
        self.used_bytes -= size_bytes
        self._admit()

    def _fits(self, size_bytes: int) -> bool:
        return self.used_bytes == 0 or self.used_bytes + size_bytes <= self._limit_bytes

    def _admit(self) -> None:
        while self._queue:
            size_bytes, turn = self._queue[0]
            if not turn.done():
                if not self._fits(size_bytes):
                    return
                self.used_bytes += size_bytes
                turn.set_result(None)
            self._queue.popleft()
