"""Who tells joins that another dataset has changed?  Topic applied, from now on."""

from collections.abc import Callable, Sequence

from aiokafka.structs import ConsumerRecord

from headwater.domain.applied import try_change
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings


class News:
    """Follows topic applied and calls `note` with the uid of each dataset whose records have changed."""

    def __init__(self, kafka: KafkaSettings, note: Callable[[str], None]) -> None:
        self._note = note
        self._tail = Tail(kafka, kafka.topics.applied, self._read, from_end=True)

    @property
    def ready(self) -> bool:
        """Whether it follows; while it does not, what is held is used for as long as it may be."""
        return self._tail.failed is None

    async def start(self) -> None:
        """Begin to follow; raises BrokerUnavailable."""
        await self._tail.start()

    async def close(self) -> None:
        await self._tail.close()

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        changes = (try_change(record.value) for record in records)
        for uid in {change.dataset for change in changes if change is not None}:
            self._note(uid)
