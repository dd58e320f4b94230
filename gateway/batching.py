"""Which pushes share a message?  Small ones to one resource, gathered for a few milliseconds.

Guarantee: a caller is answered once the message that holds all its records is acknowledged, or told that
nobody knows; versions rise in the order in which pushes were added, and inside a message by position.
Price: a small push waits for others, at most `linger_ms`, and not at all while its lane is idle.
"""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from gateway.admission import Target
from gateway.parsing import Records
from headwater.domain.errors import HeadwaterError
from headwater.domain.versions import moment_us
from headwater.runtime import metrics
from headwater.runtime.clock import Clock, Stamper
from headwater.runtime.kafka.producer import Position, Producer
from headwater.runtime.kafka.topics import Header, Op, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """When an open batch must go: its oldest push waited so long, or it holds so much.

    A batch of few records is given longer: the message costs its readers the same, and there are more of
    them to come when pushes are in flight already.
    """

    linger_s: float
    longest_linger_s: float = 0.0  # for a batch of fewer than `worthwhile_records`
    worthwhile_records: int = 1
    max_bytes: int
    max_records: int


class Lane(NamedTuple):
    """What a message has in common: only pushes of one lane share one."""

    target: Target
    op: Op


@dataclass(slots=True, eq=False)
class Batch:
    """Pushes that will travel as one message, in the order of their arrival."""

    opened_at_us: int
    parts: list[bytes] = field(default_factory=list)
    count: int = 0
    size_bytes: int = 0
    callers: list[asyncio.Future[Position]] = field(default_factory=list)
    timer: asyncio.Handle | None = None

    def add(self, records: Records, caller: asyncio.Future[Position]) -> None:
        """Append one push."""
        self.parts.append(records.spliced)
        self.count += records.count
        self.size_bytes += len(records.spliced) + 1
        self.callers.append(caller)

    def value(self) -> bytes:
        """Return the message: the record itself when there is one, else a JSON array."""
        if self.count == 1:
            return self.parts[0]
        return b"[" + b",".join(self.parts) + b"]"


class Batcher:
    """Gathers accepted records per lane and sends them. One event loop, no locks."""

    def __init__(
        self, topic: str, policy: BatchPolicy, *, producer: Producer, stamper: Stamper, clock: Clock
    ) -> None:
        self._topic = topic
        self._policy = policy
        self._producer = producer
        self._stamper = stamper
        self._clock = clock
        self._open: dict[Lane, Batch] = {}
        self._under_way: dict[Lane, int] = {}  # messages per lane that are not yet acknowledged
        self._sending: set[asyncio.Task[None]] = set()

    def add(self, target: Target, op: Op, records: Records) -> asyncio.Future[Position]:
        """Take over records; the future says where they lie in Kafka, or raises BrokerUnavailable."""
        caller = asyncio.get_running_loop().create_future()
        lane = Lane(target, op)
        batch = self._open.get(lane)
        if batch is not None and not self._fits(batch, records):
            self._flush(lane)
            batch = None
        if batch is None:
            batch = self._open_batch(lane)
        batch.add(records, caller)
        if self._is_full(batch):
            self._flush(lane)
        return caller

    def add_stamped(self, target: Target, op: Op, records: Records, version: int) -> asyncio.Future[Position]:
        """Send records at once in a message of their own, the first of them with this version.

        The message says that it was received at the moment of the version: a repetition is the same message.
        """
        caller = asyncio.get_running_loop().create_future()
        batch = Batch(moment_us(version))
        batch.add(records, caller)
        self._dispatch(Lane(target, op), batch, version)
        return caller

    async def close(self) -> None:
        """Send what is open and wait for every acknowledgement; the producer bounds the wait."""
        for lane in list(self._open):
            self._flush(lane)
        if self._sending:
            await asyncio.wait(self._sending)

    def _fits(self, batch: Batch, records: Records) -> bool:
        return (
            batch.size_bytes + len(records.spliced) <= self._policy.max_bytes
            and batch.count + records.count <= self._policy.max_records
        )

    def _is_full(self, batch: Batch) -> bool:
        return batch.size_bytes >= self._policy.max_bytes or batch.count >= self._policy.max_records

    def _open_batch(self, lane: Lane) -> Batch:
        batch = self._open[lane] = Batch(self._clock.now_us())
        loop = asyncio.get_running_loop()
        if lane in self._under_way:
            batch.timer = loop.call_later(self._policy.linger_s, self._flush_if_worthwhile, lane)
        else:
            batch.timer = loop.call_soon(self._flush, lane)
        return batch

    def _flush_if_worthwhile(self, lane: Lane) -> None:
        """Send the open batch, or give a small one the rest of the longer time."""
        batch, policy = self._open[lane], self._policy
        rest_s = policy.longest_linger_s - policy.linger_s
        if batch.count >= policy.worthwhile_records or rest_s <= 0:
            self._flush(lane)
        else:
            batch.timer = asyncio.get_running_loop().call_later(rest_s, self._flush, lane)

    def _flush(self, lane: Lane) -> None:
        """Stamp and send the open batch; in this order, so that what is added later gets later versions."""
        batch = self._open.pop(lane)
        if batch.timer is not None:
            batch.timer.cancel()
        self._dispatch(lane, batch, self._stamper.stamp(batch.count))

    def _dispatch(self, lane: Lane, batch: Batch, version: int) -> None:
        self._under_way[lane] = self._under_way.get(lane, 0) + 1
        task = asyncio.create_task(self._send(lane, batch, version))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, lane: Lane, batch: Batch, version: int) -> None:
        """Send one message and answer all its callers alike."""
        started = perf_counter()
        outcome: Position | HeadwaterError
        try:
            outcome = await self._producer.send(
                self._topic,
                batch.value(),
                key=lane.target.dataset_id.encode(),
                headers=headers_of(lane, batch, version),
            )
        except HeadwaterError as error:
            outcome = error
        finally:
            self._settle(lane)
        _answer(batch, outcome)
        if isinstance(outcome, Position):
            metrics.PUSH_RECORDS.labels(op=lane.op).inc(batch.count)
            metrics.BATCH_RECORDS.observe(batch.count)
            metrics.PRODUCE_SECONDS.observe(perf_counter() - started)

    def _settle(self, lane: Lane) -> None:
        left = self._under_way[lane] - 1
        if left:
            self._under_way[lane] = left
        else:
            del self._under_way[lane]


def headers_of(lane: Lane, batch: Batch, version: int) -> list[tuple[str, bytes]]:
    """Return the headers of a message on topic raw; its first record has this version."""
    return [
        (Header.DATASET, lane.target.dataset_id.encode()),
        (Header.RESOURCE, lane.target.resource_id.encode()),
        (Header.OP, lane.op.encode()),
        (Header.VERSION, b"%d" % version),
        (Header.COUNT, b"%d" % batch.count),
        (Header.RECEIVED_AT, b"%d" % batch.opened_at_us),
        (Header.ORIGIN, Origin.PUSH.encode()),
        (Header.REVISION, b"%d" % lane.target.revision),
    ]


def _answer(batch: Batch, outcome: Position | HeadwaterError) -> None:
    for caller in batch.callers:
        if caller.done():  # cancelled: its request has gone
            continue
        if isinstance(outcome, Position):
            caller.set_result(outcome)
        else:
            caller.set_exception(outcome)
