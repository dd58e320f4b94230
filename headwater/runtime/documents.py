"""Which documents of a kind exist right now?  The port, a live view of a compacted topic, and its twin.

The rule by which changes count is domain/document_log.py; here is how lines travel.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

import structlog
from aiokafka.structs import ConsumerRecord

from headwater.domain.document_log import Document, DocumentLog, Kind, Line, Outcome, Verdict
from headwater.domain.errors import BrokerUnavailable, Conflict
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

T = TypeVar("T", bound=Document)
Subscriber = Callable[[T | None, T | None], None]

BASE = "base"  # header, decimal: the revision that the document was made from
WRITER = "writer"  # header: names one write, so that its writer knows its line again
MAX_SETTLEMENTS = 10  # of one lost write; the reader that starts next does what is left


class Documents(Protocol[T]):
    """All documents of one kind, in memory, and the way to change them. Reading never blocks."""

    @property
    def ready(self) -> bool:
        """Whether everything that existed at the start is known."""
        ...

    @property
    def age_s(self) -> float:
        """How old what is known may be: every change before that many seconds ago has been applied.

        It stays below 2 while the broker answers; inf before the start.
        """
        ...

    def get(self, key: str) -> T | None:
        """Return the document with this key."""
        ...

    def find(self, name: str) -> T | None:
        """Return the document with this name."""
        ...

    def all(self) -> Sequence[T]:
        """Return every document, by name."""
        ...

    async def write(self, document: T) -> T:
        """Write a document made from the revision that it carries (0: new); return it with the next one.

        On return the change is durable and this view shows it. Raises Conflict when somebody else changed
        or deleted the document first, or its name is taken: then nothing has changed. Raises
        BrokerUnavailable within the produce time-out, twice over at most: whether the change was made is
        then unknown, and repeating it either makes it or raises Conflict.
        """
        ...

    async def delete(self, document: T) -> None:
        """Delete a document as of the revision that it carries; frees its name. Raises as `write`."""
        ...

    def subscribe(self, callback: Subscriber[T]) -> None:
        """Call `callback(old, new)` on every change that counts, from now on; it must not raise."""
        ...

    async def start(self) -> None:
        """Learn of everything that exists. Raises BrokerUnavailable."""
        ...

    async def close(self) -> None:
        """Stop following; closing twice is harmless."""
        ...


class KafkaDocuments(Generic[T]):
    """A compacted topic of one partition: one line per change, no value = deleted."""

    def __init__(self, kind: Kind[T], kafka: KafkaSettings, topic: str, producer: Producer) -> None:
        self._kind = kind
        self._topic = topic
        self._timeout_s = kafka.produce_timeout_s
        self._producer = producer
        self._tail = Tail(kafka, self._topic, self._read)
        self._log = DocumentLog(kind)
        self._subscribers: list[Subscriber[T]] = []
        self._waiting: dict[bytes, asyncio.Future[Outcome[T]]] = {}
        self._name = uuid4().hex
        self._numbers = count()
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready and self._tail.failed is None

    @property
    def age_s(self) -> float:
        return self._tail.age_s

    def get(self, key: str) -> T | None:
        return self._log.get(key)

    def find(self, name: str) -> T | None:
        return self._log.find(name)

    def all(self) -> Sequence[T]:
        return self._log.all()

    def subscribe(self, callback: Subscriber[T]) -> None:
        self._subscribers.append(callback)

    async def start(self) -> None:
        await self._tail.start()
        self._ready = True
        for key in sorted(self._log.disputed):
            await self._settle(key)

    async def close(self) -> None:
        self._ready = False
        await self._tail.close()

    async def write(self, document: T) -> T:
        line = self._log.change(document)
        await self._decide(line)
        assert line.document is not None
        return line.document

    async def delete(self, document: T) -> None:
        await self._decide(self._log.deletion(document))

    async def _decide(self, line: Line[T]) -> None:
        """Put a line on the log and learn what became of it; what loses already is not even sent."""
        if objection := self._log.objection(line):
            raise Conflict(objection)
        outcome = await self._append(line)
        if outcome.verdict is Verdict.LOSES:
            await self._settle(line.key)
            raise Conflict(outcome.objection)
        if outcome.verdict is Verdict.REPEATS:
            raise Conflict(
                f"{self._kind.noun} {line.key} was changed in the same way by somebody else meanwhile"
            )

    async def _settle(self, key: str) -> None:
        """Repeat what counts for a document whose last line lost, so that compaction keeps that."""
        for _ in range(MAX_SETTLEMENTS):
            if key not in self._log.disputed:
                return
            try:
                await self._append(self._log.settlement(key))
            except BrokerUnavailable as error:
                log.warning(
                    "dispute not settled; the next start will", topic=self._topic, key=key, error=str(error)
                )
                return

    async def _append(self, line: Line[T]) -> Outcome[T]:
        """Send one line and wait until our own reader has come to it."""
        token = f"{self._name}:{next(self._numbers)}".encode()
        self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            await self._producer.send(
                self._topic,
                None if line.document is None else self._kind.encode(line.document),
                key=line.key.encode(),
                headers=((BASE, str(line.base).encode()), (WRITER, token)),
                partition=0,
            )
            return await asyncio.wait_for(self._waiting[token], self._timeout_s)
        except TimeoutError as error:
            raise BrokerUnavailable(f"topic {self._topic} could not be read back in time") from error
        finally:
            del self._waiting[token]

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            headers = dict(record.headers)
            try:
                line = line_of(self._kind, record.key, record.value, headers)
            except (KeyError, TypeError, ValueError) as error:
                log.warning(
                    "line skipped: not readable",
                    topic=self._topic,
                    offset=record.offset,
                    error=repr(error),
                )
                continue
            outcome = self._log.apply(line)
            if outcome.verdict is Verdict.WINS:
                for subscriber in self._subscribers:
                    subscriber(outcome.old, outcome.new)
            waiting = self._waiting.get(headers.get(WRITER, b""))
            if waiting is not None and not waiting.done():
                waiting.set_result(outcome)


def line_of(kind: Kind[T], key: bytes | None, value: bytes | None, headers: dict[str, bytes]) -> Line[T]:
    """Return the line of a message; raises KeyError, TypeError or ValueError when it is none of ours."""
    text = (key or b"").decode()
    document = kind.decode(value) if value else None
    if not text or (document is not None and kind.key(document) != text):
        raise ValueError(f"the key {text!r} is not the document's")
    return Line(text, int(headers[BASE]), document)


class MemoryLog(Generic[T]):
    """What several twins share, as processes share the topic; `available` plays the broker's death."""

    def __init__(self) -> None:
        self.lines: list[Line[T]] = []
        self.readers: list[MemoryDocuments[T]] = []
        self.available = True

    def append(self, line: Line[T]) -> None:
        """Put one line on the log and let all readers read it; raises BrokerUnavailable when switched off."""
        if not self.available:
            raise BrokerUnavailable("the log in memory is switched off")
        self.lines.append(line)
        for reader in self.readers:
            reader.read(line)


