r"""What does this regular expression find?  Python's `re`, which no text can make run for ever.

A pattern is read by Python's own parser, so that exactly what Python refuses is refused, and written anew for
two engines: RE2, whose time is linear, wherever it finds the same as Python would; else the backtracking
`regex` with a time limit. What a character may be (`\w`, a set, a letter in any case) is spelt out for both,
because each engine has a Unicode of its own mind.

The price: a pattern with a look-around, a back reference or `\b` beside letters with accents may end as
TooSlow; and `\w` knows the letters that came to Unicode after the Python in use. Unlike Python before 3.14,
`\B` finds the empty text. And where a pattern that may be empty was empty, Python's looks for another
alternative at the same place before it goes on; the other engine sometimes misses that one in a replacement.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from re import _parser as parser  # type: ignore[attr-defined]  # the public module gives no tree
from typing import Any

import re2
import regex

from processors.stack.dialects import Dialect, NotLinear
from processors.stack.outcomes import TOO_SLOW

MAX_PATTERN = 2000  # characters
MAX_RESULT = 1024 * 1024  # characters of a text after a replacement
PATIENCE_S = 0.2  # for one call of the engine that backtracks
LINEAR_STEPS = 50_000_000  # instructions x characters x searches that the linear engine is trusted with
LINEAR_MEMORY = 1024 * 1024  # bytes of one program
_MARK = "\udfff"  # stands for a group in a template; JSON has no such text


class InvalidPattern(ValueError):
    """What was given is no regular expression of Python, or no replacement for it."""


class TooSlow(ValueError):
    """Looking for the pattern in this text took longer than is allowed."""

    code = TOO_SLOW

    def __init__(self) -> None:
        super().__init__("the regular expression took too long on this text")


class Match:
    """What was found: the text of each group, None for one that took no part; group 0 is all of it."""

    __slots__ = ("_groups", "_indexes")

    def __init__(self, groups: tuple[str | None, ...], indexes: Mapping[str, int]) -> None:
        self._groups = groups
        self._indexes = indexes

    def __getitem__(self, group: int) -> str | None:
        return self._groups[group]

    def groupdict(self) -> dict[str, str | None]:
        """Return the named groups."""
        groups = self._groups
        return {name: groups[index] for name, index in self._indexes.items()}


class Replacement:
    r"""A template of Python's `re` (`\1`, `\g<name>`, `\n`), ready for use."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str | int, ...]) -> None:
        self.parts = parts  # texts, and numbers of groups

    def text(self, groups: tuple[str | None, ...]) -> str:
        """Return the new text for what was found."""
        return "".join([one if isinstance(one, str) else groups[one] or "" for one in self.parts])


class Pattern:
    """A regular expression, ready for use; get one with `compile_pattern`."""

    __slots__ = (
        "_careful",
        "_groups",
        "_indexes",
        "_limit",
        "_linear",
        "_may_be_empty",
        "_spelling",
        "names",
    )

    def __init__(self, tree: Any) -> None:
        """`tree` is what Python's parser made of it."""
        self.names = tuple(tree.state.groupdict)
        self._indexes: Mapping[str, int] = dict(tree.state.groupdict)
        self._groups = tree.state.groups
        self._may_be_empty = tree.getwidth()[0] == 0
        self._careful = regex.compile(Dialect(linear=False).written(tree), regex.V0)
        self._spelling = Dialect(linear=True)
        self._linear = _linear(self._spelling, tree)
        self._limit = LINEAR_STEPS // self._linear.ProgramSize() if self._linear else -1

    def search(self, text: str, *, patience_s: float = PATIENCE_S) -> Match | None:
        """Return the first place where the pattern is found. Raises TooSlow."""
        encoded = self._for_linear(text)
        if encoded is not None:
            spans = self._linear.Match(_ANYWHERE, encoded, 0, len(encoded))
            return None if spans[0] == _NOWHERE else Match(_texts(encoded, spans), self._indexes)
        try:
            found = self._careful.search(text, timeout=patience_s)
        except TimeoutError as error:
            raise TooSlow from error
        return found and Match((found[0], *found.groups()), self._indexes)

    def sub(self, new: str, text: str) -> str:
        """Return the text with `new`, a template, wherever the pattern is found."""
        return self.replace(self.replacement(new), text)

    def replacement(self, new: str) -> Replacement:
        """Read a template. Raises InvalidPattern."""
        return _replacement(new, self._groups, tuple(self._indexes.items()))

    def replace(self, new: Replacement, text: str, *, patience_s: float = PATIENCE_S) -> str:
        """Return the text with `new` wherever the pattern is found.

        Raises TooSlow, and ValueError when the text becomes longer than MAX_RESULT.
        """
        encoded = None if self._may_be_empty else self._for_linear(text)
        changed = None if encoded is None else self._replaced_linearly(new, encoded)
        if changed is not None:
            return _bounded(changed)
        left = MAX_RESULT

        def new_text(found: Any) -> str:
            nonlocal left
            made = new.text((found[0], *found.groups()))
            left -= len(made)
            if left < 0:
                raise _TooLong
            return made

        try:
            return _bounded(self._careful.sub(new_text, text, timeout=patience_s))
        except TimeoutError as error:
            raise TooSlow from error

    def _for_linear(self, text: str) -> bytes | None:
        """Return the text for RE2; None where that would not find what Python finds, or not in time."""
        if len(text) > self._limit or (self._spelling.unless_newline_ends and text.endswith("\n")):
            return None
        if text.isascii():
            return text.encode()
        if self._spelling.ascii_only:
            return None
        try:
            return text.encode()
        except UnicodeEncodeError:  # half a surrogate pair
            return None

    def _replaced_linearly(self, new: Replacement, encoded: bytes) -> str | None:
        """Return the new text; None when it would take too many searches."""
        searches = LINEAR_STEPS // (self._linear.ProgramSize() * max(len(encoded), 1))
        pieces: list[str] = []
        at, end, length = 0, len(encoded), 0
        while True:
            spans = self._linear.Match(_ANYWHERE, encoded, at, end)
            if spans[0] == _NOWHERE:
                pieces.append(encoded[at:].decode())
                return "".join(pieces)
            made = new.text(_texts(encoded, spans))
            pieces += (encoded[at : spans[0][0]].decode(), made)
            length += len(made)
            searches -= 1
            if length > MAX_RESULT:
                raise _TooLong
            if searches < 0:
                return None
            at = spans[0][1]


