"""How does a refused record get its next chance?  By two messages: the record again, then its entry's end.

In this order: a death between them leaves the entry where it is, and a second replay of the same record with
the same version stores nothing twice. The entry's line has a step of its own, so that a refusal of the
replay, which has a later one, shows it again in whatever order the two are stored.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from gateway.keys import PRODUCER, SETTINGS
from headwater.domain.datasets import Dataset
from headwater.domain.tables import DELETED, RECEIVED_AT, STEP, VERSION
from headwater.runtime import metrics
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.topics import Header, Origin, Topics
from headwater.runtime.store import QuarantinedRecord

Mended = tuple[QuarantinedRecord, dict[str, Any]]  # the entry, and the record to send for it


async def replay(app: web.Application, dataset: Dataset, entries: Sequence[Mended]) -> None:
    """Send records through the stack again and take their entries away; durable on return.

    The caller bounds how many. Raises BrokerUnavailable: repeating is safe.
    """
    topics = app[SETTINGS].kafka.topics
    await asyncio.gather(*(_replay(app[PRODUCER], topics, dataset, *one) for one in entries))
    metrics.QUARANTINE_LEFT.labels(reason="replayed").inc(len(entries))


async def dismiss(app: web.Application, dataset: Dataset, entries: Sequence[QuarantinedRecord]) -> None:
    """Take entries away without another chance; durable on return. Raises BrokerUnavailable."""
    topics = app[SETTINGS].kafka.topics
    await asyncio.gather(*(_end(app[PRODUCER], topics, dataset, one) for one in entries))
    metrics.QUARANTINE_LEFT.labels(reason="dropped").inc(len(entries))


async def _replay(
    producer: Producer, topics: Topics, dataset: Dataset, entry: QuarantinedRecord, record: dict[str, Any]
) -> None:
    await producer.send(
        topics.raw,
        orjson.dumps([record]),
        key=dataset.dataset_id.encode(),
        headers=replay_headers(dataset, entry),
    )
    await _end(producer, topics, dataset, entry)


async def _end(producer: Producer, topics: Topics, dataset: Dataset, entry: QuarantinedRecord) -> None:
    await producer.send(
        topics.quarantine,
        end_line(entry),
        key=dataset.uid.encode(),
        headers=((Header.DATASET, dataset.uid.encode()), (Header.COUNT, b"1")),
    )


def replay_headers(dataset: Dataset, entry: QuarantinedRecord) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record on its next way through the stack."""
    return (
        (Header.DATASET, dataset.dataset_id.encode()),
        (Header.RESOURCE, entry.resource.encode()),
        (Header.OP, entry.op.encode()),
        (Header.VERSION, b"%d" % entry.version),
        (Header.COUNT, b"1"),
        (Header.RECEIVED_AT, b"%d" % entry.received_at_us),
        (Header.ORIGIN, Origin.PUSH.encode()),
        (Header.REVISION, b"%d" % dataset.revision),
        (Header.ATTEMPT, b"%d" % (entry.step // 2 + 1)),
        (Header.POSITION, b"%d" % entry.position),
    )


def end_line(entry: QuarantinedRecord) -> bytes:
    """Return the quarantine table's row that hides an entry until a later step shows it again."""
    return orjson.dumps(
        {
            "dataset": entry.dataset,
            VERSION: entry.version,
            "position": entry.position,
            "resource": entry.resource,
            "op": entry.op,
            RECEIVED_AT: entry.received_at,
            "record": entry.record,
            "errors": orjson.dumps(entry.errors).decode(),
            "code": entry.code,
            STEP: entry.step + 1,
            DELETED: 1,
        }
    )
