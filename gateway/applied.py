"""What became searchable?  The applied topic, read line by line from now on.

Our versions must come after every one that is visible, also after a restart or beside other gateways; and
who waits for a message is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiokafka.structs import ConsumerRecord

from gateway.coverage import Part, Source
from gateway.waiting import Waiters
from headwater.runtime.clock import Stamper
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AppliedLine:
    """One line of the topic: what is searchable since now, and the greatest version among it."""

    max_version: int
    sources: tuple[Source, ...] = ()
    parts: tuple[Part, ...] = ()


class AppliedTail:
    """Shows the stamper the greatest version of everything that becomes searchable, and wakes who waits."""

    def __init__(self, kafka: KafkaSettings, stamper: Stamper, waiters: Waiters) -> None:
        self._stamper = stamper
        self._waiters = waiters
        self._tail = Tail(kafka, kafka.topics.applied, self._read, from_end=True)

    @property
    def ready(self) -> bool:
        """Whether it follows."""
        return self._tail.failed is None

    async def start(self) -> None:
        """Begin to follow; raises BrokerUnavailable."""
        await self._tail.start()

    async def close(self) -> None:
        await self._tail.close()

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            line = try_line(record.value)
            if line is None:
                log.warning("line of topic applied cannot be read", offset=record.offset)
                continue
            self._stamper.observe(line.max_version)
            self._waiters.tell(line.sources, line.parts)


def try_line(value: bytes | None) -> AppliedLine | None:
    """Return a line of topic applied; None when it cannot be read."""
    try:
        found = orjson.loads(value or b"")
        version = found["max_version"]
        if type(version) is not int:
            return None
        return AppliedLine(
            version,
            tuple(map(_source, found.get("sources") or ())),
            tuple(map(_part, found.get("parts") or ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _source(text: Any) -> Source:
    """Return the run that `partition:first:end` names. Raises ValueError, AttributeError."""
    partition, first, end = map(int, text.split(":"))
    if first >= end:
        raise ValueError(f"{text} is an empty range")
    return Source(partition, first, end)


def _part(text: Any) -> Part:
    """Return the part that `partition:first:end:i` or, of the last, `...:i/n` names; raises as `_source`."""
    source, _, part = text.rpartition(":")
    index, has_count, count = part.partition("/")
    number, total = int(index), int(count) if has_count else None
    if number < 0 or (total is not None and total < 1):
        raise ValueError(f"{part} is no part")
    return Part(_source(source), number, total)
