"""Load in an open loop: a push is due every 1/rate seconds, whether or not the last one was answered.

Every latency counts from the moment at which the push was due, not from when it could be sent, so that a
stall is not hidden by the pushes that it held back (coordinated omission). Every n-th push is a probe: its
value is higher than all before, and a poller asks for the greatest values until it has seen each.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson

from benchmarks.expectations import ExpectationFailed
from benchmarks.http1 import Connection, is_ok, request_bytes
from benchmarks.job import Run, serve
from benchmarks.percentiles import percentiles_ms
from benchmarks.records import record
from benchmarks.target import PAGE, Reader, Target

PROBE_BASE = 1e9  # the value of probe n is PROBE_BASE + n; all other values are far below
LAST_PROBE_TIMEOUT_S = 30.0
_TICK_S = 0.001


class OpenLoop:
    """Sends request i at start + i / rate, over whichever connection is free."""

    def __init__(self, requests: Sequence[bytes], rate: float) -> None:
        self._requests = requests
        self._rate = rate
        self._free: deque[Connection] = deque()
        self._waiting: deque[int] = deque()  # requests that are due while no connection is free
        self._sent: dict[Connection, int] = {}
        self._latencies: list[float] = []
        self._started = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def due_at(self, number: int) -> float:
        """Return when request `number` is due, monotonic."""
        return self._started + number / self._rate

    async def run(self, connections: Sequence[Connection], started: float) -> dict[str, Any]:
        """Send everything; return when all are answered. Raises ExpectationFailed on any bad answer."""
        self._free.extend(connections)
        self._started = started
        number = 0
        while number < len(self._requests) and not self._done.done():
            now = time.monotonic()
            while number < len(self._requests) and self.due_at(number) <= now:
                self._waiting.append(number)
                number += 1
            self._send_waiting()
            await asyncio.sleep(_TICK_S)
        await self._done
        return {"started": started, "last_ack": time.monotonic(), "latency": percentiles_ms(self._latencies)}

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        """Take one answer; the connection is free again."""
        if not is_ok(status, body):
            if not self._done.done():
                sentence = f"a push was answered {status}: {body[:300].decode(errors='replace')}"
                self._done.set_exception(ExpectationFailed(sentence))
            return
        self._latencies.append(time.monotonic() - self.due_at(self._sent.pop(connection)))
        self._free.append(connection)
        self._send_waiting()
        if len(self._latencies) == len(self._requests):
            self._done.set_result(None)

    def _send_waiting(self) -> None:
        while self._waiting and self._free:
            connection, number = self._free.popleft(), self._waiting.popleft()
            self._sent[connection] = number
            connection.send(self._requests[number])


class Poller:
    """Notes when each probe was first seen in a search answer."""

    def __init__(self, probes: int, interval_s: float) -> None:
        self._missing = set(range(probes))
        self._interval_s = interval_s
        self.seen_at: dict[int, float] = {}
        self.polls = 0

    async def run(self, reader: Reader) -> None:
        """Poll until every probe was seen; the poll's own time counts as part of the latency."""
        while self._missing:
            began = time.monotonic()
            await self._poll(reader)
            await asyncio.sleep(max(0.0, began + self._interval_s - time.monotonic()))

    async def _poll(self, reader: Reader) -> None:
        for offset in itertools.count(0, PAGE):
            values = await reader.newest(offset)
            self._take(values)
            # After a stall more probes than a page holds may have come at once: look on to the oldest.
            if not self._missing or len(values) < PAGE or values[-1] < PROBE_BASE + min(self._missing):
                return

    def _take(self, values: Sequence[float]) -> None:
        self.polls += 1
        now = time.monotonic()
        found = {round(value - PROBE_BASE) for value in values if value >= PROBE_BASE} & self._missing
        self._missing -= found
        self.seen_at.update(dict.fromkeys(found, now))


async def prepare(job: dict[str, Any]) -> Run:
    """Make all request bytes and open all connections."""
    target = Target.from_json(job["target"])
    rate, every = job["rate"], job["probe_every"]
    total = int(rate * job["seconds"])
    requests = [_request(target, job["first"], number, every) for number in range(total)]
    loop = OpenLoop(requests, rate)
    poller = Poller(len(range(0, total, every)), job["poll_interval_s"])
    connections = [await Connection.open(*target.address, loop.answered) for _ in range(job["connections"])]

    async def run() -> dict[str, Any]:
        started = time.monotonic() + 0.01
        async with Reader(target) as reader, asyncio.TaskGroup() as group:
            sending = group.create_task(loop.run(connections, started))
            group.create_task(_bounded(poller.run(reader), job["seconds"] + LAST_PROBE_TIMEOUT_S))
        for connection in connections:
            connection.close()
        visible = [seen - loop.due_at(probe * every) for probe, seen in poller.seen_at.items()]
        return {
            **sending.result(),
            "records": total,
            "probes": len(visible),
            "polls": poller.polls,
            "searchable": percentiles_ms(visible),
        }

    return _ungrouped(run)


def _request(target: Target, first: int, number: int, every: int) -> bytes:
    document = record(first + number)
    if number % every == 0:
        document["value"] = PROBE_BASE + number // every
    return request_bytes(target.push_url, orjson.dumps(document))


async def _bounded(polling: Any, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await polling
    except TimeoutError as error:
        raise ExpectationFailed("a probe never became searchable") from error


def _ungrouped(run: Run) -> Run:
    """Return `run` with the first failed expectation of a task group as itself."""

    async def wrapped() -> dict[str, Any]:
        try:
            return await run()
        except* ExpectationFailed as group:
            raise ExpectationFailed(str(group.exceptions[0])) from group

    return wrapped


if __name__ == "__main__":
    serve(prepare)
