"""How far are the others?  What a consumer group has committed of a topic, and where the topic ends.

Guarantee: what `ends` returns covers every message that was acknowledged before the call, and a group whose
committed offset has reached it has finished all of them, because our workers commit a message only after its
effect is durable (transport.py). The price: a committed offset is up to a commit interval old.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.settings import KafkaSettings

CALL_TIMEOUT_S = 10.0

Positions = Mapping[int, int]  # partition -> offset, the next one to read


class Offsets(Protocol):
    """Where the readers of a topic stand. Every method raises BrokerUnavailable; calling again is safe."""

    async def committed(self, group: str, topic: str) -> Positions:
        """Return the committed offset of each partition; a partition without any is left out."""
        ...

    async def starts(self, topic: str) -> Positions:
        """Return of each partition the first offset that is still on the log."""
        ...

    async def ends(self, topic: str) -> Positions:
        """Return of each partition the offset that the next message will get."""
        ...

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        ...


def has_passed(reached: Positions, ends: Positions, starts: Positions) -> bool:
    """Tell whether everything below `ends` was finished; an empty partition has nothing to finish."""
    return all(
        end <= starts.get(partition, 0) or reached.get(partition, 0) >= end for partition, end in ends.items()
    )


class KafkaOffsets:
    """Asks the brokers, over connections that are opened when needed and replaced when they fail."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._bootstrap = kafka.bootstrap
        self._admin: Any = None
        self._consumer: Any = None
        self._lock = asyncio.Lock()  # one question at a time: clients are replaced under it

    async def committed(self, group: str, topic: str) -> Positions:
        async with self._lock, _Translated(self):
            admin = await self._connected_admin()
            found = await admin.list_consumer_group_offsets(group)
            return {tp.partition: one.offset for tp, one in found.items() if tp.topic == topic}

    async def starts(self, topic: str) -> Positions:
        async with self._lock, _Translated(self):
            consumer = await self._connected_consumer()
            return _by_partition(await consumer.beginning_offsets(await self._partitions(topic)))

    async def ends(self, topic: str) -> Positions:
        async with self._lock, _Translated(self):
            consumer = await self._connected_consumer()
            return _by_partition(await consumer.end_offsets(await self._partitions(topic)))

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        consumer, self._consumer = self._consumer, None
        with suppress(KafkaError, OSError):
            if admin is not None:
                await admin.close()
        with suppress(KafkaError, OSError):
            if consumer is not None:
                await consumer.stop()

    async def _partitions(self, topic: str) -> Sequence[TopicPartition]:
        """Return all partitions of a topic, those too that it was given lately."""
        (found,) = await (await self._connected_admin()).describe_topics([topic])
        return [TopicPartition(topic, one["partition"]) for one in found["partitions"]]

    async def _connected_admin(self) -> Any:
        if self._admin is None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def _connected_consumer(self) -> Any:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer


class _Translated:
    """Bounds one question in time, and turns the client's failures into ours."""

    def __init__(self, offsets: KafkaOffsets) -> None:
        self._offsets = offsets
        self._timeout = asyncio.timeout(CALL_TIMEOUT_S)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            error = late
        if isinstance(error, KafkaError | OSError | TimeoutError):
            await self._offsets.close()
            raise BrokerUnavailable(f"Kafka does not tell its offsets: {error!r}") from error


def _by_partition(offsets: Mapping[TopicPartition, int]) -> Positions:
    return {tp.partition: offset for tp, offset in offsets.items()}
