"""What does this topic say, from its start or from now on?  One reader without a consumer group."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

Handler = Callable[[Sequence[ConsumerRecord]], None]


class Tail:
    """Follows all partitions of one topic and hands over what it reads, in order, on the event loop.

    `start` returns once everything that was in the topic at that moment has been handed over. The reader
    survives brokers that go away and come back. A handler that raises ends the tail: see `failed`.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, handle: Handler, *, from_end: bool = False) -> None:
        self._kafka = kafka
        self._topic = topic
        self._handle = handle
        self._from_end = from_end
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard_s = -inf

    async def start(self, timeout_s: float = 60.0) -> None:
        """Connect and catch up; raises BrokerUnavailable when that takes longer than `timeout_s`."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 * 1024 * 1024,
            fetch_max_wait_ms=500,
        )
        try:
            async with asyncio.timeout(timeout_s):
                await consumer.start()
                self._consumer = consumer
                ends = await self._assign(consumer)
                await self._catch_up(consumer, ends)
        except (KafkaError, TimeoutError) as error:
            await consumer.stop()
            raise BrokerUnavailable(f"cannot read topic {self._topic}: {error!r}") from error
        self._task = asyncio.create_task(self._follow(consumer), name=f"tail {self._topic}")

    async def close(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    @property
    def failed(self) -> BaseException | None:
        """What ended the tail, if anything did."""
        task = self._task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    @property
    def age_s(self) -> float:
        """Seconds since the broker last said that nothing follows what was handed over; inf before it did."""
        return time.monotonic() - self._heard_s

    async def _assign(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        numbers = await self._partitions(consumer)
        partitions = [TopicPartition(self._topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, ends[partition] if self._from_end else 0)
        if not self._from_end:
            await consumer.seek_to_beginning(*partitions)
        return ends

    async def _partitions(self, consumer: AIOKafkaConsumer) -> set[int]:
        while not (numbers := consumer.partitions_for_topic(self._topic)):
            await consumer._client.force_metadata_update()  # noqa: SLF001 - no public way to ask again
            consumer._client.add_topic(self._topic)  # noqa: SLF001
            await asyncio.sleep(0.05)
        return set(numbers)

    async def _catch_up(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        behind = dict(ends)
        while True:
            for partition in list(behind):
                if await consumer.position(partition) >= behind[partition]:
                    del behind[partition]
            if not behind:
                self._heard_s = time.monotonic()
                return
            self._deliver(await consumer.getmany(timeout_ms=200))

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                self._deliver(await consumer.getmany(timeout_ms=1000))
                await self._note_hearing(consumer)
            except KafkaError as error:
                log.warning("reading failed, will be tried again", topic=self._topic, error=repr(error))
                await asyncio.sleep(0.5)

    async def _note_hearing(self, consumer: AIOKafkaConsumer) -> None:
        """Remember when all partitions were last known to hold no more than was handed over."""
        oldest_ms = inf
        for partition in consumer.assignment():
            polled_ms, end = consumer.last_poll_timestamp(partition), consumer.highwater(partition)
            if polled_ms is None or end is None or await consumer.position(partition) < end:
                return
            oldest_ms = min(oldest_ms, polled_ms)
        # The consumer tells the time of day, which may be set; an age is counted from a clock that is not.
        ago_s = max(0.0, time.time() - oldest_ms / 1000)
        self._heard_s = max(self._heard_s, time.monotonic() - ago_s)

    def _deliver(self, fetched: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for records in fetched.values():
            self._handle(records)
