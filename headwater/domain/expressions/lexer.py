r"""Which words does an expression consist of?  From text to tokens.

    name       a letter or `_`, then letters, digits and `_`, all of ASCII; after `$` digits may come first
    number     `2`, `3.6`, `.1`
    text       between `"` or between `'`; `\"`, `\'` and `\\` stand for what follows the backslash, `\n`
               and `\t` for a line feed and a tab; any other backslash is just that, so that most regular
               expressions need no doubling
    operator   the longest one that fits, so `!=` is never `!` and `=`

Source: reference, processors, section 5.1.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from math import isinf
from typing import NamedTuple

from headwater.domain.errors import InvalidExpression
from headwater.domain.types import INT_MAX

WORD_OPERATORS = frozenset({"not", "and", "or"})
BOOLEANS = frozenset({"true", "false"})
CONSTANTS = BOOLEANS | {"pi", "e"}


class Kind(Enum):
    """What a token is."""

    NUMBER = auto()
    TEXT = auto()
    NAME = auto()  # of a field or a function; a constant unless `(` follows
    FIELD = auto()  # written with `$`
    OPERATOR = auto()  # `&&` is given as `and`, `||` as `or`
    END = auto()


class Token(NamedTuple):
    """One word. `value` is what it stands for: the number, the text, the name, the operator."""

    kind: Kind
    value: int | float | str
    column: int  # from 1


_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<field>\$[A-Za-z0-9_]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<operator>//|&&|\|\||<=|>=|==|!=|[-+*/%^&!<>?:(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z0-9_]+")
_ESCAPE = re.compile(r"\\([\"'\\nt])")
_ESCAPED = {"n": "\n", "t": "\t"}
_SYNONYMS = {"&&": "and", "||": "or"}
_HINTS = {
    "=": "one '=' means nothing here; compare with '=='",
    "|": "one '|' means nothing here; write '||' or 'or'",
    '"': "the text that begins here does not end",
    "'": "the text that begins here does not end",
    "$": "the name of a field belongs directly after '$'",
}
MAX_INTEGER_DIGITS = len(str(INT_MAX))


def tokens(text: str) -> list[Token]:
    """Return the tokens after the leading `=`, the last of kind END. Raises InvalidExpression."""
    found = list(_tokens(text))
    return [*found, Token(Kind.END, "", len(text) + 1)]


def unescaped(written: str) -> str:
    """Return the text that stands between the quotes."""
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), written)


def escaped(value: str) -> str:
    """Return how a text is written between double quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _tokens(text: str) -> Iterator[Token]:
    position = 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unknown(text, position)
        if match.lastgroup != "space":
            yield _token(text, match)
        position = match.end()


def _token(text: str, match: re.Match[str]) -> Token:
    written, column = match[0], match.start() + 1
    match match.lastgroup:
        case "number":
            return Token(Kind.NUMBER, _number(text, match), column)
        case "text":
            return Token(Kind.TEXT, unescaped(written[1:-1]), column)
        case "field":
            return Token(Kind.FIELD, written[1:], column)
        case "name" if written.lower() in WORD_OPERATORS:
            return Token(Kind.OPERATOR, written.lower(), column)
        case "name":
            return Token(Kind.NAME, written, column)
        case _:
            return Token(Kind.OPERATOR, _SYNONYMS.get(written, written), column)


def _number(text: str, match: re.Match[str]) -> int | float:
    """Return the number; a decimal when it does not fit 64 bits."""
    written, column = match[0], match.start() + 1
    if word := _WORD.match(text, match.end()):
        name = f"{written}{word[0]}"
        hint = f"; a field of this name is written ${name}" if "." not in name else ""
        raise InvalidExpression(
            f"{_shown(name)} is neither a number nor a name{hint}", text=text, column=column
        )
    if "." not in written and len(written) <= MAX_INTEGER_DIGITS and int(written) <= INT_MAX:
        return int(written)
    number = float(written)
    if isinf(number):
        raise InvalidExpression("the number is too large", text=text, column=column)
    return number


def _unknown(text: str, position: int) -> InvalidExpression:
    character = text[position]
    message = _HINTS.get(character, f"{character!r} means nothing in an expression")
    return InvalidExpression(message, text=text, column=position + 1)


def _shown(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:37]}..."  # noqa: PLR2004 - a sentence, not a dump
