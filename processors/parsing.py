"""What was sent?  From the messages of a run to single records, each with its version and arrival.

Pure. Bytes that are no JSON, and items that are no records, come back as refusals beside the good ones: a
producer without an answer channel must not lose a whole message to one bad line.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from headwater.domain.versions import MAX_AHEAD_US, stamp_at, version_of_message
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Header
from processors.refusals import Refusal

BOM = b"\xef\xbb\xbf"
_SHOWN_BYTES = 64 * 1024  # of a refused message that is no JSON


@dataclass(slots=True)
class Arrivals:
    """Records in the order of the log; the three lists run side by side."""

    records: list[dict[str, Any]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    received_at: list[str] = field(default_factory=list)  # "YYYY-MM-DD hh:mm:ss.ffffff", UTC
    refused: list[Refusal] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)


def parse(run: Run) -> Arrivals:
    """Return every record of a run."""
    arrivals = Arrivals()
    if not _parse_singles(run, arrivals):
        for message in run.messages:
            _parse_message(message, arrivals)
    return arrivals


def _parse_singles(run: Run, arrivals: Arrivals) -> bool:
    """Read native messages of one object each in one go, or leave everything untouched and return False."""
    messages = run.messages
    if len(messages) == 1 or not run.uniform or _is_stamped(messages[0]):
        return False
    try:
        records = orjson.loads(b"[" + b",".join([message.value for message in messages]) + b"]")
    except orjson.JSONDecodeError:
        return False
    if len(records) != len(messages) or set(map(type, records)) != {dict} or not all(records):
        return False  # arrays, NDJSON, scalars, or {} among them
    moments = {ms: moment_text(ms * 1000) for ms in {message.timestamp_ms for message in messages}}
    arrivals.records = records
    arrivals.versions = [version_of_message(message.timestamp_ms, message.offset) for message in messages]
    arrivals.received_at = [moments[message.timestamp_ms] for message in messages]
    return True


def _is_stamped(message: Message) -> bool:
    return any(name in (Header.VERSION, Header.RECEIVED_AT) for name, _ in message.headers)


def _parse_message(message: Message, arrivals: Arrivals) -> None:
    version, received_at = _stamp(message)
    derived = _header(message, Header.VERSION) is None
    if version is None:
        _refuse_message(
            message, received_at, arrivals, "invalid_version", "the version header is no usable number"
        )
        return
    try:
        items = split(message.value)
    except orjson.JSONDecodeError as error:
        _refuse_message(message, received_at, arrivals, "invalid_json", str(error))
        return
    for position, item in enumerate(items):
        # Records of a message without a version share the message's: the next offset's must be greater.
        own = version if derived else version + position
        problem = _problem(item)
        if problem is None:
            arrivals.records.append(item)
            arrivals.versions.append(own)
            arrivals.received_at.append(received_at)
        else:
            arrivals.refused.append(Refusal.of(_text(item), own, position, received_at, *problem))


def split(value: bytes) -> list[Any]:
    """Return the items of a message: an object, the elements of an array, or one for each line of NDJSON.

    A line of NDJSON that is no JSON stays as bytes. Raises JSONDecodeError when nothing is JSON.
    """
    body = value.removeprefix(BOM).strip()
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\n" not in body or not body.startswith(b"{"):
            raise
        return [_try_line(line) for line in body.splitlines() if line.strip()]
    return document if isinstance(document, list) else [document]


def _try_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return line


def _problem(item: Any) -> tuple[str, str] | None:
    if isinstance(item, dict) and item:
        return None
    if isinstance(item, bytes):
        return "invalid_json", "the line is not JSON"
    return "invalid_record", "an empty object" if item == {} else "not a JSON object"


def _stamp(message: Message) -> tuple[int | None, str]:
    """Return the first record's version (None when its header cannot be used) and the arrival."""
    given, received = _header(message, Header.VERSION), _header(message, Header.RECEIVED_AT)
    received_us = int(received) if received and received.isdigit() else message.timestamp_ms * 1000
    received_at = moment_text(received_us)
    if given is None:
        return version_of_message(message.timestamp_ms, message.offset), received_at
    limit = stamp_at(message.timestamp_ms * 1000 + MAX_AHEAD_US)
    version = int(given) if given.isdigit() and len(given) <= 20 else limit + 1  # noqa: PLR2004 - digits of 2**64
    return (version if version <= limit else None), received_at


def _header(message: Message, name: str) -> bytes | None:
    for key, value in message.headers:
        if key == name:
            return value
    return None


@lru_cache(maxsize=4096)
def moment_text(moment_us: int) -> str:
    """Return a moment as ClickHouse reads it fastest."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds, tzinfo=None)
    return moment.isoformat(sep=" ", timespec="microseconds")


def _refuse_message(message: Message, received_at: str, arrivals: Arrivals, code: str, why: str) -> None:
    version = version_of_message(message.timestamp_ms, message.offset)
    text = message.value[:_SHOWN_BYTES].decode(errors="replace")
    arrivals.refused.append(Refusal.of(text, version, 0, received_at, code, why))


def _text(item: Any) -> str:
    return item.decode(errors="replace") if isinstance(item, bytes) else orjson.dumps(item).decode()
