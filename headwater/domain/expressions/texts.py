"""What can be asked of a text, and what can be made of it?

Tests of an empty text are false and its length is 0; what is made of an empty text is empty. Letters count as
they are written: "a" is not "A".

Source: reference, processors, section 5.3.
"""

import re
from collections.abc import Callable, Mapping

from headwater.domain.expressions.outside import Outside
from headwater.domain.expressions.signatures import Function, Given, any_text, any_value, text, whole
from headwater.domain.expressions.values import ExpressionError, is_empty, short_enough

_WORD = re.compile(r"\S+")


def is_one_digit(t: str) -> bool:
    return len(t) == 1 and t.isdigit()


def contains(t: str, sub: str) -> bool:
    return sub in t


def capitalized_words(t: str) -> str:
    """Return the text with a capital at the beginning of each word; words are what white space separates."""
    return _WORD.sub(lambda word: word[0].capitalize(), t)


def padded(pad: Callable[[str, int, str], str]) -> Callable[[str, int, str], str]:
    """Return a way of padding as a function that is bounded, and that needs nothing to pad with."""

    def compute(t: str, n: int, fill: str) -> str:
        if n <= len(t) or not fill:
            return t
        if len(fill) > 1:
            raise ExpressionError("what a text is filled up with is one character")
        short_enough(n)
        return pad(t, n, fill)

    return compute


def normalized(outside: Outside, t: str) -> str:
    short_enough(len(t))
    plain = outside.transliterate(t)
    short_enough(len(plain))
    return plain


def substring(t: str, start: int, length: int | None = None) -> str:
    """Return what begins at `start`, counted from 0; what would lie outside the text is cut off."""
    start = max(start, 0)
    return t[start:] if length is None else t[start : start + max(length, 0)]


def middle(t: str, start: int, length: int) -> str:
    """Return what begins at `start`, counted from 1."""
    return substring(t, max(start, 1) - 1, length)


def left(t: str, n: int) -> str:
    return t[: max(n, 0)]


def right(t: str, n: int) -> str:
    return t[len(t) - n :] if 0 < n < len(t) else t[: max(n, 0)]


def replaced(t: str, old: str, new: str) -> str:
    """Return the text with `new` for each `old`; nothing is replaced where `old` is empty."""
    if not old:
        return t
    short_enough(len(t) + t.count(old) * max(len(new) - len(old), 0))
    return t.replace(old, new)


def matches(outside: Outside, t: str, pattern: str) -> bool:
    """Tell whether the regular expression is found; the cause of an error is the searcher's own error."""
    try:
        return bool(outside.search(pattern, t))
    except ValueError as error:
        raise ExpressionError(str(error)) from error


_T = text("t")
_PAD = (_T, whole("n"), any_text("fill"))


def _test(compute: Callable[[str], bool]) -> Function:
    return Function(compute, (_T,), when_empty=False)


TEXTS: Mapping[str, Function] = {
    "isalpha": _test(str.isalpha),
    "isnumeric": _test(str.isnumeric),
    "isalnum": _test(str.isalnum),
    "isdecimal": _test(str.isdecimal),
    "isdigit": _test(is_one_digit),
    "islower": _test(str.islower),
    "isupper": _test(str.isupper),
    "empty": Function(is_empty, (any_value("t"),)),
    "contains": Function(contains, (_T, text("sub")), when_empty=False),
    "startswith": Function(str.startswith, (_T, text("prefix")), when_empty=False),
    "endswith": Function(str.endswith, (_T, text("suffix")), when_empty=False),
    "length": Function(len, (_T,), when_empty=0),
    "lower": Function(str.lower, (_T,)),
    "upper": Function(str.upper, (_T,)),
    "capitalize": Function(str.capitalize, (_T,)),
    "capitalize_all": Function(capitalized_words, (_T,)),
    "ljust": Function(padded(str.ljust), _PAD),
    "rjust": Function(padded(str.rjust), _PAD),
    "center": Function(padded(str.center), _PAD),
    "normalize": Function(normalized, (_T,), given=Given.OUTSIDE),
    "substring": Function(substring, (_T, whole("start"), whole("len")), optional=1),
    "count": Function(str.count, (_T, text("sub")), when_empty=0),
    "left": Function(left, (_T, whole("n"))),
    "right": Function(right, (_T, whole("n"))),
    "mid": Function(middle, (_T, whole("start"), whole("len"))),
    "replace": Function(replaced, (_T, any_text("a"), any_text("b"))),
    "match": Function(matches, (_T, text("regex")), when_empty=False, given=Given.OUTSIDE),
    "tolowercase": Function(str.lower, (_T,)),
    "touppercase": Function(str.upper, (_T,)),
}
