"""What does a read request ask for?  Query parameters of Explore, checked and as values.

Parameters that are not known are ignored, as documented. A known one that would change the answer and is
not built yet is refused: an answer that silently left out a filter would be wrong.

Source: reference, explore, sections 3 and 6.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from headwater.domain.errors import InvalidQuery
from headwater.domain.versions import stamp_at

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_REACH = 10_000  # offset + limit, of records
MAX_CATALOG_REACH = 30_000
MAX_VERSION = 2**64 - 1
LANGUAGES = ("en", "fr", "nl", "pt", "it", "ar", "de", "es", "ca", "eu", "sv")

_NOT_BUILT = ("select", "where", "group_by", "refine", "exclude", "qv1")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = re.compile(r"[0-9]{1,20}", re.ASCII)
_UNESCAPED_OFFSET = re.compile(r" (\d\d:?\d\d)$", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SORT_TERM = re.compile(r"\s*(?:`([^`]+)`|([A-Za-z_][A-Za-z0-9_.]*))(?:\s+(asc|desc))?\s*", re.IGNORECASE)

Order = tuple[tuple[str, bool], ...]  # (field name, descending?)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an ordered list, and the zone in which moments are shown."""

    limit: int
    offset: int
    order: Order
    zone: tzinfo
    as_of: int | None = None  # version; None: now


def parse_page(query: Mapping[str, str], *, max_reach: int = MAX_REACH) -> Page:
    """Return the page that a list request asks for. Raises InvalidQuery."""
    zone = parse_presentation(query)
    limit = _limit(query)
    offset = _offset(query)
    if offset + limit > max_reach:
        raise _invalid("sum of offset + limit", offset + limit, f"<= {max_reach}")
    return Page(
        limit=limit,
        offset=offset,
        order=parse_order(query.get("order_by", "")),
        zone=zone,
        as_of=parse_as_of(query),
    )


def parse_presentation(query: Mapping[str, str]) -> tzinfo:
    """Return the zone, after checking the language and that nothing is asked that is not built.

    Raises InvalidQuery.
    """
    for name in _NOT_BUILT:
        if query.get(name):
            raise InvalidQuery(
                f"The {name} API parameter is not available yet: it is refused, because an answer that "
                "ignored it would be wrong. Remove it."
            )
    language = query.get("lang")
    if language and language not in LANGUAGES:
        raise _invalid("lang", language, f"one of {', '.join(LANGUAGES)}")
    return _zone(query.get("timezone"))


def parse_as_of(query: Mapping[str, str]) -> int | None:
    """Return the version as of which to read: digits are one, a moment means the last one of its microsecond.

    None: as of now. Raises InvalidQuery.
    """
    given = query.get("as_of", "").strip()
    if not given:
        return None
    if _VERSION.fullmatch(given) and int(given) <= MAX_VERSION:
        return int(given)
    try:
        # A "+" that was not escaped comes as a space.
        moment = datetime.fromisoformat(_UNESCAPED_OFFSET.sub(r"+\1", given))
    except ValueError as error:
        raise _invalid("as_of", given, "a moment such as 2024-05-26T10:00:00Z, or a version,") from error
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return min(max(0, stamp_at(since // timedelta(microseconds=1) + 1) - 1), MAX_VERSION)


def parse_order(text: str) -> Order:
    """Return the fields to sort by of `field [asc|desc], ...`. Raises InvalidQuery."""
    if not text.strip():
        return ()
    order, position = [], 0
    for term in text.split(","):
        found = _SORT_TERM.fullmatch(term)
        if found is None:
            raise _unexpected(text, position + len(term) - len(term.lstrip()))
        order.append((found[1] or found[2], (found[3] or "").lower() == "desc"))
        position += len(term) + 1
    return tuple(order)


def check_order(order: Order, names: Collection[str]) -> None:
    """Raise InvalidQuery at the first field that does not exist."""
    for name, _ in order:
        if name not in names:
            raise InvalidQuery(
                f"ODSQL query is malformed: Unknown field: {name}. "
                "Clause(s) containing the error(s): order_by.",
                code="ODSQLError",
            )


def _limit(query: Mapping[str, str]) -> int:
    number = _integer(query.get("limit"), DEFAULT_LIMIT)
    if number is None or not -1 <= number <= MAX_LIMIT:
        raise _invalid("limit", query["limit"], f"-1 <= limit <= {MAX_LIMIT}")
    return MAX_LIMIT if number == -1 else number


def _offset(query: Mapping[str, str]) -> int:
    number = _integer(query.get("offset"), 0)
    if number is None or number < 0:
        raise _invalid("offset", query["offset"], "offset >= 0")
    return number


def _integer(text: str | None, default: int) -> int | None:
    """Return the number, the default when nothing was given, None when it is not a number."""
    if text is None or not text.strip():
        return default
    return int(text) if _INTEGER.fullmatch(text.strip()) else None


def _zone(name: str | None) -> tzinfo:
    if not name or name == "UTC":
        return UTC
    if name not in _zones():
        raise _invalid("timezone", name, "a time zone of the IANA database, such as Europe/Paris,")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; looking into the directory each time would cost more than a query."""
    return frozenset(available_timezones())


def _invalid(name: str, found: object, expected: str) -> InvalidQuery:
    return InvalidQuery(
        f"Invalid value for {name} API parameter: {str(found)[:100]} was found but {expected} is expected."
    )


def _unexpected(text: str, position: int) -> InvalidQuery:
    """Return the error for a term that cannot be read; the position counts from 0."""
    word = text[position:].split(",", maxsplit=1)[0].strip()[:100] or "end of term"
    return InvalidQuery(
        f"ODSQL syntax exception: unexpected {word} at position {position} in {text[:200]}. "
        "Clause(s) containing the error(s): order_by.",
        code="ODSQLSyntaxError",
    )
