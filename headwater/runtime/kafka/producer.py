"""How does a message get onto the log, surely?  The port, and the client of Kafka behind it.

Guarantee: what `send` returned for is on all in-sync brokers. Price: when nobody can tell in time, the answer
is BrokerUnavailable although the message may be there, so whoever repeats must be idempotent by version.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from headwater.domain.errors import BrokerUnavailable, TooLarge
from headwater.runtime.kafka.inflight import InflightBytes
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES
from headwater.runtime.kafka.turns import Turn
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

Headers = Sequence[tuple[str, bytes]]

MAX_BATCH_BYTES = 1024 * 1024
INFLIGHT_LIMIT_BYTES = 64 * 1024 * 1024
ATTEMPTS = 3  # clients that one message may outlive, within its produce time-out
PAUSE_S = 0.2  # between two tries to connect

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
# The client itself is sound after these; after any other failure it is replaced.
HARMLESS = (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message lies: `offset` is its own, the one place in this package where that is so.

    The offset is -1 when the broker recognised a repetition and no longer knew where the first one lies.
    """

    partition: int
    offset: int


class Producer(Protocol):
    """Puts messages on the log. Safe to call from several tasks at once; the order of two calls is not kept.

    Any service calls it, for every message that it makes. What waits for acknowledgement is bounded in
    bytes; beyond the bound callers wait for room, within the same produce time-out.
    """

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Send one message and return when all in-sync brokers have it.

        No value means a tombstone; it needs a key. Without a partition messages stay on one for a moment
        and then go to the next in turn (turns.py), so that one busy key spreads over all. Raises
        BrokerUnavailable within the produce time-out (whether the brokers have it is then unknown),
        TooLarge when no broker would take it.
        """
        ...

    def send_soon(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> asyncio.Future[Position]:
        """Do the same without waiting; a future that nobody awaits fails silently."""
        ...

    async def start(self) -> None:
        """Connect; raises BrokerUnavailable when that fails for too long."""
        ...

    async def close(self) -> None:
        """Wait for what is in flight, for a produce time-out at most, and end; twice is harmless."""
        ...


class KafkaProducer:
    """The Kafka client: acks=all, idempotent, one request in flight per broker.

    aiokafka never gives up an idempotent message and has states from which it does not recover (an unknown
    sequence number, a dead sender task, brokers that all moved). So every message has a deadline of its
    own here, and a client that failed, or that acknowledged nothing for a whole time-out, is replaced;
    the messages that it held are sent again by its successor within their own deadlines.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        compression: str = "none",
        inflight_limit_bytes: int = INFLIGHT_LIMIT_BYTES,
    ) -> None:
        self._kafka = kafka
        self._compression = None if compression == "none" else compression
        self._timeout_s = kafka.produce_timeout_s
        self._inflight = InflightBytes(inflight_limit_bytes)
        self._client: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[AIOKafkaProducer] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns: dict[str, Turn] = {}
        self._acknowledged_at = 0.0
        self._closed = False
        self.available = False

    @property
    def inflight_bytes(self) -> int:
        """Bytes that the client holds without an acknowledgement."""
        return self._inflight.used_bytes

    async def start(self, timeout_s: float = 60.0) -> None:
        """Connect; a broker that is still starting answers with several errors, all are tried again."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._connected()
        except TimeoutError as error:
            await self.close()
            raise BrokerUnavailable(f"no Kafka at {self._kafka.bootstrap} after {timeout_s:g} s") from error

    async def close(self) -> None:
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                if self._tasks:
                    await asyncio.wait(self._tasks)
                if self._client is not None:
                    await self._client.flush()
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
            await asyncio.wait([connecting])
        client, self._client = self._client, None
        if client is not None:
            await _stop(client, self._timeout_s)
        self.available = False

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._deliver(topic, value, key, headers, partition)
        except TimeoutError as error:
            self.available = False
            if self._acknowledged_at < started and self._client is not None:
                self._replace(self._client, "nothing was acknowledged in time")
            raise BrokerUnavailable(f"Kafka did not acknowledge within {self._timeout_s:g} s") from error

    def send_soon(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> asyncio.Future[Position]:
        return self._spawn(self.send(topic, value, key=key, headers=headers, partition=partition))

    async def _deliver(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, partition: int | None
    ) -> Position:
        """Send one message, by the next client when one fails; the caller bounds the time."""
        failure: KafkaError | None = None
        for _ in range(ATTEMPTS):
            client = await self._connected()
            try:
                return await self._once(client, topic, value, key, headers, partition)
            except TOO_LARGE as error:
                raise TooLarge(MAX_MESSAGE_BYTES) from error
            except HARMLESS as error:
                raise BrokerUnavailable(f"Kafka refused a message for {topic}: {error!r}") from error
            except KafkaError as error:
                self._replace(client, repr(error))
                failure = error
        raise BrokerUnavailable(f"Kafka refused a message {ATTEMPTS} times: {failure!r}") from failure

    async def _once(
        self,
        client: AIOKafkaProducer,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int | None,
    ) -> Position:
        size_bytes = len(value or b"") + len(key or b"")
        await self._inflight.take(size_bytes)
        try:
            if partition is None:
                partition = await self._next_partition(client, topic, size_bytes)
            acknowledged = await client.send(
                topic, value, key=key, partition=partition, headers=list(headers)
            )
        except BaseException:
            self._inflight.give(size_bytes)
            raise
        # What timed out here is still held by the client, so its bytes count until the client is done.
        acknowledged.add_done_callback(lambda future: self._settle(future, size_bytes))
        metadata = await asyncio.shield(acknowledged)
        return Position(metadata.partition, metadata.offset)

    def _settle(self, future: asyncio.Future[Any], size_bytes: int) -> None:
        self._inflight.give(size_bytes)
        if not future.cancelled() and future.exception() is None:
            self._acknowledged_at = asyncio.get_running_loop().time()
            self.available = True

    async def _next_partition(self, client: AIOKafkaProducer, topic: str, size_bytes: int) -> int:
        """Return the partition whose turn it is, of those that have a leader if any has."""
        partitions = client.client.cluster.available_partitions_for_topic(topic)
        partitions = sorted(partitions or await client.partitions_for(topic))
        turn = self._turns.setdefault(topic, Turn())
        return turn.partition(partitions, size_bytes, asyncio.get_running_loop().time())

    async def _connected(self) -> AIOKafkaProducer:
        """Return the present client, connecting one if need be; everybody waits for the same one."""
        if self._client is not None:
            return self._client
        if self._closed:
            raise BrokerUnavailable("the producer is closed")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name="connect producer")
        connecting = self._connecting
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            if connecting.cancelled() and self._closed:
                raise BrokerUnavailable("the producer was closed") from None
            raise

    async def _connect(self) -> AIOKafkaProducer:
        """Try until there is a connection or `close` cancels it; callers give up by their own deadlines."""
        while True:
            client = self._new_client()
            try:
                await client.start()
            except KafkaError as error:
                log.info("Kafka does not answer yet", bootstrap=self._kafka.bootstrap, error=repr(error))
                await client.stop()
                await asyncio.sleep(PAUSE_S)
            except BaseException:
                await client.stop()
                raise
            else:
                self._client, self._connecting, self.available = client, None, True
                return client

    def _new_client(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._kafka.bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            compression_type=self._compression,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=round(self._timeout_s * 1000),
            retry_backoff_ms=50,
        )

    def _replace(self, client: AIOKafkaProducer, why: str) -> None:
        """Let go of a client, unless somebody did already; those that wait on it fail over at once."""
        if self._client is not client:
            return
        log.warning("replacing the Kafka client", why=why)
        self._client = None
        self.available = False
        self._spawn(_stop(client, self._timeout_s))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run in the background; a failure is its owner's business, not the event loop's."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_retrieve)
        return task


async def _stop(client: AIOKafkaProducer, timeout_s: float) -> None:
    """End a client without waiting for messages that it would try to deliver for ever.

    A stop waits for every message, and none expires, so they are failed first; there is no public way to do
    that. The sender task does not expect it and may die of a KeyError when it puts a batch back, which is as
    good as its cancellation, but then the stop ends early and leaves the connections open.
    """
    sender = client._sender  # noqa: SLF001
    if sender.sender_task is not None:
        sender.sender_task.remove_done_callback(sender._fail_all)  # noqa: SLF001 - is done here
    client._message_accumulator.fail_all(KafkaError("the client was replaced"))  # noqa: SLF001
    stopping = asyncio.ensure_future(client.stop())
    stopping.add_done_callback(_retrieve)
    await asyncio.wait([stopping], timeout=timeout_s)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait([stopping], timeout=timeout_s)
    await client.client.close()


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Look at a failure that nobody else may look at."""
    if not future.cancelled():
        future.exception()