class MemoryDocuments(Generic[T]):
    """The twin: the same rule over a log in memory, its own unless one is given."""

    def __init__(self, kind: Kind[T], shared: MemoryLog[T] | None = None) -> None:
        self._kind = kind
        self._shared: MemoryLog[T] = MemoryLog() if shared is None else shared
        self._log = DocumentLog(kind)
        self._subscribers: list[Subscriber[T]] = []
        self._ready = False
        self.age_s = 0.0  # a test may let it grow, as it does when the broker is away

    @property
    def ready(self) -> bool:
        return self._ready

    def get(self, key: str) -> T | None:
        return self._log.get(key)

    def find(self, name: str) -> T | None:
        return self._log.find(name)

    def all(self) -> Sequence[T]:
        return self._log.all()

    def subscribe(self, callback: Subscriber[T]) -> None:
        self._subscribers.append(callback)

    async def start(self) -> None:
        for line in self._shared.lines:
            self.read(line)
        self._shared.readers.append(self)
        self._ready = True

    async def close(self) -> None:
        self._ready = False
        if self in self._shared.readers:
            self._shared.readers.remove(self)

    async def write(self, document: T) -> T:
        as_kept = self._kind.decode(self._kind.encode(document))  # what the topic would give back
        line = self._log.change(as_kept)
        self._append(line)
        assert line.document is not None
        return line.document

    async def delete(self, document: T) -> None:
        self._append(self._log.deletion(document))

    def read(self, line: Line[T]) -> None:
        """Take the next line of the shared log."""
        outcome = self._log.apply(line)
        if outcome.verdict is Verdict.WINS:
            for subscriber in self._subscribers:
                subscriber(outcome.old, outcome.new)

    def _append(self, line: Line[T]) -> None:
        if objection := self._log.objection(line):
            raise Conflict(objection)
        self._shared.append(line)
