"""What kind of value is this?  Rungs of JSON values, and the names that fields get.

A value is read by its own kind, never by what its neighbours were, so a record's row and id depend on the
record alone: replays and workers that know more or less of the schema agree.

Source: reference, fields, section 1 (inference from JSON).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.domain.files import BrokenFile, StoredFile
from headwater.domain.points import GeoPoint
from headwater.domain.schema import Rung, Schema
from headwater.domain.types import (
    INT_MAX,
    INT_MIN,
    Reading,
    is_file,
    is_geometry,
    read_date,
    read_datetime,
    read_file,
    read_geo_point,
    read_geo_shape,
    read_text,
    spelt_double,
)

MAX_NAME_LENGTH = 128
RESERVED_NAMES = frozenset(
    {"_id", "_version", "_deleted", "_resource", "_received_at", "_timestamp", "_size"}
)

_TECHNICAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9_]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(
    r"\d{4}([-/])\d{2}\1\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?",
)


def technical_name(key: str) -> str:
    """Return the field name for a JSON key: unchanged where it is a name, else made one."""
    if _TECHNICAL.fullmatch(key) and len(key) <= MAX_NAME_LENGTH:
        return f"{key}_" if key in RESERVED_NAMES else key
    plain = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    name = _OTHER_CHARACTERS.sub("_", plain).strip("_")[: MAX_NAME_LENGTH - 1] or "field"
    return f"_{name}" if name[0].isdigit() else name


def infer(value: Any) -> tuple[Rung, Reading] | None:
    """Return the rung and the reading of a JSON value; None for null and for an empty array."""
    kind = type(value)
    if kind is str:
        return infer_text(value)
    if kind is int:
        if INT_MIN <= value <= INT_MAX:
            return Rung.INT, Reading(value, value)
        return Rung.TEXT, read_text(value)
    if kind is float:
        return Rung.DOUBLE, Reading(value, spelt_double(value))
    if kind is bool:
        return Rung.BOOLEAN, Reading(value, value)
    if value is None or value == []:
        return None
    return _infer_nested(value)


def schema_of(records: Iterable[Mapping[str, Any]]) -> Schema:
    """Return what is seen once these records are stored."""
    met: dict[str, set[Rung]] = {}
    for record in records:
        for key, value in record.items():
            if reading := infer(value):
                met.setdefault(technical_name(key), set()).add(reading[0])
    return Schema(met)


def infer_text(text: str) -> tuple[Rung, Reading]:
    """Return the rung and the reading of a string: a date, a datetime, or text."""
    if looks_like_date(text):
        try:
            if _DATE.fullmatch(text):
                return Rung.DATE, read_date(text)
            if _DATETIME.fullmatch(text):
                return Rung.DATETIME, read_datetime(text)
        except ValueError:  # the 31st of February is text
            pass
    return Rung.TEXT, Reading(text, text)


def looks_like_date(text: str) -> bool:
    """Tell cheaply whether the text may be a date: no date or datetime is refused here."""
    return text[4:5] in ("-", "/") and text[:1].isdigit() and len(text) >= len("YYYY-MM-DD")


def _infer_nested(value: Any) -> tuple[Rung, Reading]:
    if isinstance(value, (StoredFile, BrokenFile)):
        return Rung.FILE, read_file(value)
    if isinstance(value, GeoPoint):
        return Rung.GEO_POINT, read_geo_point(value)
    if is_file(value):
        try:
            return Rung.FILE, read_file(value)
        except ValueError:  # not base64 after all
            return Rung.TEXT, read_text(value)
    if is_geometry(value):
        return Rung.GEO_SHAPE, read_geo_shape(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return Rung.TEXTS, read_text(value)
    return Rung.TEXT, read_text(value)
