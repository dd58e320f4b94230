"""What was sent?  From the messages of a run to single records, each with its version and arrival.

Pure. Bytes that are no JSON, and items that are no records, come back as refusals beside the good ones: a
producer without an answer channel must not lose a whole message to one bad line.
"""

from collections.abc import Mapping, Sequence
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
MOMENT_DIGITS = 16  # microseconds until the year 2286; anybody may send more
POSITION_DIGITS = 9
_SHOWN_BYTES = 64 * 1024  # of a refused message that is no JSON


@dataclass(slots=True)
class Arrivals:
    """Records in the order of the log; the lists but `refused` run side by side.

    `raws` are the records as they were sent, where `records` are what a stack made of them.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    received_at: list[str] = field(default_factory=list)  # "YYYY-MM-DD hh:mm:ss.ffffff", UTC
    refused: list[Refusal] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # in its message; tells apart what shares a version
    raws: list[dict[str, Any]] | None = None
    _places: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def position_of(self, record: Mapping[str, Any]) -> int:
        """Return the position of one of `records`, the very object, in its message."""
        place = self._place_of(record)
        return self.positions[place] if place < len(self.positions) else 0

    def raw_of(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return one of `records`, the very object, as it was sent."""
        return record if self.raws is None else self.raws[self._place_of(record)]

    def _place_of(self, record: Mapping[str, Any]) -> int:
        if not self._places:  # only where something is refused
            self._places = {id(one): place for place, one in enumerate(self.records)}
        return self._places[id(record)]

    def chosen(self, places: Sequence[int]) -> "Arrivals":
        """Return the arrivals at these places, in this order, without refusals."""
        return Arrivals(
            records=[self.records[place] for place in places],
            versions=[self.versions[place] for place in places],
            received_at=[self.received_at[place] for place in places],
            positions=[self.positions[place] for place in places],
            raws=None if self.raws is None else [self.raws[place] for place in places],
        )

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
    arrivals.positions = [0] * len(records)
    return True


def _is_stamped(message: Message) -> bool:
    return any(name in (Header.VERSION, Header.RECEIVED_AT) for name, _ in message.headers)


def _parse_message(message: Message, arrivals: Arrivals) -> None:
    headers = dict(message.headers)
    version, received_at = _stamp(message, headers)
    if version is None:
        own = version_of_message(message.timestamp_ms, message.offset)
        why = "the version header is no usable number"
        _refuse_message(message, own, received_at, arrivals, "invalid_version", why)
        return
    try:
        items = split(message.value)
    except orjson.JSONDecodeError as error:
        _refuse_message(message, version, received_at, arrivals, "invalid_json", str(error))
        return
    # Records of a message without a version share the message's: the next offset's must be greater.
    step = 0 if Header.SHARED_VERSION in headers or Header.VERSION not in headers else 1
    first = _number(headers, Header.POSITION) if Header.POSITION in headers else 0
    if len(items) > 1 and set(map(type, items)) == {dict} and all(items):  # all at once: they are many
        count = len(items)
        arrivals.records += items
        arrivals.versions += range(version, version + count) if step else [version] * count
        arrivals.received_at += [received_at] * count
        arrivals.positions += [0] * count if Header.JOINED in headers else range(first, first + count)
        return
    for index, item in enumerate(items):
        own, position = version + index * step, 0 if Header.JOINED in headers else first + index
        problem = _problem(item)
        if problem is None:
            arrivals.records.append(item)
            arrivals.versions.append(own)
            arrivals.received_at.append(received_at)
            arrivals.positions.append(position)
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


def _stamp(message: Message, headers: Mapping[str, bytes]) -> tuple[int | None, str]:
    """Return the first record's version (None when its header cannot be used) and the arrival."""
    given = headers.get(Header.VERSION)
    received_at = moment_text(_arrived_us(message, headers))
    if given is None:
        return version_of_message(message.timestamp_ms, message.offset), received_at
    limit = stamp_at(message.timestamp_ms * 1000 + MAX_AHEAD_US)
    version = int(given) if given.isdigit() and len(given) <= 20 else limit + 1  # noqa: PLR2004 - digits of 2**64
    return (version if version <= limit else None), received_at


def arrived_us(message: Message) -> int:
    """Return when a message came in, microseconds since 1970, as the gateway or else the broker says."""
    return _arrived_us(message, dict(message.headers))


def _arrived_us(message: Message, headers: Mapping[str, bytes]) -> int:
    received = headers.get(Header.RECEIVED_AT, b"")
    usable = received.isdigit() and len(received) <= MOMENT_DIGITS
    return int(received) if usable else message.timestamp_ms * 1000


def _number(headers: Mapping[str, bytes], name: str) -> int:
    """Return a decimal header; 0 when it is missing or no number."""
    value = headers.get(name, b"")
    return int(value) if value.isdigit() and len(value) <= POSITION_DIGITS else 0


@lru_cache(maxsize=4096)
def moment_text(moment_us: int) -> str:
    """Return a moment as ClickHouse reads it fastest."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds, tzinfo=None)
    return moment.isoformat(sep=" ", timespec="microseconds")


def _refuse_message(
    message: Message, version: int, received_at: str, arrivals: Arrivals, code: str, why: str
) -> None:
    text = message.value[:_SHOWN_BYTES].decode(errors="replace")
    arrivals.refused.append(Refusal.of(text, version, 0, received_at, code, why))


def _text(item: Any) -> str:
    return item.decode(errors="replace") if isinstance(item, bytes) else orjson.dumps(item).decode()
