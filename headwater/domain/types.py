"""What does this value say?  Field types: how values are read, stored and spelt.

Every reader takes a JSON value and returns a `Reading`: how it is stored (`stored`, ready for JSON)
and how it is spelt in a record id (`spelt`). Equal values are spelt alike: 150 and 150.0, the same moment
in two time zones. Readers raise ValueError with a sentence when the value is not of their type.

Source: reference, fields, section 1; push, section 6 (spelling).
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha1
from math import isinf
from typing import Any, NamedTuple

import orjson

from headwater.domain.files import BrokenFile, StoredFile

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
YEAR_MIN, YEAR_MAX = 1900, 2299  # what ClickHouse's Date32 and DateTime64 hold
DEFAULT_SEPARATOR = ";"
GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)


class FieldType(StrEnum):
    """The types a field can have (reference: fields, section 1); the value is the API's name."""

    BOOLEAN = "boolean"
    INT = "int"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"
    GEO_POINT = "geo_point_2d"
    GEO_SHAPE = "geo_shape"
    FILE = "file"
    JSON = "json_blob"


class Reading(NamedTuple):
    """One value, read: how it is stored and how it is spelt in a record id."""

    stored: Any
    spelt: Any


def read_text(value: Any, separator: str = DEFAULT_SEPARATOR) -> Reading:
    """Anything: strings unchanged, arrays of strings joined, other JSON as its text."""
    if isinstance(value, str):
        return Reading(value, value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        joined = separator.join(value)
        return Reading(joined, joined)
    text = number_text(value) if isinstance(value, float) else orjson.dumps(value).decode()
    return Reading(text, text)


def read_int(value: Any) -> Reading:
    """Integers of 64 bits; a decimal is cut to its integer part; numbers in text are read."""
    if isinstance(value, str):
        value = _number_in(value)
    if not isinstance(value, (int, float)):
        raise ValueError(f"{_shown(value)} is not an integer")  # noqa: TRY004 - one kind of error for all readers
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise ValueError(f"{number} does not fit 64 bits")
    return Reading(number, number)


def read_double(value: Any) -> Reading:
    """Decimals; in text with `.` or `,` as decimal mark and spaces between thousands."""
    if isinstance(value, str):
        value = _number_in(value)
    if not isinstance(value, (int, float)):
        raise ValueError(f"{_shown(value)} is not a number")  # noqa: TRY004
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(f"{_shown(value)} is too large for a decimal") from error
    return Reading(number, spelt_double(number))


def spelt_double(number: float) -> int | float:
    """Return an integral decimal as integer, so that 150.0 is spelt as 150."""
    return int(number) if number.is_integer() and INT_MIN <= number <= INT_MAX else number


_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})


def read_boolean(value: Any) -> Reading:
    """JSON booleans, 1 and 0, true/false, yes/no in any case."""
    if isinstance(value, bool):
        return Reading(value, value)
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _TRUE or word in _FALSE:
        return Reading(word in _TRUE, word in _TRUE)
    raise ValueError(f"{_shown(value)} is not a boolean (true/false, 1/0, yes/no)")


_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def read_date(value: Any) -> Reading:
    """ISO dates, `YYYY/mm/dd`, `a/b/YYYY` (month first unless a > 12); of a datetime its day in UTC."""
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a date (write YYYY-MM-DD)")  # noqa: TRY004
    text = value.strip()
    if slashed := _SLASHED.fullmatch(text):
        first, second, year = map(int, slashed.groups())
        month, day = (second, first) if first > 12 else (first, second)  # noqa: PLR2004 - months in a year
        moment = date(year, month, day)
    elif len(text) <= len("YYYY-MM-DD"):
        moment = date.fromisoformat(_dashed(text))
    else:
        moment = _moment(text).date()
    _check_year(moment.year)
    iso = moment.isoformat()
    return Reading(iso, iso)


def read_datetime(value: Any) -> Reading:
    """ISO with offset, `Z` or none (UTC), basic or extended, `/` for `-`, and ` ` or `-` for `T`."""
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a datetime (write YYYY-MM-DDThh:mm:ssZ)")  # noqa: TRY004
    moment = _moment(value.strip())
    _check_year(moment.year)
    return Reading(
        moment.isoformat(sep=" ", timespec="microseconds"),
        moment.isoformat() + "Z",
    )


def read_geo_point(value: Any) -> Reading:
    """`"lat,lon"`, `[lat, lon]`, `{"lat", "lon"}` or a GeoJSON Point (lon, lat)."""
    lat, lon = _coordinates(value)
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - degrees
        raise ValueError(f"latitude {lat} or longitude {lon} is out of range")
    return Reading({"lat": lat, "lon": lon}, [spelt_double(lat), spelt_double(lon)])


