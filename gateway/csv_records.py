"""What does a table in CSV hold?  A header line with the names, then one record a line, as JSON.

Cells become JSON values by their look alone: numbers as JSON spells them (so `007` and `1,5` stay texts),
true and false in any case, nothing is null, the rest is text. Source of the format: RFC 4180, with other
delimiters.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from headwater.domain.errors import InvalidPush, OverLimit, TooLarge
from headwater.domain.schema import MAX_FIELDS

DELIMITERS = (",", ";", "\t", "|")  # of those that are equally often in the header, the first
CHARSETS = {
    "utf-8": "utf-8-sig",  # a byte order mark is no part of the first name
    "utf8": "utf-8-sig",
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
}

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?")
_WORDS = {"": b"null", "true": b"true", "false": b"false"}
_LONGEST_WORD = 5
_QUOTED = re.compile(r'"(?:[^"]|"")*"')

csv.field_size_limit(2**31 - 1)  # a cell may be as long as the body, which is bounded elsewhere


class Row(NamedTuple):
    """One line under the header: its record as JSON, or why it is none."""

    record: bytes
    problem: str = ""


def read_rows(body: bytes, *, charset: str, delimiter: str, limit_bytes: int) -> Iterator[Row]:
    """Yield the records of a table, in order; lines without any cell are skipped.

    `delimiter` empty: guessed from the header. `limit_bytes` bounds the JSON, which repeats the names on
    every line. Raises InvalidPush (`invalid_csv`, with the line), OverLimit (`too_many_fields`), TooLarge.
    """
    text = _decode(body, charset)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or guess(text), strict=True)
    size = 0
    try:
        header = next((cells for cells in reader if cells), None)
        if header is None:
            raise _invalid("there is no header line")
        names = _names(header)
        for cells in reader:
            if not cells:
                continue
            row = _row(names, cells, reader.line_num)
            size += len(row.record)
            if size > limit_bytes:
                raise TooLarge(limit_bytes)
            yield row
    except csv.Error as error:
        raise _invalid(f"line {reader.line_num}: {error}") from error


def guess(text: str) -> str:
    """Return the delimiter that is most often in the first line, outside quotes; a comma when none is."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    plain = _QUOTED.sub("", first)
    return max(DELIMITERS, key=plain.count)


def _row(names: Sequence[bytes], cells: Sequence[str], line: int) -> Row:
    if len(cells) != len(names):
        return Row(b"", f"line {line} has {len(cells)} cells, the header has {len(names)}")
    return Row(
        b"{" + b",".join([name + _value(cell) for name, cell in zip(names, cells, strict=True)]) + b"}"
    )


def _value(cell: str) -> bytes:
    """Return a cell as JSON."""
    if len(cell) <= _LONGEST_WORD and (word := _WORDS.get(cell.lower())) is not None:
        return word
    return cell.encode() if _NUMBER.fullmatch(cell) else orjson.dumps(cell)


def _names(header: Sequence[str]) -> list[bytes]:
    """Return the names as the beginnings of JSON members."""
    names = [cell.strip() for cell in header]
    if len(names) > MAX_FIELDS:
        raise OverLimit(f"the header has {len(names)} names; at most {MAX_FIELDS}", code="too_many_fields")
    if "" in names:
        raise _invalid(f"column {names.index('') + 1} of the header has no name")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _invalid(f"the header names {twice[:60]!r} twice")
    return [orjson.dumps(name) + b":" for name in names]


def _decode(body: bytes, charset: str) -> str:
    encoding = CHARSETS.get(charset.lower() or "utf-8")
    if encoding is None:
        raise _invalid(f"charset {charset[:60]!r} is not read here; use UTF-8")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _invalid(f"line {line}: not {charset or 'UTF-8'}") from error


def _invalid(reason: str) -> InvalidPush:
    return InvalidPush(f"not CSV: {reason}", code="invalid_csv")
