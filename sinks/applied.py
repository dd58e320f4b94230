"""Who learns that rows are now searchable?  Whoever reads the applied topic.

It is news, not a promise: rows are stored and their offsets may be committed before it is told. So telling
never holds back a write: it is tried for a bounded time, and given up with a count.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain

import orjson
import structlog

from headwater.domain.errors import BrokerUnavailable
from headwater.domain.versions import moment_us
from headwater.runtime import metrics
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.runs import Message
from headwater.runtime.kafka.topics import Header
from sinks.parcels import Parcel, try_number

log = structlog.get_logger(__name__)

MAX_UNTOLD = 1000  # batches whose news waits for Kafka
RETRY_S = 0.5


def applied_value(parcels: Sequence[Parcel], rows: int) -> bytes:
    """Return the applied topic's value for parcels of one generation, of which `rows` rows were stored.

    `sources` are runs of the raw topic of which everything came in one message, `parts` the messages of
    runs that became several: left out when there are none. `received_at` is the moment of the greatest
    version.
    """
    messages = chain.from_iterable(parcel.run.messages for parcel in parcels)
    facts = [_facts(message) for message in messages]
    greatest = max((version for _, _, version in facts), default=0)
    news = {
        "dataset": parcels[0].dataset,
        "generation": parcels[0].generation,
        "sources": joined_sources(source for source, part, _ in facts if not part),
        "rows": rows,
        "max_version": greatest,
        "received_at": datetime.fromtimestamp(moment_us(greatest) / 1e6, UTC).isoformat(),
    }
    if parts := sorted({f"{source}:{part}" for source, part, _ in facts if source and part}):
        news["parts"] = parts
    return orjson.dumps(news)


def joined_sources(sources: Iterable[str]) -> list[str]:
    """Return the ranges `partition:first:end` in order, without repeats, neighbours joined into one."""
    joined: list[tuple[int, int, int]] = []
    for partition, first, end in sorted({_range(source) for source in sources if source}):
        if joined and joined[-1][0] == partition and first <= joined[-1][2]:
            before = joined.pop()
            joined.append((partition, before[1], max(before[2], end)))
        else:
            joined.append((partition, first, end))
    return [f"{partition}:{first}:{end}" for partition, first, end in joined]


class AppliedNews:
    """Tells the applied topic, in the background."""

    def __init__(self, producer: Producer, topic: str, timeout_s: float) -> None:
        self._producer = producer
        self._topic = topic
        self._timeout_s = timeout_s
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, dataset: str, value: bytes) -> None:
        """Send the news soon; when too much of it waits already, give it up."""
        if len(self._telling) >= MAX_UNTOLD:
            self._give_up(dataset, "too much waits already")
            return
        task = asyncio.create_task(self._send(dataset, value))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self, timeout_s: float) -> None:
        """Tell what can be told in time, give up the rest."""
        if self._telling:
            _, late = await asyncio.wait(self._telling, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, dataset: str, value: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._send_at_last(dataset, value)
        except TimeoutError:
            self._give_up(dataset, "Kafka is away")

    async def _send_at_last(self, dataset: str, value: bytes) -> None:
        while True:
            try:
                await self._producer.send(self._topic, value, key=dataset.encode())
            except BrokerUnavailable:
                metrics.RETRIES.labels(service="sinks", cause="broker").inc()
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _give_up(self, dataset: str, reason: str) -> None:
        metrics.RETRIES.labels(service="sinks", cause="applied_given_up").inc()
        log.warning("stored rows were not announced", dataset=dataset, reason=reason)


def _facts(message: Message) -> tuple[str, str, int]:
    """Return which run of the raw topic a message came from, which part of it (empty: all of it), and the
    greatest version in it.
    """
    headers = dict(message.headers)
    source, part, version = (
        headers.get(name, b"").decode(errors="replace")
        for name in (Header.SOURCE, Header.PART, Header.VERSION)
    )
    return source, part, try_number(version) or 0


def _range(source: str) -> tuple[int, int, int]:
    partition, first, end = source.split(":")
    return int(partition), int(first), int(end)
