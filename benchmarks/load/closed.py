"""Load in a closed loop: every connection sends its next request when the last one was answered."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.expectations import ExpectationFailed
from benchmarks.http1 import Connection, is_ok, request_bytes
from benchmarks.job import Run, serve
from benchmarks.percentiles import percentiles_ms
from benchmarks.records import bodies
from benchmarks.target import Target


class ClosedLoop:
    """Sends requests over all connections until there are none left or `seconds` have passed."""

    def __init__(self, requests: Sequence[bytes], seconds: float | None) -> None:
        self._requests = iter(requests)
        self._seconds = seconds
        self._deadline = float("inf")
        self._sent_at: dict[Connection, float] = {}
        self._latencies: list[float] = []
        self._last_answer = 0.0
        self._open = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, connections: Sequence[Connection]) -> dict[str, Any]:
        """Return started, last_ack (monotonic), requests and latencies; raises ExpectationFailed."""
        started = time.monotonic()
        if self._seconds is not None:
            self._deadline = started + self._seconds
        self._open = len(connections)
        for connection in connections:
            self._next(connection, started)
        await self._done
        return {
            "started": started,
            "last_ack": self._last_answer,
            "requests": len(self._latencies),
            "latency": percentiles_ms(self._latencies),
        }

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        """Take one answer and send the connection's next request."""
        now = time.monotonic()
        if not is_ok(status, body):
            return self._fail(f"a push was answered {status}: {body[:300].decode(errors='replace')}")
        self._latencies.append(now - self._sent_at[connection])
        self._last_answer = now
        return self._next(connection, now)

    def _next(self, connection: Connection, now: float) -> None:
        request = next(self._requests, None) if now < self._deadline else None
        if request is not None:
            self._sent_at[connection] = now
            connection.send(request)
            return
        self._open -= 1
        if self._open == 0 and not self._done.done():
            self._done.set_result(None)

    def _fail(self, sentence: str) -> None:
        if not self._done.done():
            self._done.set_exception(ExpectationFailed(sentence))


async def prepare(job: dict[str, Any]) -> Run:
    """Make all request bytes and open all connections."""
    target = Target.from_json(job["target"])
    requests = [
        request_bytes(target.push_url, body) for body in bodies(job["first"], job["records"], job["batch"])
    ]
    loop = ClosedLoop(requests, job["seconds"])
    connections = [await Connection.open(*target.address, loop.answered) for _ in range(job["connections"])]

    async def run() -> dict[str, Any]:
        try:
            return await loop.run(connections)
        finally:
            for connection in connections:
                connection.close()

    return run


if __name__ == "__main__":
    serve(prepare)
