"""Which versions are visible already?  Ours must come after them, also after a restart or beside others."""

from collections.abc import Sequence

import orjson
import structlog
from aiokafka.structs import ConsumerRecord

from headwater.runtime.clock import Stamper
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)


class AppliedTail:
    """Shows the stamper the greatest version of everything that becomes queryable, from now on."""

    def __init__(self, kafka: KafkaSettings, stamper: Stamper) -> None:
        self._stamper = stamper
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
            version = max_version(record.value)
            if version is None:
                log.warning("line of topic applied cannot be read", offset=record.offset)
            else:
                self._stamper.observe(version)


def max_version(line: bytes | None) -> int | None:
    """Return `max_version` of a line of topic applied; None when it cannot be read."""
    try:
        found = orjson.loads(line or b"")
    except orjson.JSONDecodeError:
        return None
    version = found.get("max_version") if isinstance(found, dict) else None
    return version if type(version) is int else None
