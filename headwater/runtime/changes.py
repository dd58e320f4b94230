"""Which datasets have changed for readers?  Topic applied, from now on, for whoever need not know more."""

from collections.abc import Callable, Sequence

from aiokafka.structs import ConsumerRecord

from headwater.domain.applied import Change, try_change
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings


class ChangeTail:
    """Follows the topic and calls `note` with what has changed, each change of a fetch once."""

    def __init__(self, kafka: KafkaSettings, note: Callable[[Change], None]) -> None:
        self._note = note
        self._tail = Tail(kafka, kafka.topics.applied, self._read, from_end=True)

    async def start(self) -> None:
        """Begin to follow; raises BrokerUnavailable."""
        await self._tail.start()

    async def close(self) -> None:
        await self._tail.close()

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        changes = (try_change(record.value) for record in records)
        for change in {one for one in changes if one is not None}:
            self._note(change)
