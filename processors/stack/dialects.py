r"""How is a regular expression of Python spelt for another engine?

Python's parser makes a tree; this writes it for RE2 or for `regex` so that both find what Python finds.
Nothing is left to the engines that they see differently: flags are resolved, and which characters an atom
stands for (`\w`, a set, a letter in any case) is written out.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from re import _constants as sre  # type: ignore[attr-defined]  # the tree's words
from typing import Any

MAX_LINEAR_REPEAT = 1000  # what RE2 allows
MAX_ATOMS = 20_000  # once what repeats so many times is written so many times, which is what `regex` does

_LAST_CASED = 0x1E943  # no code point above has an upper or lower case
_WORD = r"\p{L}\p{N}_"  # str.isalnum() and '_'
_ASCII_WORD = "0-9A-Za-z_"

# Of a set: category -> its members, None where only the negation has a spelling.
_MEMBERS = {
    sre.CATEGORY_DIGIT: r"\p{Nd}",
    sre.CATEGORY_NOT_DIGIT: r"\P{Nd}",
    # str.isspace()
    sre.CATEGORY_SPACE: "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    sre.CATEGORY_NOT_SPACE: "\x00-\x08\x0e-\x1b!-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027"
    "\u202a-\u202e\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff",
    sre.CATEGORY_WORD: _WORD,
    sre.CATEGORY_NOT_WORD: None,
}
_ASCII_MEMBERS = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_NOT_DIGIT: "\x00-/:-\U0010ffff",
    sre.CATEGORY_SPACE: "\t-\r ",
    sre.CATEGORY_NOT_SPACE: "\x00-\x08\x0e-\x1f!-\U0010ffff",
    sre.CATEGORY_WORD: _ASCII_WORD,
    sre.CATEGORY_NOT_WORD: "\x00-/:-@\\[-\\^`\\{-\U0010ffff",
}
_PYTHON_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


class NotLinear(Exception):
    """RE2 has no words for it."""


@dataclass(slots=True)
class Dialect:
    """What was written, and for which texts RE2's program says the same as Python."""

    linear: bool
    ascii_only: bool = False  # there is a \b, which RE2 sees at ASCII letters only
    unless_newline_ends: bool = False  # there is a $, which RE2 sees at the very end only
    _atoms: int = 0
    _times: int = 1

    def written(self, tree: Any) -> str:
        """Return the pattern. Raises NotLinear, and re.error for what Python's compiler refuses."""
        return self._all(tree, tree.state.flags)

    def _all(self, tree: Any, flags: int) -> str:
        return "".join([self._one(op, argument, flags) for op, argument in tree])

    def _one(self, op: Any, argument: Any, flags: int) -> str:
        self._atoms += self._times
        if self._atoms > MAX_ATOMS:
            raise re.error(f"its repetitions come to more than {MAX_ATOMS} characters")
        write = _WRITERS.get(op)
        if write is not None:
            return write(self, argument, flags)
        if self.linear:
            raise NotLinear
        return _CAREFUL_WRITERS[op](self, argument, flags)

    # What both can say.

    def literal(self, code: int, flags: int) -> str:
        if not flags & re.IGNORECASE:
            return spelt(code)
        return f"[{spelt(code)}{_other_cases(spelt(code), flags & re.ASCII)}]"

    def not_literal(self, code: int, flags: int) -> str:
        return self.character_set([(sre.NEGATE, None), (sre.LITERAL, code)], flags)

    def any_character(self, _: None, flags: int) -> str:
        return "(?s:.)" if flags & re.DOTALL else r"[^\n]"

    def character_set(self, items: list[tuple[Any, Any]], flags: int) -> str:
        negated = items[0][0] is sre.NEGATE
        items = items[negated:]
        known = _ASCII_MEMBERS if flags & re.ASCII else _MEMBERS
        members = [_member(op, argument, known) for op, argument in items]
        inside = "".join([one for one in members if one is not None])
        if flags & re.IGNORECASE:
            inside += _other_cases(_python_set(items), flags & re.ASCII)
        if None not in members:
            return f"[{'^' if negated else ''}{inside}]"
        if not negated:
            return f"(?:[^{_WORD}]|[{inside}])" if inside else f"[^{_WORD}]"
        if not inside:
            return f"[{_WORD}]"
        if self.linear:
            raise NotLinear
        return f"(?:(?![{inside}])[{_WORD}])"

    def place(self, where: Any, flags: int) -> str:
        if where is sre.AT_BEGINNING:
            return "(?m:^)" if flags & re.MULTILINE else r"\A"
        if where is sre.AT_BEGINNING_STRING:
            return r"\A"
        if where is sre.AT_END_STRING or (where is sre.AT_END and self.linear and not flags & re.MULTILINE):
            self.unless_newline_ends |= where is sre.AT_END
            return r"\z" if self.linear else r"\Z"
        if where is sre.AT_END:
            return "(?m:$)" if flags & re.MULTILINE else r"(?=\n?\Z)"
        return self._boundary(where, flags)

    def _boundary(self, where: Any, flags: int) -> str:
        inside = where is sre.AT_NON_BOUNDARY
        if self.linear:
            self.ascii_only |= not flags & re.ASCII
            return r"\B" if inside else r"\b"
        word = f"[{_ASCII_WORD if flags & re.ASCII else _WORD}]"
        after, before = ("=", "!") if inside else ("!", "=")
        return f"(?:(?<={word})(?{after}{word})|(?<!{word})(?{before}{word}))"

    def branch(self, argument: Any, flags: int) -> str:
        return f"(?:{'|'.join([self._all(one, flags) for one in argument[1]])})"

    def parentheses(self, argument: Any, flags: int) -> str:
        number, added, removed, tree = argument
        if added & (re.ASCII | re.UNICODE):
            flags &= ~(re.ASCII | re.UNICODE)
        inside = self._all(tree, (flags | added) & ~removed)
        return f"(?:{inside})" if number is None else f"({inside})"

    def greedy(self, argument: Any, flags: int) -> str:
        return self._repeat(argument, flags)

    def lazy(self, argument: Any, flags: int) -> str:
        return self._repeat(argument, flags) + "?"

    def _repeat(self, argument: Any, flags: int) -> str:
        low, high, tree = argument
        # After an empty turn, engines differ in whether there is another one.
        if self.linear and (low > MAX_LINEAR_REPEAT or (high > 1 and tree.getwidth()[0] == 0)):
            raise NotLinear
        most = "" if high is sre.MAXREPEAT else str(high)
        before, self._times = self._times, self._times * (low if low == high else 1)
        inside = self._all(tree, flags)
        self._times = before
        return f"(?:{inside}){{{low},{most}}}"

    # What only the engine that backtracks can say.

    def _ahead_or_behind(self, argument: Any, flags: int, sign: str) -> str:
        direction, tree = argument
        if direction < 0:
            low, high = tree.getwidth()
            if low != high:
                raise re.error("look-behind requires fixed-width pattern")
        return f"(?{'<' * (direction < 0)}{sign}{self._all(tree, flags)})"

    def assertion(self, argument: Any, flags: int) -> str:
        return self._ahead_or_behind(argument, flags, "=")

    def denial(self, argument: Any, flags: int) -> str:
        return self._ahead_or_behind(argument, flags, "!")

    def never(self, _: Any, __: int) -> str:
        return "(?!)"

    def back_reference(self, number: int, flags: int) -> str:
        return rf"(?i:\g<{number}>)" if flags & re.IGNORECASE else rf"\g<{number}>"

    def conditional(self, argument: Any, flags: int) -> str:
        number, tree, otherwise = argument
        other = self._all(otherwise, flags) if otherwise else ""
        return f"(?({number})(?:{self._all(tree, flags)})|(?:{other}))"

    def atomic(self, tree: Any, flags: int) -> str:
        return f"(?>{self._all(tree, flags)})"

    def possessive(self, argument: Any, flags: int) -> str:
        return f"(?>{self._repeat(argument, flags)})"


