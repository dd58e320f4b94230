"""What came in lately, and how far are builds?  A live view of the compacted activity topic."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson
import structlog
from aiokafka.structs import ConsumerRecord

from headwater.domain.activity import ActivityBook, Progress, Traffic
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)


class Activity(Protocol):
    """News that nothing depends on; a little late, and gone for a while after a restart."""

    def traffic(self, uid: str) -> Mapping[str, Traffic]:
        """Return what came into a dataset (uid), by resource id; nothing for an unknown one."""
        ...

    def progress(self, uid: str) -> Progress | None:
        """Return what was said last about a build of a dataset (uid); it may be an earlier one."""
        ...


class MemoryActivity(ActivityBook):
    """The twin: whoever plays the other side writes into it."""

    def write(self, key: str, document: Mapping[str, Any]) -> None:
        """Take a line as if it came from the topic."""
        self.read(key, orjson.dumps(document))


class ActivityTail(ActivityBook):
    """The activity topic, from its start and then on."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__()
        self._tail = Tail(kafka, kafka.topics.activity, self._take)

    async def start(self) -> None:
        """Read the topic to its present end. Raises BrokerUnavailable."""
        await self._tail.start()

    async def close(self) -> None:
        """Stop following; closing twice is harmless."""
        await self._tail.close()

    def _take(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            try:
                self.read((record.key or b"").decode(), record.value)
            except (KeyError, TypeError, ValueError) as error:
                log.warning("activity line skipped: not readable", offset=record.offset, error=repr(error))
