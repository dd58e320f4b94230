"""Do these two values mean the same, when datasets are joined?  The comparison as a canonical form.

Two values are equal exactly when their keys are. Numbers compare as numbers, whether they come as integers,
as decimals or as text (2 = 2.0 = `2` = `2,0`, `01262` = `1262`), everything else as text, without case and
accents unless they count. White space counts, and so does what is no plain number: `1e5` is text.

A key of another dataset may also be a boolean, a date or a moment: then the local value is read as that
(`as_type`), so that the same moment in another zone is equal.

The store compares by *fingerprints*: whole numbers of 64 bits that equal keys have in common. Different keys
may share one, so that what the store finds has to be compared once more. runtime/sql/matching.py computes the
same numbers; a contract test holds them together.

Source: reference, processors, section 3.
"""

import re
import struct
import unicodedata
from collections.abc import Sequence
from math import inf, isfinite
from typing import Any
from zlib import crc32

import orjson

from headwater.domain.types import FieldType, read_boolean, read_date, read_datetime, read_text

Key = int | float | str  # a number that is whole is an int, never a float

MAX_NUMBER = 64  # characters of a text that is read as a number
NUMBER = r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)"  # both Python and ClickHouse (RE2) read it
FIRST_MARK, LAST_MARK = 0x300, 0x36F  # combining accents
WEIGHT = 1_000_003  # of the part of a key among the parts of several
FOLDED_LETTERS = (("ς", "σ"), ("ß", "ss"))  # noqa: RUF001 - letters that differ in lower case only

KEY_TYPES = frozenset(
    {
        *(FieldType.TEXT, FieldType.INT, FieldType.DOUBLE),
        *(FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME),
    }
)

_NUMBER = re.compile(NUMBER)
_NUMBER_STARTS = frozenset("+-.,0123456789")
_MARKS = dict.fromkeys(range(FIRST_MARK, LAST_MARK + 1))


def key_of(value: Any, *, case_sensitive: bool = False) -> Key | None:
    """Return what a JSON value compares by; None for an empty one, which equals nothing."""
    kind = value.__class__
    if kind is str:
        return _key_of_text(value, case_sensitive) if value else None
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        return (int(value) if value.is_integer() else value) if isfinite(value) else None
    if kind is bool:
        return "true" if value else "false"
    if not value:
        return None
    try:
        text = read_text(value).stored
    except orjson.JSONEncodeError:
        return None
    return _key_of_text(text, case_sensitive) if text else None


def folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", text).translate(_MARKS).lower()
    for letter, same in FOLDED_LETTERS:
        plain = plain.replace(letter, same)
    return plain


def as_type(key: Key, kind: FieldType) -> Key | None:
    """Return the key under which a local value finds those of a field of this type; None: it equals none."""
    match kind:
        case FieldType.TEXT:
            return key
        case FieldType.INT | FieldType.DOUBLE:
            return None if isinstance(key, str) else key
    try:
        return _as_other(key, kind)
    except ValueError:
        return None


def fingerprint(keys: Sequence[Key]) -> int:
    """Return a whole number of 64 bits, not below 0, that equal keys share."""
    total = 0
    for key in keys:
        total = (total * WEIGHT + _part(key)) % 2**64
    return total


def _part(key: Key) -> int:
    if isinstance(key, str):
        return crc32(key.encode(errors="surrogatepass"))
    try:
        number = float(key)
    except OverflowError:
        number = inf
    return int(struct.unpack("<Q", struct.pack("<d", number or 0.0))[0])


def _key_of_text(text: str, case_sensitive: bool) -> Key:
    if text[0] in _NUMBER_STARTS and len(text) <= MAX_NUMBER and _NUMBER.fullmatch(text):
        return _number(text)
    return text if case_sensitive else folded(text)


def _number(text: str) -> Key:
    whole, _, fraction = text.replace(",", ".").partition(".")
    if not fraction.strip("0"):
        return int(whole) if whole.strip("+-") else 0
    number = float(f"{whole}.{fraction}")
    return int(number) if number.is_integer() else number


def _as_other(key: Key, kind: FieldType) -> Key | None:
    if kind is FieldType.BOOLEAN:
        return "true" if read_boolean(key).stored else "false"
    if not isinstance(key, str):
        return None
    if kind is FieldType.DATETIME:
        return str(read_datetime(key.upper()).stored)
    if kind is FieldType.DATE and len(key) <= len("YYYY-MM-DD"):
        return str(read_date(key).stored)
    return None