_Write = Callable[[Dialect, Any, int], str]
_WRITERS: dict[Any, _Write] = {
    sre.LITERAL: Dialect.literal,
    sre.NOT_LITERAL: Dialect.not_literal,
    sre.ANY: Dialect.any_character,
    sre.IN: Dialect.character_set,
    sre.AT: Dialect.place,
    sre.BRANCH: Dialect.branch,
    sre.SUBPATTERN: Dialect.parentheses,
    sre.MAX_REPEAT: Dialect.greedy,
    sre.MIN_REPEAT: Dialect.lazy,
}
_CAREFUL_WRITERS: dict[Any, _Write] = {
    sre.ASSERT: Dialect.assertion,
    sre.ASSERT_NOT: Dialect.denial,
    sre.FAILURE: Dialect.never,
    sre.GROUPREF: Dialect.back_reference,
    sre.GROUPREF_EXISTS: Dialect.conditional,
    sre.ATOMIC_GROUP: Dialect.atomic,
    sre.POSSESSIVE_REPEAT: Dialect.possessive,
}


def spelt(code: int) -> str:
    """Return a character as both engines, and Python, read it: in a set and outside."""
    if code >= 0x80 or chr(code).isalnum():  # noqa: PLR2004 - the end of ASCII
        return chr(code)
    return f"\\x{code:02x}"


def _member(op: Any, argument: Any, categories: dict[Any, str | None] | dict[Any, str]) -> str | None:
    if op is sre.LITERAL:
        return spelt(argument)
    if op is sre.RANGE:
        return f"{spelt(argument[0])}-{spelt(argument[1])}"
    return categories[argument]


def _python_set(items: Iterable[tuple[Any, Any]]) -> str:
    return f"[{''.join([str(_member(op, argument, _PYTHON_CATEGORIES)) for op, argument in items])}]"


@lru_cache(maxsize=1024)
def _other_cases(atom: str, ascii_flag: int) -> str:
    """Ask Python which characters an atom stands for only because case does not count."""
    meant = set(re.findall(atom, _cased(), re.IGNORECASE | ascii_flag))
    return "".join(
        [spelt(ord(one)) for one in sorted(meant.difference(re.findall(atom, _cased(), ascii_flag)))]
    )


@cache
def _cased() -> str:
    """Return every character that has another case."""
    return "".join(
        [one for one in map(chr, range(_LAST_CASED + 1)) if one.lower() != one or one.upper() != one]
    )
