"""What does an operator make of two values?  Arithmetic, comparison and the like, on JSON values.

The usual case, two numbers, comes first in each; the rest is conversion. Arithmetic with an empty operand is
empty; a comparison with one is false, except `==` and `!=` between empty and empty.

Source: reference, processors, section 5.3.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from headwater.domain.expressions.moments import in_utc, try_moment
from headwater.domain.expressions.values import (
    ExpressionError,
    is_empty,
    number_of,
    settled,
    short_enough,
    text_of,
    try_number,
)

Operate = Callable[[Any, Any], Any]

MAX_FACTORIAL = 170  # of the next one a decimal would be infinite
MAX_EXACT_BITS = 64  # of a power that is computed in integers
SAFE = 2**62  # below it a number is stored as it is

_NUMBERS = frozenset({int, float})


def arithmetic(compute: Callable[[Any, Any], Any]) -> Operate:
    """Return an operation on numbers as one on values."""

    def operate(left: Any, right: Any) -> Any:
        if left.__class__ not in _NUMBERS or right.__class__ not in _NUMBERS:
            if is_empty(left) or is_empty(right):
                return None
            left, right = number_of(left), number_of(right)
        try:
            result = compute(left, right)
        except ZeroDivisionError as error:
            raise ExpressionError("division by zero") from error
        except OverflowError as error:
            raise ExpressionError("the number is too large") from error
        return result if -SAFE < result < SAFE else settled(result)

    return operate


def comparison(compare: Callable[[Any, Any], bool]) -> Operate:
    """Return an order of numbers, moments and texts as one of values."""

    def operate(left: Any, right: Any) -> bool:
        if left.__class__ not in _NUMBERS or right.__class__ not in _NUMBERS:
            if is_empty(left) or is_empty(right):
                return False
            left, right = alike(left, right)
        return compare(left, right)

    return operate


def equal(left: Any, right: Any) -> bool:
    if left.__class__ not in _NUMBERS or right.__class__ not in _NUMBERS:
        if is_empty(left) or is_empty(right):
            return is_empty(left) and is_empty(right)
        left, right = alike(left, right)
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """Not the opposite of `equal`: a value is neither equal nor unequal to empty."""
    return not (equal(left, right) or is_empty(left) or is_empty(right))


def alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return both as booleans, else as numbers, else as moments, else as texts: whatever both can be.

    They count as booleans only where one of them is one: two texts 'True' and 'true' differ.
    """
    if left.__class__ is bool or right.__class__ is bool:
        truths = _boolean(left), _boolean(right)
        if None not in truths:
            return truths
    elif left.__class__ is not str or right.__class__ is not str or left != right:
        for read in (_number, _moment):
            first = read(left)
            second = None if first is None else read(right)
            if second is not None:
                return first, second
    return text_of(left), text_of(right)


def concatenated(values: list[Any]) -> str:
    """Return the values one after the other as one text."""
    texts = [value if value.__class__ is str else text_of(value) for value in values]
    short_enough(sum(map(len, texts)))
    return "".join(texts)


def negative(value: Any) -> Any:
    return None if is_empty(value) else settled(-number_of(value))


def factorial(value: Any) -> Any:
    """Return n!, as a decimal once it does not fit 64 bits."""
    if is_empty(value):
        return None
    number = number_of(value)
    if number != int(number) or not 0 <= number <= MAX_FACTORIAL:
        raise ExpressionError(
            f"{text_of(value)} is not an integer from 0 to {MAX_FACTORIAL}, so it has no factorial"
        )
    return settled(math.factorial(int(number)))


def floor_divided(left: float, right: float) -> float:
    """Return the quotient rounded down, an integer."""
    quotient = left // right
    return int(quotient) if math.isfinite(quotient) else quotient


def raised(base: float, exponent: float) -> float:
    """Return the power: exact where 64 bits can hold it, else a decimal, so that it is never slow."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if base in (-1, 0, 1):
            exponent = min(exponent, 2 + exponent % 2)  # the result repeats
        if base.bit_length() * exponent <= MAX_EXACT_BITS:
            return int(base**exponent)
    try:
        return math.pow(base, exponent)
    except ValueError as error:
        reason = "division by zero" if base == 0 else f"{text_of(base)} has no power {text_of(exponent)}"
        raise ExpressionError(reason) from error


def _boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return bool(value)
    word = value.lower() if value.__class__ is str else ""
    return word == "true" if word in {"true", "false"} else None


def _number(value: Any) -> Any:
    if value.__class__ is str:
        return try_number(value)
    return value if value.__class__ in _NUMBERS else None


def _moment(value: Any) -> Any:
    moment = try_moment(value)
    return None if moment is None else in_utc(moment)


ARITHMETIC: Mapping[str, Operate] = {
    "+": arithmetic(operator.add),
    "-": arithmetic(operator.sub),
    "*": arithmetic(operator.mul),
    "/": arithmetic(operator.truediv),
    "%": arithmetic(operator.mod),
    "//": arithmetic(floor_divided),
}
COMPARISONS: Mapping[str, Operate] = {
    "<": comparison(operator.lt),
    "<=": comparison(operator.le),
    ">": comparison(operator.gt),
    ">=": comparison(operator.ge),
    "==": equal,
    "!=": unequal,
}
power: Operate = arithmetic(raised)
