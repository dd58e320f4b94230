"""What was sent?  The producer's twin: topics as lists."""

import asyncio
from dataclasses import dataclass

from headwater.domain.errors import BrokerUnavailable, TooLarge
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.producer import Headers, Position
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message as it lies on the log in memory."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int = 0  # when it was appended, by the log's clock; 0 without one

    def header(self, name: str) -> str:
        """Return a header as text; raises KeyError when it is not there."""
        return dict(self.headers)[name].decode()


class MemoryProducer:
    """A log in memory that acknowledges at once, unless it is told otherwise.

    `available = False` plays the death of the broker; between `hold()` and `release()` acknowledgements
    keep their senders waiting, as a slow broker does.
    """

    def __init__(self, partitions: int = 4, clock: Clock | None = None) -> None:
        self._partitions = partitions
        self._clock = clock
        self._turns: dict[str, int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._acknowledging = asyncio.Event()
        self._acknowledging.set()
        self._tasks: set[asyncio.Task[Position]] = set()
        self._closed = False
        self.available = True
        self.messages: list[SentMessage] = []

    async def start(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    def hold(self) -> None:
        """Keep what is sent from now on, and its senders, waiting."""
        self._acknowledging.clear()

    def release(self) -> None:
        """Acknowledge, or refuse when not `available`, everything that waits."""
        self._acknowledging.set()

    def sent(self, topic: str) -> list[SentMessage]:
        """Return the messages of one topic in the order of their acceptance."""
        return [message for message in self.messages if message.topic == topic]

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        if len(value or b"") > MAX_MESSAGE_BYTES:
            raise TooLarge(MAX_MESSAGE_BYTES)
        if not self._acknowledging.is_set():
            await self._acknowledging.wait()
        if self._closed or not self.available:
            raise BrokerUnavailable("the log in memory is switched off")
        return self._append(topic, value, key, headers, partition)

    def send_soon(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> asyncio.Future[Position]:
        task = asyncio.create_task(self.send(topic, value, key=key, headers=headers, partition=partition))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _append(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, partition: int | None
    ) -> Position:
        if partition is None:
            partition = self._turns[topic] = (self._turns.get(topic, -1) + 1) % self._partitions
        offset = self._ends.get((topic, partition), 0)
        self._ends[topic, partition] = offset + 1
        timestamp_ms = self._clock.now_us() // 1000 if self._clock else 0
        message = SentMessage(topic, partition, offset, value, key, tuple(headers), timestamp_ms)
        self.messages.append(message)
        return Position(partition, offset)
