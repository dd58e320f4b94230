"""When has a postponed record waited long enough?  Reads topic postponed, each tier at its pace.

Guarantee: a message is committed only after it was handled. Tiers wait in Kafka, not here: a partition whose
next message is not due yet is paused, and memory holds one fetch at most.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition

from headwater.runtime.clock import Clock
from headwater.runtime.settings import KafkaSettings
from processors.postponed import TIERS_S

log = structlog.get_logger(__name__)

POLL_MS = 500
AT_ONCE = 10  # messages handled between two polls
HANDLING_MS = 900_000  # that they may take before the group thinks that we are dead
RETRY_S = 1.0

Handle = Callable[[str, bytes], Awaitable[None]]  # dataset uid, value


class Pump:
    """Hands over the messages of topic postponed when they are due."""

    def __init__(
        self, kafka: KafkaSettings, clock: Clock, handle: Handle, *, tiers_s: Sequence[float] = TIERS_S
    ) -> None:
        self._kafka = kafka
        self._clock = clock
        self._handle = handle
        self._tiers_s = tiers_s
        self._due: dict[TopicPartition, int] = {}  # when the next message of a paused partition was sent, ms

    async def run(self) -> None:
        """Hand over, for ever; what cannot be read now is read when Kafka is back."""
        while True:
            try:
                await self._follow()
            except KafkaError as error:
                log.warning("topic postponed cannot be read, will be tried again", error=repr(error))
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        topics = self._kafka.topics
        consumer = AIOKafkaConsumer(
            topics.postponed,
            bootstrap_servers=self._kafka.bootstrap,
            group_id=topics.postponed_group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=HANDLING_MS,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        await consumer.start()
        try:
            while True:
                fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)
                for partition, records in fetched.items():
                    await self._take(consumer, partition, records)
                self._resume(consumer)
        finally:
            await consumer.stop()

    async def _take(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord]
    ) -> None:
        for record in records:
            if self._wait_s(partition.partition, record.timestamp) > 0:
                consumer.pause(partition)
                consumer.seek(partition, record.offset)
                self._due[partition] = record.timestamp
                return
            await self._handle(record.key.decode(), record.value)
            await consumer.commit({partition: OffsetAndMetadata(record.offset + 1, "")})

    def _resume(self, consumer: AIOKafkaConsumer) -> None:
        for partition in consumer.paused():
            if self._wait_s(partition.partition, self._due.get(partition, 0)) <= 0:
                consumer.resume(partition)

    def _wait_s(self, tier: int, timestamp_ms: int) -> float:
        return timestamp_ms / 1000 + self._tiers_s[tier] - self._clock.now_us() / 1_000_000
