"""Which messages of topic raw are archived, and how do they look in the table?  Pure.

The rows are in ClickHouse's binary format (runtime/rowbinary.py). Nothing here reads a body, except to count
what a native producer did not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import inf
from struct import Struct
from typing import NamedTuple

import orjson

from headwater.domain.admission import check_native
from headwater.domain.datasets import Dataset
from headwater.domain.tables import RECEIVED_AT, VERSION
from headwater.domain.versions import MAX_AHEAD_US, STAMPS_PER_MS, Numbering, stamp_at, version_of_message
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Header, Op, Origin
from headwater.runtime.rowbinary import size_prefix, sized

ARCHIVE_COLUMNS = (
    "dataset",
    "resource",
    "op",
    VERSION,
    "count",
    RECEIVED_AT,
    "partition",
    "offset",
    "numbering",
    "body",
)
_NUMBERS = Struct("<QIQIQB")  # version, count, received at, partition, offset, numbering
_MAX_DIGITS = 20
MAX_JOINED = 1_000  # messages in one row
_MAX_COUNT = 2**32 - 1
_MAX_MOMENT_US = 2**63 - 1
_NATIVE = ("", Origin.KAFKA)
_OPS = frozenset(op.value for op in Op)


@dataclass(frozen=True, slots=True)
class ArchiveRows:
    """What a run became: rows of ARCHIVE_COLUMNS, one a message or for small messages joined."""

    value: bytes
    messages: int


class _Told(NamedTuple):
    """What the headers of a message say; None where they say nothing, or nothing that is a number."""

    version: int | None
    records: int | None
    received_us: int | None
    is_derived: bool  # no version was sent: it follows from the message's place


_TOLD_NOTHING = _Told(None, None, None, is_derived=True)


def is_native(run: Run) -> bool:
    """Tell whether no gateway has checked the run."""
    return run.header(Header.ORIGIN) in _NATIVE


def needs_news(run: Run, dataset: Dataset | None) -> bool:
    """Tell whether the gateway accepted the run under a later state of the dataset than the one we know."""
    if run.header(Header.ORIGIN) in (*_NATIVE, Origin.REPLAY):
        return False
    known = dataset.revision if dataset else 0
    return max(map(_revision, run.messages[:1] if run.uniform else run.messages)) > known


def is_archived(run: Run, dataset: Dataset) -> bool:
    """Tell whether a run is kept: of a known resource with recovery on, admitted, and no replay.

    What the gateway accepted was published then; that it is not any more does not take it back.
    """
    resource = dataset.resource(run.header(Header.RESOURCE))
    if resource is None or not resource.recovers:
        return False
    origin, op = run.header(Header.ORIGIN), run.header(Header.OP) or Op.UPSERT
    if origin == Origin.REPLAY or op not in _OPS:
        return False
    if not is_native(run):
        return True
    came_us = run.messages[0].timestamp_ms * 1000
    return check_native(dataset, resource.resource_id, run.header(Header.PUSHKEY), op, came_us) is None


def archive_rows(run: Run, dataset: Dataset) -> ArchiveRows:
    """Return the rows of a run's messages, but of those that the processors refuse for their version or for
    a key that had expired, and of those from before the owner deleted the archive.
    """
    op = run.header(Header.OP) or Op.UPSERT.value
    texts = (dataset.uid, run.header(Header.RESOURCE), op)
    start = b"".join(sized(text.encode()) for text in texts)
    since, until_us = _bounds(run, dataset)
    told = _told(run.messages[0])
    pieces: list[bytes] = []
    plain = run.uniform and told == _TOLD_NOTHING
    for message, joined in _joined(run.messages) if plain else zip(run.messages, repeat(1)):
        if not run.uniform:
            told = _told(message)
        version, moment_us = _version(message, told), message.timestamp_ms * 1000
        if version is None or version < since or moment_us >= until_us:
            continue
        body = message.value
        count = joined if joined > 1 else count_records(body) if told.records is None else told.records
        received_us = moment_us if told.received_us is None else told.received_us
        numbering = _numbering(told, joined)
        numbers = _NUMBERS.pack(version, count, received_us, run.partition, message.offset, numbering)
        pieces += (start, numbers, size_prefix(len(body)), body)
    return ArchiveRows(b"".join(pieces), len(pieces) // 4)


def _numbering(told: _Told, joined: int) -> Numbering:
    if joined > 1:
        return Numbering.JOINED
    return Numbering.SHARED if told.is_derived else Numbering.CONSECUTIVE


def _joined(messages: Sequence[Message]) -> Iterator[tuple[Message, int]]:
    """Join neighbours of one object each into NDJSON where their places give them versions in a row.

    Yields each message and how many it was.

    A replay then gives every record the version that it had. That is nearly all that a producer of small
    messages sends, as the broker stamps what came together with one moment; a row for each would cost the
    store as much as the records themselves.
    """
    batch: list[Message] = []
    for message in messages:
        if batch and not _follows(message, batch[-1]):
            yield _as_one(batch)
            batch = []
        batch.append(message)
        if len(batch) == MAX_JOINED:
            yield _as_one(batch)
            batch = []
    if batch:
        yield _as_one(batch)


def _follows(message: Message, before: Message) -> bool:
    return (
        message.timestamp_ms == before.timestamp_ms
        and message.offset == before.offset + 1
        and message.offset % STAMPS_PER_MS != 0
        and _is_one_line(message.value)
        and _is_one_line(before.value)
    )


def _is_one_line(value: bytes) -> bool:
    return value[:1] == b"{" and b"\n" not in value and b"\r" not in value


def _as_one(batch: list[Message]) -> tuple[Message, int]:
    if len(batch) == 1:
        return batch[0], 1
    return batch[0]._replace(value=b"\n".join([one.value for one in batch])), len(batch)


def _bounds(run: Run, dataset: Dataset) -> tuple[int, float]:
    """Return the least version that is kept, and the moment from which a native producer's key is void."""
    resource = dataset.resource(run.header(Header.RESOURCE))
    if resource is None:
        return 0, inf
    if not is_native(run):
        return resource.archived_since, inf
    key = resource.opened_by(run.header(Header.PUSHKEY), run.messages[0].timestamp_ms * 1000)
    ends_us = key.expires_at_us if key else None
    return resource.archived_since, inf if ends_us is None else ends_us


