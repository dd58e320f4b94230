"""How does it leave?  Messages on their way to Kafka, until Kafka has them.

Guarantee: what was handed over is on the log on return, so a run may be finished after it. While Kafka is
away that takes as long as it takes, with back-off; the bound on runs in flight stops the fetching.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from headwater.domain.errors import BrokerUnavailable
from headwater.domain.versions import moment_us
from headwater.runtime.health import Health
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.topics import Header
from processors.persistence import Persistence
from processors.settings import ProcessorSettings


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message before it is sent."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None  # None: any


class Outlet:
    """The way to Kafka that does not give up."""

    def __init__(self, settings: ProcessorSettings, producer: Producer, health: Health) -> None:
        self._producer = producer
        self._persistence = Persistence(
            settings, health, check="kafka", cause="broker", failure=BrokerUnavailable
        )

    async def send(self, outgoing: Outgoing) -> None:
        """Send a message; it is on the log on return."""
        one = outgoing
        await self.persist(
            partial(
                self._producer.send,
                one.topic,
                one.value,
                key=one.key,
                headers=one.headers,
                partition=one.partition,
            )
        )

    async def persist(self, send: Callable[[], Awaitable[Any]]) -> None:
        """Do it until Kafka has it."""
        await self._persistence.persist(send)


class Consignment:
    """All that one run becomes, in order; every message tells its source and, of several, which part it is.

    The last message says how many there are, so one is always held back until another follows or the end.
    Without a source nobody waits for it, and nothing of this is told.
    """

    def __init__(self, source: str, outlet: Outlet) -> None:
        self._source = source.encode()
        self._outlet = outlet
        self._held: Outgoing | None = None
        self._sent = 0

    async def add(self, outgoing: Outgoing) -> None:
        """Take the next message; the one before it is on the log on return."""
        before, self._held = self._held, outgoing
        if before is not None:
            await self._send(before, b"%d" % self._sent)

    async def close(self) -> int:
        """Return the number of messages; all of them are on the log then."""
        if (last := self._held) is not None:
            self._held = None
            await self._send(last, b"%d/%d" % (self._sent, self._sent + 1) if self._sent else b"")
        return self._sent

    async def _send(self, outgoing: Outgoing, part: bytes) -> None:
        own = ((Header.SOURCE, self._source), *(((Header.PART, part),) if part else ()))
        own = own if self._source else ()
        await self._outlet.send(replace(outgoing, headers=(*outgoing.headers, *own)))
        self._sent += 1


def announcement(dataset: str, generation: int, source: str, max_version: int) -> bytes:
    """Return the line of topic applied for a run that became nothing: it is as visible as it will ever be."""
    return orjson.dumps(
        {
            "dataset": dataset,
            "generation": generation,
            "sources": [source],
            "rows": 0,
            "max_version": max_version,
            "received_at": datetime.fromtimestamp(moment_us(max_version) / 1e6, UTC).isoformat(),
        }
    )
