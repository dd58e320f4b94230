"""What does this SQL text want?  Enough grammar to know its format, its inline data, and that it is one.

The engine must be told the format apart from the text, and it would run `a; b` as two statements; a server
refuses that, and so do we.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#!?\s[^\n]*|/\*.*?\*/)
       | (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
       | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
       | (?P<other>[0-9][A-Za-z0-9_.]*|.)""",
    re.VERBOSE | re.DOTALL,
)
OPEN, CLOSE = (b"(", b"[", b"{"), (b")", b"]", b"}")
READS = frozenset({b"SELECT", b"WITH", b"FROM"})


class InvalidStatement(Exception):
    """A server would answer this with a syntax error (ClickHouse's code 62)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, its FORMAT clause taken off.

    `sql` runs as it is, unless `data` is there: then it is an INSERT that wants `data` in `format`.
    """

    sql: str
    format: str | None = None
    data: bytes | None = None
    reads: bool = False  # SELECT or WITH: can be streamed


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: bytes  # words in upper case
    start: int
    end: int


def parse_statement(query: bytes, body: bytes = b"") -> Statement:
    """Return the statement of a request: `query` from the URL, followed by the body.

    Without `query` the body is the whole text. Raises InvalidStatement.
    """
    text, more = (query, body) if query.strip() else (body, b"")
    tokens = _top_level(text)
    first = next(tokens, None)
    if first is None:
        raise InvalidStatement("Empty query")
    if first.value == b"INSERT":
        return _insert(text, more, tokens)
    if more.strip():
        text = text + b"\n" + more
        tokens = _top_level(text)
    return _plain(text, first, list(tokens))


def _insert(text: bytes, more: bytes, tokens: Iterator[_Token]) -> Statement:
    """Split an INSERT at FORMAT or VALUES; what follows is data, whatever it looks like."""
    for token in tokens:
        if token.kind != "word":
            continue
        if token.value == b"VALUES":
            return _with_data(text[: token.start], "Values", text[token.end :], more)
        if token.value == b"FORMAT" and (name := next(tokens, None)) is not None and name.kind == "word":
            return _with_data(text[: token.start], _text(text[name.start : name.end]), text[name.end :], more)
        if token.value in READS:  # INSERT ... SELECT, FROM INFILE
            return Statement(_decode(text + more))
    if more:
        return _with_data(text, "Values", b"", more)
    return Statement(_decode(text))


def _with_data(head: bytes, format_: str, inline: bytes, more: bytes) -> Statement:
    data = more if not inline.strip(b" \t\r\n;") else inline.lstrip(b" \t\r\n") + more
    return Statement(_decode(head), format_, data)


def _plain(text: bytes, first: _Token, tokens: list[_Token]) -> Statement:
    """Check that there is one statement; take off its FORMAT clause, which ends it or precedes SETTINGS."""
    end = next((token for token in tokens if token.value == b";"), None)
    if end is not None:
        if tokens[-1] is not end:
            raise InvalidStatement("Multi-statements are not allowed")
        tokens, text = tokens[:-1], text[: end.start]
    reads = first.value in (b"SELECT", b"WITH", b"(")
    for at in range(len(tokens) - 2, -1, -1):
        word, name = tokens[at], tokens[at + 1]
        after = tokens[at + 2].value if at + 2 < len(tokens) else b"SETTINGS"
        if (word.kind, word.value, name.kind, after) == ("word", b"FORMAT", "word", b"SETTINGS"):
            sql = text[: word.start] + text[name.end :]
            return Statement(_decode(sql), _text(text[name.start : name.end]), reads=reads)
    return Statement(_decode(text), reads=reads)


def _top_level(text: bytes) -> Iterator[_Token]:
    """Yield the tokens outside of brackets; the brackets themselves once, as they open at the top."""
    depth = 0
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "skip":
            continue
        value = match.group()
        if value in CLOSE:
            depth -= 1
        elif depth <= 0:
            yield _Token(kind, value.upper() if kind == "word" else value, *match.span())
        if value in OPEN:
            depth += 1


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidStatement(f"the query is not UTF-8: {error}") from error


def _text(name: bytes) -> str:
    return name.decode("ascii")