def count_records(body: bytes) -> int:
    """Return how many records a body holds that nobody counted: an object, an array, or NDJSON."""
    if body.startswith(b"{") and b"\n" not in body:
        return 1
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return sum(1 for line in body.splitlines() if line.strip())
    return len(document) if isinstance(document, list) else 1


def _told(message: Message) -> _Told:
    headers = dict(message.headers)
    given = headers.get(Header.VERSION)
    count, received_us = (_try_number(headers.get(name)) for name in (Header.COUNT, Header.RECEIVED_AT))
    return _Told(
        _try_number(given),
        None if count is None else min(count, _MAX_COUNT),
        None if received_us is None else min(received_us, _MAX_MOMENT_US),
        is_derived=given is None,
    )


def _version(message: Message, told: _Told) -> int | None:
    """Return the first record's version as the processors understand it; None when they refuse it."""
    if told.is_derived:
        return version_of_message(message.timestamp_ms, message.offset)
    limit = stamp_at(message.timestamp_ms * 1000 + MAX_AHEAD_US)
    return None if told.version is None or told.version > limit else told.version


def _revision(message: Message) -> int:
    return next((_try_number(value) or 0 for name, value in message.headers if name == Header.REVISION), 0)


def _try_number(value: bytes | None) -> int | None:
    return int(value) if value and value.isdigit() and len(value) <= _MAX_DIGITS else None