def read_geo_shape(value: Any) -> Reading:
    """A GeoJSON geometry, a Feature (its geometry is taken), or JSON text of either."""
    shape = orjson.loads(value) if isinstance(value, str) else value
    if isinstance(shape, Mapping) and shape.get("type") == "Feature":
        shape = shape.get("geometry")
    if not is_geometry(shape):
        raise ValueError(f"{_shown(value)} is not a GeoJSON geometry")
    text = orjson.dumps(shape, option=orjson.OPT_SORT_KEYS).decode()
    return Reading(text, text)


def read_file(value: Any) -> Reading:
    """A file whose bytes are kept (domain/files.py), or the object that one is pushed as.

    Of the latter the content only counts for the record id: its bytes are kept before a record is stored.
    """
    if isinstance(value, StoredFile):
        return Reading(orjson.dumps(value).decode(), value["id"])
    if isinstance(value, BrokenFile):
        raise ValueError(value.reason)  # noqa: TRY004 - one kind of error for all readers
    if not is_file(value):
        raise ValueError(f"{_shown(value)} is not a file (write content and content-type)")
    content = b64decode(value["content"], validate=True)
    return Reading(orjson.dumps(value).decode(), sha1(content, usedforsecurity=False).hexdigest())


def read_json(value: Any) -> Reading:
    """Any JSON value, kept as JSON text."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return Reading(orjson.dumps(value).decode(), text)


READERS: Mapping[FieldType, Callable[[Any], Reading]] = {
    FieldType.TEXT: read_text,
    FieldType.INT: read_int,
    FieldType.DOUBLE: read_double,
    FieldType.BOOLEAN: read_boolean,
    FieldType.DATE: read_date,
    FieldType.DATETIME: read_datetime,
    FieldType.GEO_POINT: read_geo_point,
    FieldType.GEO_SHAPE: read_geo_shape,
    FieldType.FILE: read_file,
    FieldType.JSON: read_json,
}


def is_geometry(value: Any) -> bool:
    """Tell whether a JSON value looks like a GeoJSON geometry."""
    if not isinstance(value, Mapping) or value.get("type") not in GEOMETRIES:
        return False
    parts = "geometries" if value["type"] == "GeometryCollection" else "coordinates"
    return isinstance(value.get(parts), list)


def is_file(value: Any) -> bool:
    """Tell whether a JSON value is a pushed file: base64 content and its type."""
    return (
        isinstance(value, Mapping)
        and not isinstance(value, (StoredFile, BrokenFile))
        and isinstance(value.get("content"), str)
        and any(isinstance(value.get(key), str) for key in ("content-type", "content_type"))
    )


def number_text(number: float) -> str:
    """Spell a decimal as ClickHouse's toString does: shortest form, no trailing `.0`."""
    return orjson.dumps(number).decode().removesuffix(".0").replace("e+", "e")


def _number_in(text: str) -> int | float:
    compact = text.replace(" ", "").replace("\u00a0", "").replace(",", ".", 1)
    if not _NUMBER.fullmatch(compact) or isinf(number := float(compact)):
        raise ValueError(f"{_shown(text)} is not a number")
    return int(compact) if _INTEGER.fullmatch(compact) else number


def _moment(text: str) -> datetime:
    """Return the moment in UTC, without zone."""
    try:
        moment = datetime.fromisoformat(_dashed(text))
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is not a datetime (write YYYY-MM-DDThh:mm:ssZ)") from error
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError as error:
            raise ValueError(f"{_shown(text)} is out of range") from error
    return moment


def _dashed(text: str) -> str:
    return text[:10].replace("/", "-") + text[10:]


def _check_year(year: int) -> None:
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise ValueError(f"the year {year} is not between {YEAR_MIN} and {YEAR_MAX}")


def _coordinates(value: Any) -> tuple[float, float]:
    match value:
        case str():
            parts = value.split(",")
        case {"lat": lat, "lon": lon}:
            parts = [lat, lon]
        case {"type": "Point", "coordinates": [lon, lat, *_]}:
            parts = [lat, lon]
        case [_, _]:
            parts = value
        case _:
            parts = []
    if len(parts) != 2:  # noqa: PLR2004 - latitude and longitude
        raise ValueError(f'{_shown(value)} is not a point (write "lat,lon")')
    try:
        return float(parts[0]), float(parts[1])
    except (TypeError, ValueError) as error:
        raise ValueError(f'{_shown(value)} is not a point (write "lat,lon")') from error


def _shown(value: Any) -> str:
    """Return the value as JSON, short enough for a sentence."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a sentence, not a dump
