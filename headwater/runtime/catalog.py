"""Which datasets exist right now?  The port, and a live view of the compacted catalog topic.

The rule by which changes count is domain/catalog_log.py; here is how lines travel.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Protocol
from uuid import uuid4

import structlog
from aiokafka.structs import ConsumerRecord

from headwater.domain.catalog_log import CatalogLog, Line, Outcome, Verdict
from headwater.domain.datasets import Dataset, decode_dataset, encode_dataset
from headwater.domain.errors import BrokerUnavailable, Conflict
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

Subscriber = Callable[[Dataset | None, Dataset | None], None]

BASE = "base"  # header, decimal: the revision that the document was made from
WRITER = "writer"  # header: names one write, so that its writer knows its line again
MAX_SETTLEMENTS = 10  # of one lost write; the reader that starts next does what is left


class Catalog(Protocol):
    """All datasets, in memory, and the way to change them. Reading never blocks."""

    @property
    def ready(self) -> bool:
        """Whether everything that existed at the start is known."""
        ...

    def get(self, uid: str) -> Dataset | None:
        """Return the dataset with this uid."""
        ...

    def find(self, dataset_id: str) -> Dataset | None:
        """Return the dataset with this dataset_id."""
        ...

    def all(self) -> Sequence[Dataset]:
        """Return every dataset, by dataset_id."""
        ...

    async def write(self, dataset: Dataset) -> Dataset:
        """Write a document made from the revision that it carries (0: new); return it with the next one.

        On return the change is durable and this catalog shows it. Raises Conflict when somebody else
        changed or deleted the dataset first, or its dataset_id is taken: then nothing has changed.
        Raises BrokerUnavailable within the produce time-out, twice over at most: whether the change was
        made is then unknown, and repeating it either makes it or raises Conflict.
        """
        ...

    async def delete(self, dataset: Dataset) -> None:
        """Delete a dataset as of the revision that it carries; frees its dataset_id. Raises as `write`."""
        ...

    def subscribe(self, callback: Subscriber) -> None:
        """Call `callback(old, new)` on every change that counts, from now on; it must not raise."""
        ...

    async def start(self) -> None:
        """Learn of everything that exists. Raises BrokerUnavailable."""
        ...

    async def close(self) -> None:
        """Stop following; closing twice is harmless."""
        ...


class KafkaCatalog:
    """The catalog topic: one partition, one line per change, key = uid, no value = deleted."""

    def __init__(self, kafka: KafkaSettings, producer: Producer) -> None:
        self._topic = kafka.topics.catalog
        self._timeout_s = kafka.produce_timeout_s
        self._producer = producer
        self._tail = Tail(kafka, self._topic, self._read)
        self._log = CatalogLog()
        self._subscribers: list[Subscriber] = []
        self._waiting: dict[bytes, asyncio.Future[Outcome]] = {}
        self._name = uuid4().hex
        self._numbers = count()
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready and self._tail.failed is None

    def get(self, uid: str) -> Dataset | None:
        return self._log.get(uid)

    def find(self, dataset_id: str) -> Dataset | None:
        return self._log.find(dataset_id)

    def all(self) -> Sequence[Dataset]:
        return self._log.all()

    def subscribe(self, callback: Subscriber) -> None:
        self._subscribers.append(callback)

    async def start(self) -> None:
        await self._tail.start()
        self._ready = True
        for uid in sorted(self._log.disputed):
            await self._settle(uid)

    async def close(self) -> None:
        self._ready = False
        await self._tail.close()

    async def write(self, dataset: Dataset) -> Dataset:
        written = replace(dataset, revision=dataset.revision + 1)
        await self._decide(Line(dataset.uid, dataset.revision, written))
        return written

    async def delete(self, dataset: Dataset) -> None:
        await self._decide(Line(dataset.uid, dataset.revision, None))

    async def _decide(self, line: Line) -> None:
        """Put a line on the log and learn what became of it; what loses already is not even sent."""
        if objection := self._log.objection(line):
            raise Conflict(objection)
        outcome = await self._append(line)
        if outcome.verdict is Verdict.LOSES:
            await self._settle(line.uid)
            raise Conflict(outcome.objection)
        if outcome.verdict is Verdict.REPEATS:
            raise Conflict(f"dataset {line.uid} was changed in the same way by somebody else meanwhile")

    async def _settle(self, uid: str) -> None:
        """Repeat what counts for a dataset whose last line lost, so that compaction keeps that."""
        for _ in range(MAX_SETTLEMENTS):
            if uid not in self._log.disputed:
                return
            try:
                await self._append(self._log.settlement(uid))
            except BrokerUnavailable as error:
                log.warning("dispute not settled; the next start will", dataset=uid, error=str(error))
                return

    async def _append(self, line: Line) -> Outcome:
        """Send one line and wait until our own reader has come to it."""
        token = f"{self._name}:{next(self._numbers)}".encode()
        self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            await self._producer.send(
                self._topic,
                None if line.dataset is None else encode_dataset(line.dataset),
                key=line.uid.encode(),
                headers=((BASE, str(line.base).encode()), (WRITER, token)),
                partition=0,
            )
            return await asyncio.wait_for(self._waiting[token], self._timeout_s)
        except TimeoutError as error:
            raise BrokerUnavailable("the catalog's log could not be read back in time") from error
        finally:
            del self._waiting[token]

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            headers = dict(record.headers)
            try:
                line = _line(record, headers)
            except (KeyError, TypeError, ValueError) as error:
                log.warning("catalog line skipped: not readable", offset=record.offset, error=repr(error))
                continue
            outcome = self._log.apply(line)
            if outcome.verdict is Verdict.WINS:
                self._announce(outcome)
            waiting = self._waiting.get(headers.get(WRITER, b""))
            if waiting is not None and not waiting.done():
                waiting.set_result(outcome)

    def _announce(self, outcome: Outcome) -> None:
        for subscriber in self._subscribers:
            subscriber(outcome.old, outcome.new)


def _line(record: ConsumerRecord, headers: dict[str, bytes]) -> Line:
    """Return the line of a message; raises KeyError, TypeError or ValueError when it is none of ours."""
    uid = (record.key or b"").decode()
    dataset = decode_dataset(record.value) if record.value else None
    if not uid or (dataset is not None and dataset.uid != uid):
        raise ValueError(f"the key {uid!r} is not the document's uid")
    return Line(uid, int(headers[BASE]), dataset)
