"""Which values does a column take, and how does one type read as another?  ClickHouse's rules, in memory."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import orjson

from headwater.domain.tables import CLICKHOUSE_TYPES, MOMENT
from headwater.domain.types import INT_MAX, INT_MIN, READERS, FieldType, number_text
from headwater.runtime.sql.conversions import stored_type

_T = FieldType
_MOMENT_FORMAT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")

_PAIR = re.compile(r"SimpleAggregateFunction\(max, Tuple\(UInt64, (.*)\)\)")
_GREATEST = re.compile(r"SimpleAggregateFunction\(max, (UInt64)\)")

# What a column holds where a row says nothing; columns that are not listed hold null.
_EMPTY: Mapping[str, Any] = {
    "String": "",
    "LowCardinality(String)": "",
    "UInt8": 0,
    "UInt32": 0,
    "UInt64": 0,
    MOMENT: "1970-01-01 00:00:00.000000",
}


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")  # noqa: TRY004 - one kind of error for all
    return value


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not an integer from {low} to {high}")
        return int(value)

    return read


def _double(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004
    return float(value)


def _boolean(value: Any) -> bool:
    if value not in (True, False, 0, 1):
        raise ValueError(f"{value!r} is not a boolean")
    return bool(value)


def _day(value: Any) -> str:
    return date.fromisoformat(_string(value)).isoformat()


def _moment(value: Any) -> str:
    if not _MOMENT_FORMAT.fullmatch(_string(value)):
        raise ValueError(f"{value!r} is not YYYY-MM-DD hh:mm:ss.ffffff")
    datetime.fromisoformat(value)
    return str(value)


def _point(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not value.keys() <= {"lat", "lon"}:
        raise ValueError(f"{value!r} is not a point")
    return None if value.get("lat") is None else {"lat": value["lat"], "lon": value.get("lon")}


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "String": _string,
    "LowCardinality(String)": _string,
    "UInt8": _integer(0, 2**8 - 1),
    "UInt32": _integer(0, 2**32 - 1),
    "UInt64": _integer(0, 2**64 - 1),
    MOMENT: _moment,
    CLICKHOUSE_TYPES[_T.TEXT]: _string,
    CLICKHOUSE_TYPES[_T.INT]: _integer(INT_MIN, INT_MAX),
    CLICKHOUSE_TYPES[_T.DOUBLE]: _double,
    CLICKHOUSE_TYPES[_T.BOOLEAN]: _boolean,
    CLICKHOUSE_TYPES[_T.DATE]: _day,
    CLICKHOUSE_TYPES[_T.DATETIME]: _moment,
    CLICKHOUSE_TYPES[_T.GEO_POINT]: _point,
}


def plain_type(clickhouse_type: str) -> str:
    """Return a type without what says how it is compressed, and that the greatest value counts."""
    kind = clickhouse_type.partition(" CODEC")[0]
    greatest = _GREATEST.fullmatch(kind)
    return greatest[1] if greatest else kind


def empty_value(clickhouse_type: str) -> Any:
    """Return what a column holds where a row says nothing: null, or what its type has instead."""
    kind = plain_type(clickhouse_type)
    if pair := _PAIR.fullmatch(kind):
        return (0, empty_value(pair[1]))
    return _EMPTY.get(kind)


def read_stored(clickhouse_type: str, value: Any) -> Any:
    """Return a JSON value as a column of this type holds it; raises ValueError when it cannot."""
    kind = plain_type(clickhouse_type)
    if pair := _PAIR.fullmatch(kind):
        return _read_pair(pair[1], value)
    return _READERS[kind](value)


def _read_pair(kind: str, value: Any) -> tuple[int, Any]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair has two
        raise ValueError(f"{value!r} is not a version and a value")
    version, inner = value
    read = empty_value(kind) if inner is None else read_stored(kind, inner)
    return (_READERS["UInt64"](version), read)


def convert(column: str, value: Any, wanted: FieldType) -> Any:
    """Return the value of a physical column (`name:type`) as another type; None where it cannot be that."""
    stored = stored_type(column)
    if value is None or stored in (None, wanted):
        return value
    if stored is _T.TEXT and wanted is not _T.JSON:
        return _from_text(value, wanted)
    if wanted is _T.TEXT:
        return _to_text(value, stored)
    conversion = _CONVERSIONS.get((stored, wanted))
    return None if conversion is None else conversion(value)


def _from_text(text: str, wanted: FieldType) -> Any:
    try:
        return READERS[wanted](text).stored
    except ValueError:
        return None


def _to_text(value: Any, stored: FieldType | None) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return number_text(value)
        case {"lat": lat, "lon": lon}:
            return f"{number_text(lat)},{number_text(lon)}"
        case str() if stored is _T.DATETIME:
            return f"{value.removesuffix('.000000').replace(' ', 'T')}+00:00"
    return str(value)


def _one_or_zero(value: float) -> bool | None:
    return bool(value) if value in (0, 1) else None


def _cut(value: float) -> int | None:
    return int(value) if math.isfinite(value) and INT_MIN <= value <= INT_MAX else None


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: Mapping[tuple[FieldType | None, FieldType], Callable[[Any], Any]] = {
    (_T.BOOLEAN, _T.INT): int,
    (_T.BOOLEAN, _T.DOUBLE): float,
    (_T.INT, _T.DOUBLE): float,
    (_T.INT, _T.BOOLEAN): _one_or_zero,
    (_T.DOUBLE, _T.BOOLEAN): _one_or_zero,
    (_T.DOUBLE, _T.INT): _cut,
    (_T.DATE, _T.DATETIME): lambda day: f"{day} 00:00:00.000000",
    (_T.DATETIME, _T.DATE): lambda moment: moment[:10],
    (_T.GEO_SHAPE, _T.JSON): _same,
    (_T.FILE, _T.JSON): _same,
    (_T.JSON, _T.GEO_SHAPE): _same,
    (_T.JSON, _T.FILE): _same,
    **{(kind, _T.JSON): _dumped for kind in (_T.TEXT, _T.INT, _T.DOUBLE, _T.BOOLEAN, _T.DATE, _T.DATETIME)},
}
