"""What was pushed?  A body is one object, an array of objects, one object per line (NDJSON), or a table.

A body is parsed once, to refuse what is no JSON and to count; its bytes travel on. `Records.spliced` is the
inside of a JSON array, so bodies of all kinds join by commas into one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.rules import DEFAULT_RULES, Rules, check_records, kind_of
from headwater.domain.errors import InvalidPush, OverLimit

BOM = b"\xef\xbb\xbf"
TOO_DEEP = "limit"  # the parser names none but that of depth


@dataclass(frozen=True, slots=True)
class Records:
    """Accepted records: how many, and their bytes with commas between, as they were sent."""

    count: int
    spliced: bytes


NO_RECORDS = Records(0, b"")


def parse_records(body: bytes, rules: Rules = DEFAULT_RULES) -> Records:
    """Return the records of a body, all of which are good.

    Raises InvalidPush (`invalid_json` with line and column, `invalid_body`), InvalidRecord, and OverLimit
    (`too_many_records`, `too_many_fields`, `too_deep`).
    """
    body = body.removeprefix(BOM)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if (lines := lines_of(body)) is not None:
            return _parse_lines(lines, rules)
        raise not_json(error, body, rules) from error
    if type(parsed) is dict:
        check_records((parsed,), body, rules)
        return Records(1, body.strip())
    if type(parsed) is list:
        spliced = body.strip()[1:-1].strip()
        check_records(parsed, spliced, rules)
        return Records(len(parsed), spliced)
    raise not_records(parsed)


def is_array(body: bytes) -> bool:
    """Tell whether a body that was parsed is of a kind that can hold several records."""
    body = body.removeprefix(BOM).strip()
    return body.startswith(b"[") or lines_of(body) is not None


def lines_of(body: bytes) -> list[bytes] | None:
    """Return the lines of NDJSON, or None: it is some when a line of its own holds the first object."""
    first, found, _ = body.lstrip().partition(b"\n")
    if not found or not first.startswith(b"{") or not is_json(first):
        return None
    return body.split(b"\n")


def numbered(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that hold something, without the space around it; the first line is 1."""
    for number, line in enumerate(lines, start=1):
        if line := line.strip():
            yield number, line


def is_json(text: bytes) -> bool:
    """Tell whether a text is one JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def not_records(parsed: Any) -> InvalidPush:
    """Return the refusal of a body that is a scalar."""
    return InvalidPush(f"the body is {kind_of(parsed)}; send an object, an array of objects, or NDJSON")


def not_json(
    error: orjson.JSONDecodeError, text: bytes, rules: Rules, *, first_line: int = 1
) -> InvalidPush | OverLimit:
    """Say where it stops being JSON; of bytes that are no UTF-8 the parser does not know."""
    if TOO_DEEP in error.msg:
        message = f"the body has more than {rules.depth_limit} arrays and objects inside each other"
        return OverLimit(message, code="too_deep")
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


def _parse_lines(lines: Sequence[bytes], rules: Rules) -> Records:
    """Return the records of NDJSON; blank lines are nothing."""
    records, kept = [], []
    for number, line in numbered(lines):
        try:
            records.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise not_json(error, line, rules, first_line=number) from error
        kept.append(line)
    spliced = b",".join(kept)
    check_records(records, spliced, rules)
    return Records(len(kept), spliced)
