"""What does this value say to an operator or a function?  Conversions that take JSON values as they are.

Nothing is typed before the stack: a number may come as text, a boolean as 'true'. Every reader raises
ExpressionError with a sentence for what it cannot take. Numbers that leave an expression fit JSON and the
store: integers of 64 bits, beyond them decimals, and neither infinity nor NaN.

Source: reference, processors, section 5.
"""

import re
from math import isfinite
from typing import Any

import orjson

from headwater.domain.points import GeoPoint
from headwater.domain.types import INT_MAX, INT_MIN, number_text, read_text

MAX_TEXT = 1_000_000  # characters of a text that an expression makes
MAX_SHOWN = 60

_UNSIGNED_MAX = 2**64 - 1
_NUMBERS = frozenset({int, float})
_NEVER_EMPTY = frozenset({int, float, bool})  # zero and false are values
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MAX_NUMBER_LENGTH = 400  # characters; the longest decimal written out has some 330


class ExpressionError(ValueError):
    """This expression has no result for this record; the sentence says why."""


def is_empty(value: Any) -> bool:
    """Tell whether a value counts as empty: null, an empty text, array or object."""
    return not value and value.__class__ not in _NEVER_EMPTY


def is_true(value: Any) -> bool:
    """Tell what a value means where a condition stands: true, 'true' in any case, a number other than zero.

    Everything else is false, and nothing is refused.
    """
    if value.__class__ is bool:
        return bool(value)
    if value.__class__ is str:
        return value.lower() == "true" or bool(try_number(value))
    return value.__class__ in _NUMBERS and value != 0


def number_of(value: Any) -> int | float:
    """Return the number that a value is, or says as text; true is 1. Raises ExpressionError."""
    if value.__class__ in _NUMBERS:
        return settled(value)  # type: ignore[no-any-return]
    if value.__class__ is bool:
        return int(value)
    number = try_number(value) if isinstance(value, str) else None
    if number is None:
        raise ExpressionError(f"{shown(value)} is not a number")
    return settled(number)  # type: ignore[no-any-return]


def try_number(text: str) -> int | float | None:
    """Return the number that a text says, with `.` or `,` as decimal mark; None when it says none.

    An integer is exact however long it is, so that long numbers that identify something can be compared.
    """
    if text[:1] > "9" or len(text) > _MAX_NUMBER_LENGTH:
        return None
    compact = text.strip()
    if _INTEGER.fullmatch(compact):
        return int(compact)
    if not _NUMBER.fullmatch(compact):
        return None
    number = float(compact.replace(",", "."))
    return number if isfinite(number) else None


def whole_of(value: Any) -> int:
    """Return the integer that a value is or says. Raises ExpressionError."""
    number = number_of(value)
    if number != int(number):
        raise ExpressionError(f"{shown(value)} is not an integer")
    return int(number)


def text_of(value: Any) -> str:
    """Return a value as a text field would hold it; an empty one as an empty text."""
    if value.__class__ is str:
        return str(value)
    if is_empty(value):
        return ""
    if value.__class__ in _NUMBERS:
        return str(value) if _is_json_integer(value) else number_text(float(settled(value)))
    if isinstance(value, GeoPoint):
        return str(value)
    try:
        return str(read_text(value).stored)
    except TypeError as error:
        raise ExpressionError(f"{shown(value)} cannot be written as text") from error


def settled(number: Any) -> Any:
    """Return a number that can be stored: of 64 bits or a decimal. Raises ExpressionError."""
    if number.__class__ is int:
        if INT_MIN <= number <= INT_MAX:
            return number
        try:
            return float(number)
        except OverflowError as error:
            raise ExpressionError("the number is too large") from error
    if not isfinite(number):
        raise ExpressionError("the number is too large")
    return number


def short_enough(length: int) -> None:
    """Raise ExpressionError when a text of this length would be too long."""
    if length > MAX_TEXT:
        raise ExpressionError(f"the text would have more than {MAX_TEXT:,} characters")


def storable(value: Any) -> Any:
    """Return what an expression hands through, made fit to be stored. Raises ExpressionError."""
    if value.__class__ is str:
        if not value.isascii():
            _encodable(value)
        return value
    return value if value.__class__ not in _NUMBERS or _is_json_integer(value) else settled(value)


def shown(value: Any) -> str:
    """Return a value as JSON, short enough for a sentence."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = ascii(value) if isinstance(value, str) else f"this {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _is_json_integer(value: Any) -> bool:
    """Tell whether a JSON text can have brought this integer; an identifier may have no sign bit."""
    return value.__class__ is int and INT_MIN <= value <= _UNSIGNED_MAX


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ExpressionError("the text has half a character (a lone surrogate) in it") from error
