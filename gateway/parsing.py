"""What was pushed?  A body is one object, an array of objects, or one object per line (NDJSON).

A body is parsed once, to refuse what is no JSON and to count; its bytes travel on. `Records.spliced` is the
inside of a JSON array, so bodies of all three kinds join by commas into one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headwater.domain.errors import InvalidPush, InvalidRecord, RecordProblem

BOM = b"\xef\xbb\xbf"
PROBLEMS_SHOWN = 100
KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "an array"}


@dataclass(frozen=True, slots=True)
class Records:
    """Accepted records: how many, and their bytes with commas between, as they were sent."""

    count: int
    spliced: bytes


NO_RECORDS = Records(0, b"")


def parse_records(body: bytes) -> Records:
    """Return the records of a body.

    Raises InvalidPush (`invalid_json` with line and column, `invalid_body`), InvalidRecord.
    """
    body = body.removeprefix(BOM)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if (lines := _lines(body)) is not None:
            return _parse_lines(lines)
        raise _not_json(error, body) from error
    if type(parsed) is dict:
        _check([parsed])
        return Records(1, body.strip())
    if type(parsed) is list:
        _check(parsed)
        return Records(len(parsed), body.strip()[1:-1].strip())
    raise InvalidPush(f"the body is {_kind(parsed)}; send an object, an array of objects, or NDJSON")


def _lines(body: bytes) -> list[bytes] | None:
    """Return the lines of NDJSON, or None: it is some when a line of its own holds the first object."""
    first, found, _ = body.lstrip().partition(b"\n")
    if not found or not first.startswith(b"{"):
        return None
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        return None
    return body.split(b"\n")


def _parse_lines(lines: Sequence[bytes]) -> Records:
    """Return the records of NDJSON; blank lines are nothing."""
    records, kept = [], []
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line:
            continue
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise _not_json(error, line, first_line=number) from error
        kept.append(line)
    _check(records)
    return Records(len(kept), b",".join(kept))


def _check(records: Sequence[Any]) -> None:
    """Raise InvalidRecord unless every record is an object with something in it."""
    for record in records:
        if type(record) is not dict or not record:
            raise _invalid(records)


def _invalid(records: Sequence[Any]) -> InvalidRecord:
    """Name the first of the items that are no records; a body may hold millions."""
    bad = 0
    problems = []
    for index, record in enumerate(records):
        if type(record) is dict and record:
            continue
        bad += 1
        if bad <= PROBLEMS_SHOWN:
            message = "an empty object" if record == {} else f"{_kind(record)}, not a JSON object"
            problems.append(RecordProblem(index, None, message))
    return InvalidRecord(problems, total=len(records), bad=bad)


def _kind(value: Any) -> str:
    return KINDS.get(type(value), "null")


def _not_json(error: orjson.JSONDecodeError, text: bytes, *, first_line: int = 1) -> InvalidPush:
    """Say where it stops being JSON; of bytes that are no UTF-8 the parser does not know."""
    line, column, position, reason = error.lineno, error.colno, error.pos, error.msg
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        position, reason = undecodable.start, "not UTF-8"
        line = text.count(b"\n", 0, position) + 1
        column = position - text.rfind(b"\n", 0, position)
    line += first_line - 1
    return InvalidPush(
        f"not JSON: {reason}: line {line} column {column} (char {position})", code="invalid_json"
    )
