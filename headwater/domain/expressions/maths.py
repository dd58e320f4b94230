"""What can be computed from numbers?  Where a function has no result for a number, that is an error.

Chance is no chance: a random number follows from the record's version and from the place of the call in the
expression, so that a replay repeats it and two calls differ.

Source: reference, processors, section 5.3.
"""

import math
import operator
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from hashlib import blake2b
from struct import pack
from typing import Any

from headwater.domain.expressions.operators import factorial, floor_divided, raised
from headwater.domain.expressions.signatures import Function, Given, number, whole

_MANTISSA_BITS = 53
_MAX_PLACES = 400  # a decimal has fewer, before and behind its point
_DECIMAL = Context(prec=2 * _MAX_PLACES)
_MASK = 2**64 - 1


def rounded(x: float, places: int | None = None) -> float:
    """Return the nearest number with so many decimal places, of two the one further from zero.

    Without `places` an integer. A decimal is taken as it is written: 2.675 is rounded to 2.68.
    """
    if places is None:
        return _to_integer(x)
    if (isinstance(x, int) and places >= 0) or places > _MAX_PLACES:
        return x
    unit = Decimal(1).scaleb(-max(places, -_MAX_PLACES))
    nearest = Decimal(repr(x)).quantize(unit, ROUND_HALF_UP, _DECIMAL)
    return int(nearest) if isinstance(x, int) else float(nearest)


def random(version: int, place: int, a: float, b: float | None = None) -> float:
    """Return a decimal from `a` up to `b`, or from 0 up to `a`."""
    low, high = (0, a) if b is None else (a, b)
    number = low + share(version, place) * (high - low)
    return number if low == high or number != high else low


def share(version: int, place: int) -> float:
    """Return the number from 0 up to 1 that a version gives at this place."""
    digest = blake2b(pack("<QQ", version & _MASK, place), digest_size=8).digest()
    return float((int.from_bytes(digest) >> (64 - _MANTISSA_BITS)) * 2.0**-_MANTISSA_BITS)


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)), which no x makes too large."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    power = math.exp(x)
    return power / (1 + power)


def _to_integer(x: float) -> int:
    whole_part = int(x)
    return whole_part + ((x > 0) - (x < 0) if abs(x - whole_part) >= 0.5 else 0)  # noqa: PLR2004 - a half


def _of_x(compute: Callable[[Any], Any]) -> Function:
    return Function(compute, (number("x"),))


def _of_two(compute: Callable[[Any, Any], Any], first: str = "a", second: str = "b") -> Function:
    return Function(compute, (number(first), number(second)))


_OF_X: Mapping[str, Callable[[Any], Any]] = {
    "abs": abs,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "radians": math.radians,
    "degrees": math.degrees,
    "cos": math.cos,
    "cosh": math.cosh,
    "sin": math.sin,
    "sinh": math.sinh,
    "tan": math.tan,
    "tanh": math.tanh,
    "acos": math.acos,
    "acosh": math.acosh,
    "asin": math.asin,
    "asinh": math.asinh,
    "atan": math.atan,
    "atanh": math.atanh,
    "gamma": math.gamma,
    "trunc": math.trunc,
    "sigmoid": sigmoid,
}

MATHS: Mapping[str, Function] = {
    **{name: _of_x(compute) for name, compute in _OF_X.items()},
    "max": Function(max, (number("a"), number("b")), repeats=True),
    "min": Function(min, (number("a"), number("b")), repeats=True),
    "round": Function(rounded, (number("x"), whole("n")), optional=1),
    "random": Function(random, (number("a"), number("b")), optional=1, given=Given.VERSION),
    "pow": _of_two(raised, "x", "y"),
    "factorial": Function(factorial, (number("n"),)),
    "gcd": Function(math.gcd, (whole("a"), whole("b"))),
    "div": _of_two(floor_divided),
    "mod": _of_two(operator.mod),
}
