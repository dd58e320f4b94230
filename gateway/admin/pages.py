"""Which part of a list?  `limit` and `offset` of the management API, and the URLs of the pages beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.domain.errors import InvalidDocument

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
MAX_OFFSET = 2**53


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` entries of a list after the first `offset`."""

    limit: int
    offset: int

    def next(self, total: int) -> "Page | None":
        """Return the page after this one, if there is anything on it."""
        following = self.offset + self.limit
        return Page(self.limit, following) if self.limit and following < total else None

    def previous(self) -> "Page | None":
        """Return the page before this one, unless this is the first."""
        return Page(self.limit, max(0, self.offset - self.limit)) if self.limit and self.offset else None


def parse_page(query: Mapping[str, str]) -> Page:
    """Return the page that a query string asks for. Raises InvalidDocument."""
    return Page(
        _number(query, "limit", MAX_LIMIT, DEFAULT_LIMIT),
        _number(query, "offset", MAX_OFFSET, 0),
    )


def _number(query: Mapping[str, str], name: str, high: int, default: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) < len(str(MAX_OFFSET))) or int(given) > high:
        raise InvalidDocument(name, f"expected an integer from 0 to {high}; got {given[:60]!r}")
    return int(given)
