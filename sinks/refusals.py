"""Which rows does the store refuse, and how do they wait in quarantine?"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from zlib import crc32

import orjson

from headwater.domain.tables import DELETED, PATCHED, RECEIVED_AT, RESOURCE, VERSION
from headwater.runtime.kafka.topics import Op
from headwater.runtime.store import RowsRefused

STORE_REFUSED = "store_refused"  # ClickHouse will not have the row
UNADDRESSED = "unaddressed"  # the message's headers do not say which table the row is for
UNROUTED = "_unrouted"
MAX_RECORD_CHARACTERS = 256 * 1024

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")

Refusal = tuple[bytes, str]  # the row's line, and why


async def insert_all_but_refused(
    insert: Callable[[Sequence[bytes]], Awaitable[None]], lines: Sequence[bytes]
) -> list[Refusal]:
    """Insert every line that the store takes, and return the others with its reasons, in their order.

    A refused batch is halved until the offending rows are alone: some 2 log2(n) inserts for one bad row.
    Rows that are stored twice on the way do not matter: they have their versions.
    """
    try:
        await insert(lines)
    except RowsRefused as error:
        if len(lines) == 1:
            return [(lines[0], str(error))]
    else:
        return []
    half = len(lines) // 2
    return [
        *await insert_all_but_refused(insert, lines[:half]),
        *await insert_all_but_refused(insert, lines[half:]),
    ]


def split_rows(values: Sequence[bytes], *, arrays: bool) -> list[bytes]:
    """Return each row of all values: arrays with commas between them, or objects on lines of their own.

    A value that is not what it should be is one row, which the store will refuse.
    """
    if not arrays:
        return [line for value in values for line in value.split(b"\n") if line]
    return [line for value in values for line in _split_arrays(value)]


def _split_arrays(value: bytes) -> list[bytes]:
    try:
        return list(map(orjson.dumps, orjson.loads(b"[" + value + b"]")))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # the latter when it is nested too deep
        return [value]


def quarantine_row(
    line: bytes, *, layout: Sequence[str], dataset: str, code: str, message: str, received_at: str
) -> bytes:
    """Return the quarantine table's row for a row: an array of `layout`'s values, an object, or anything.

    The same line always gives the same key, so that a replay changes nothing. `received_at` is the moment to
    name when the line names none. An array is kept with the names of its values when each has one.
    """
    row, record = _try_named(line, layout)
    is_patch = PATCHED in layout
    version = row.get(PATCHED if is_patch else VERSION)
    resource, moment = (_registered(row.get(name)) for name in (RESOURCE, RECEIVED_AT))
    error = {"processor": "sink", "field": None, "code": code, "message": message}
    return orjson.dumps(
        {
            "dataset": dataset or UNROUTED,
            VERSION: version if isinstance(version, int) and 0 <= version < 2**64 else 0,
            "position": crc32(line),
            "resource": str(resource or ""),
            "op": (Op.MERGE if is_patch else Op.DELETE if row.get(DELETED) == 1 else Op.UPSERT).value,
            RECEIVED_AT: moment if isinstance(moment, str) and _MOMENT.fullmatch(moment) else received_at,
            "record": record.decode(errors="replace")[:MAX_RECORD_CHARACTERS],
            "errors": orjson.dumps([error]).decode(),
            "code": code,
        }
    )


def _registered(value: Any) -> Any:
    """Return the value of a patch's [version, value], and any other as it is."""
    return value[1] if isinstance(value, list) and len(value) == 2 else value  # noqa: PLR2004 - a pair


def _try_named(line: bytes, layout: Sequence[str]) -> tuple[dict[str, Any], bytes]:
    """Return a row's values by name, as far as they have one, and the text to keep of it."""
    try:
        row = orjson.loads(line)
        if layout and isinstance(row, list):
            named = dict(zip(layout, row, strict=False))
            return named, orjson.dumps(named) if len(row) == len(layout) else line
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return {}, line
    return row if isinstance(row, dict) else {}, line
