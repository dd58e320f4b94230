"""What does a topic say from here on?  A reader without a group, that goes at its caller's pace."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from headwater.domain.errors import BrokerUnavailable, HeadwaterError
from headwater.runtime.kafka.groups import Positions
from headwater.runtime.kafka.runs import Message
from headwater.runtime.settings import KafkaSettings

FETCH_BYTES = 16 * 1024 * 1024  # of one answer; a message that is larger still comes, alone
MAX_MESSAGES = 2_000  # of one `read`


class PositionGone(HeadwaterError):
    """The log no longer has the messages that were to be read next: they are older than its retention."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} no longer has the messages that were to be read next")


class LogReader(Protocol):
    """Reads all partitions of a topic in turn. Used by one task; open it again after any error."""

    async def open(self, positions: Positions) -> None:
        """Begin here; `positions` names every partition to read. Raises BrokerUnavailable."""
        ...

    async def read(self, wait_s: float) -> Mapping[int, Sequence[Message]]:
        """Return what comes next of each partition, in order; nothing when nothing came in `wait_s`.

        Messages are handed out once. Raises PositionGone, BrokerUnavailable.
        """
        ...

    async def close(self) -> None:
        """Stop reading; closing twice is harmless."""
        ...


class KafkaReader:
    """A Kafka consumer that is told where to read, and commits nothing."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._consumer: Any = None

    async def open(self, positions: Positions) -> None:
        await self.close()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES // 4,
            fetch_max_wait_ms=200,
        )
        self._consumer = consumer
        try:
            await consumer.start()
            consumer.assign([TopicPartition(self._topic, number) for number in sorted(positions)])
            for number, offset in positions.items():
                consumer.seek(TopicPartition(self._topic, number), offset)
        except KafkaError as error:
            await self.close()
            raise BrokerUnavailable(f"cannot read topic {self._topic}: {error!r}") from error

    async def read(self, wait_s: float) -> Mapping[int, Sequence[Message]]:
        assert self._consumer is not None, "open the reader first"
        try:
            fetched = await self._consumer.getmany(timeout_ms=round(wait_s * 1000), max_records=MAX_MESSAGES)
        except OffsetOutOfRangeError as error:
            raise PositionGone(self._topic) from error
        except KafkaError as error:
            raise BrokerUnavailable(f"cannot read topic {self._topic}: {error!r}") from error
        return {
            tp.partition: [
                Message(one.offset, one.timestamp, one.value or b"", one.headers) for one in records
            ]
            for tp, records in fetched.items()
        }

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
