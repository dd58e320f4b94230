"""What is sent again, and in which words?  Pure: an archived or a live message and the plan give a replay.

A replay says explicitly what its original may have left to the log: version and arrival. So it makes the
same record with the same version, however often and wherever on the log it lies.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from headwater.domain.admission import check_native
from headwater.domain.datasets import Dataset
from headwater.domain.versions import MAX_AHEAD_US, Numbering, stamp_at, version_of_message
from headwater.runtime.kafka.runs import Message
from headwater.runtime.kafka.topics import Header, Op, Origin
from headwater.runtime.store import ArchivedMessage
from schedulers.rebuild.plan import Plan

BOM = b"\xef\xbb\xbf"
MAX_DIGITS = 20  # of a version: those of 2**64


@dataclass(frozen=True, slots=True)
class Replay:
    """One message for topic raw."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    count: int  # records, 1 where nobody knows
    merges: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Original:
    """The facts of a message, wherever it was found."""

    resource: str
    op: str
    version: int
    numbering: Numbering
    count: int | None
    received_at_us: int
    body: bytes
    position: int = 0  # of its first record; tells apart refused records that share a version
    attempt: bytes = b""  # of a record from quarantine


def archived_replay(message: ArchivedMessage, plan: Plan) -> Replay | None:
    """Return the replay of an archived message; None when none of its records counts."""
    floor = plan.archive_floor(message.resource)
    if floor is None:
        return None
    original = _Original(
        resource=message.resource,
        op=message.op,
        version=message.version,
        numbering=message.numbering,
        count=message.count,
        received_at_us=message.received_at_us,
        body=message.body,
    )
    return _replay(original, floor, plan)


def live_replay(message: Message, dataset: Dataset, plan: Plan) -> Replay | None:
    """Return the replay of a message that was just read from topic raw.

    None when it is not the dataset's, is a replay itself, is refused, or when none of its records counts.
    """
    headers = dict(message.headers)
    if headers.get(Header.DATASET) != plan.dataset_id.encode():
        return None
    origin = _text(headers, Header.ORIGIN) or Origin.KAFKA
    if origin == Origin.REPLAY:
        return None
    resource, op = _text(headers, Header.RESOURCE), _text(headers, Header.OP) or Op.UPSERT
    native = origin == Origin.KAFKA
    sent_us = message.timestamp_ms * 1000
    if native and check_native(dataset, resource, _text(headers, Header.PUSHKEY), op, sent_us):
        return None
    shared = Header.VERSION not in headers
    version = version_of_message(message.timestamp_ms, message.offset)
    if not shared:
        given = _number(headers, Header.VERSION)
        if given is None or given > stamp_at(sent_us + MAX_AHEAD_US):
            return None  # such a version makes no record, at any time
        version = given
    received_at_us = _number(headers, Header.RECEIVED_AT)
    original = _Original(
        resource=resource,
        op=op,
        version=version,
        numbering=Numbering.SHARED if shared else Numbering.CONSECUTIVE,
        count=None if native else _number(headers, Header.COUNT),  # strangers may say what they like
        received_at_us=sent_us if received_at_us is None else received_at_us,
        body=message.value,
        position=_number(headers, Header.POSITION) or 0,
        attempt=headers.get(Header.ATTEMPT, b""),
    )
    return _replay(original, plan.live_floor(resource), plan)


def without_first(body: bytes, records: int) -> tuple[bytes, int]:
    """Return a raw message's value without its first records, and how many are left."""
    text = body.removeprefix(BOM).strip()
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()][records:]
        return b"\n".join(lines), len(lines)
    left = document[records:] if isinstance(document, list) else [document][records:]
    return orjson.dumps(left), len(left)


def _replay(original: _Original, floor: int, plan: Plan) -> Replay | None:
    version, count, body, position = original.version, original.count, original.body, original.position
    if version < floor:
        missing = floor - version
        if original.numbering is Numbering.SHARED or (count is not None and count <= missing):
            return None
        # Stamped by a clock that was behind the one which began this life: only its last records count.
        body, count = without_first(body, missing)
        if not count:
            return None
        version, position = floor, position + missing
    headers = tuple(_headers(original, version, count, position, plan))
    return Replay(body, headers, count or 1, original.op == Op.MERGE)


def _headers(
    original: _Original, version: int, count: int | None, position: int, plan: Plan
) -> Iterable[tuple[str, bytes]]:
    yield Header.DATASET, plan.dataset_id.encode()
    yield Header.RESOURCE, original.resource.encode()
    yield Header.OP, original.op.encode()
    yield Header.VERSION, b"%d" % version
    if count is not None:
        yield Header.COUNT, b"%d" % count
    if original.numbering is Numbering.SHARED:
        yield Header.SHARED_VERSION, b"1"
    if original.numbering is Numbering.JOINED:
        yield Header.JOINED, b"1"
    yield Header.RECEIVED_AT, b"%d" % original.received_at_us
    yield Header.ORIGIN, Origin.REPLAY.encode()
    yield Header.REVISION, b"%d" % plan.revision
    yield Header.GENERATION, b"%d" % plan.generation
    if position and original.numbering is not Numbering.JOINED:
        yield Header.POSITION, b"%d" % position
    if original.attempt:
        yield Header.ATTEMPT, original.attempt


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode(errors="replace")


def _number(headers: dict[str, bytes], name: str) -> int | None:
    given = headers.get(name, b"")
    return int(given) if given.isdigit() and len(given) <= MAX_DIGITS else None