class _TooLong(ValueError):
    def __init__(self) -> None:
        super().__init__(f"the text would become longer than {MAX_RESULT} characters")


@lru_cache(maxsize=256)
def compile_pattern(
    text: str, *, ignore_case: bool = False, multiline: bool = False, dot_all: bool = False
) -> Pattern:
    """Return the pattern that a text of Python's `re` means. Raises InvalidPattern with the place."""
    if len(text) > MAX_PATTERN:
        raise InvalidPattern(f"regular expression: longer than {MAX_PATTERN} characters")
    flags = re.IGNORECASE * ignore_case | re.MULTILINE * multiline | re.DOTALL * dot_all
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that may mean something else some day
            tree = parser.parse(text, flags)
        return Pattern(tree)
    except re.error as error:
        place = "" if error.pos is None else f" at position {error.pos}"
        raise InvalidPattern(f"regular expression: {error.msg}{place}") from error
    except (OverflowError, regex.error) as error:
        raise InvalidPattern(f"regular expression: {error}") from error
    except RecursionError as error:
        raise InvalidPattern("regular expression: too many parentheses inside each other") from error


def _linear(spelling: Dialect, tree: Any) -> Any:
    """Return RE2's program; None when it cannot express the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = LINEAR_MEMORY
    try:
        program = _RE2(spelling.written(tree).encode(), options)
    except (NotLinear, UnicodeEncodeError):
        return None
    return program if program.ok() else None


_RE2 = re2._re2.RE2  # noqa: SLF001 - the public wrapper costs four times as much for each text
_ANYWHERE = _RE2.Anchor.UNANCHORED
_NOWHERE = (-1, -1)


def _texts(encoded: bytes, spans: Iterable[tuple[int, int]]) -> tuple[str | None, ...]:
    return tuple([None if span == _NOWHERE else encoded[span[0] : span[1]].decode() for span in spans])


def _bounded(text: str) -> str:
    if len(text) > MAX_RESULT:
        raise _TooLong
    return text


@lru_cache(maxsize=256)
def _replacement(new: str, groups: int, indexes: tuple[tuple[str, int], ...]) -> Replacement:
    """Let Python expand the template for a match whose groups are marks, and look where these went."""
    if _MARK in new:
        raise InvalidPattern("new value: half a surrogate pair")
    names = {index: name for name, index in indexes}
    marks = [f"{_MARK}{index}{_MARK}" for index in range(groups)]
    given = [
        f"(?P<{names[index]}>{marks[index]})" if index in names else f"({marks[index]})"
        for index in range(1, groups)
    ]
    found = re.fullmatch("".join([marks[0], *given]), "".join(marks))
    assert found is not None
    try:
        parts = found.expand(new).replace(found[0], marks[0]).split(_MARK)
    except IndexError as error:
        raise InvalidPattern(f"new value: {error}") from error
    except re.error as error:
        place = "" if error.pos is None else f" at position {error.pos}"
        raise InvalidPattern(f"new value: {error.msg}{place}") from error
    return Replacement(tuple(int(one) if at % 2 else one for at, one in enumerate(parts) if one))
