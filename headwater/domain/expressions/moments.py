"""When is that?  Dates and moments in texts: a date without time is a `date`, a moment a `datetime` in UTC.

A date is what a date or datetime field takes, and every result can be read by such a field again: a date is
written `2015-02-14`, a moment `2014-06-07T17:00:00+00:00`, always in UTC.
"""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from headwater.domain.expressions.values import ExpressionError, shown
from headwater.domain.types import YEAR_MAX, YEAR_MIN, read_date, read_datetime

MAX_REMEMBERED = 1024
MAX_LENGTH = 64  # characters of a date, or of the name of a zone
MAX_ZONES = 600  # all that there are, nearly

_LIKE_A_DATE = re.compile(r"\s*(?:\d{4}[-/]?(?:\d\d|W\d)|\d{1,2}/\d{1,2}/\d{4})", re.ASCII)


def moment_of(value: Any) -> date:
    """Return the date, or the datetime in UTC, that a text says. Raises ExpressionError."""
    moment = try_moment(value)
    if moment is None:
        raise ExpressionError(f"{shown(value)} is not a date (write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ)")
    return moment


def try_moment(value: Any) -> date | None:
    """Return the date, or the datetime in UTC, that a text says; None when it says none."""
    if value.__class__ is not str or len(value) > MAX_LENGTH or not _LIKE_A_DATE.match(value):
        return None
    return _read(value)


def in_utc(moment: date) -> datetime:
    """Return a moment as datetime; of a date its midnight."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)


def in_zone(moment: date, name: str) -> datetime:
    """Return the local time of a moment; a date is the same everywhere. Raises ExpressionError."""
    if not name:
        return in_utc(moment)
    zone = _zone(name) if len(name) <= MAX_LENGTH else None
    if zone is None:
        raise ExpressionError(f"there is no time zone {shown(name)} (write one like Europe/Paris)")
    return moment.astimezone(zone) if isinstance(moment, datetime) else in_utc(moment)


def written(moment: date) -> str:
    """Return a date or a moment as text. Raises ExpressionError for years that cannot be stored."""
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ExpressionError(f"the year {moment.year} is not between {YEAR_MIN} and {YEAR_MAX}")
    return moment.isoformat()


@lru_cache(maxsize=MAX_REMEMBERED)
def _read(text: str) -> date | None:
    try:
        return date.fromisoformat(read_date(text).stored) if _has_no_time(text) else _moment(text)
    except ValueError:
        return None


def _has_no_time(text: str) -> bool:
    return len(text.strip()) <= len("YYYY-MM-DD")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(read_datetime(text).stored).replace(tzinfo=UTC)


@lru_cache(maxsize=MAX_ZONES)
def _zone(name: str) -> ZoneInfo | None:
    """Return None for what is no zone, and remember that too: looking for one reads the file system."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown name, a path, the name of a folder
        return None
