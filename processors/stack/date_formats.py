"""Which moment does this text say, in the words of strptime?

As `datetime.strptime` does it in an English locale, whatever the locale of the process, with the directives
that the platform documents and no others.
"""

import re
from collections.abc import Callable
from datetime import date, time
from functools import lru_cache

MAX_TEXT = 200  # characters of a date
MAX_SHOWN = 60
DEFAULT_YEAR = 1900  # of a format without a year
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SHORT = 3  # letters of an abbreviated name

_DIRECTIVES = {
    "a": "|".join(name[:_SHORT] for name in _WEEKDAYS),
    "A": "|".join(_WEEKDAYS),
    "w": "[0-6]",
    "d": r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]",
    "b": "|".join(name[:_SHORT] for name in _MONTHS),
    "B": "|".join(_MONTHS),
    "m": r"1[0-2]|0[1-9]|[1-9]",
    "y": r"\d\d",
    "Y": r"\d\d\d\d",
    "H": r"2[0-3]|[0-1]\d|\d",
    "I": "1[0-2]|0[1-9]|[1-9]",
    "p": "am|pm",
    "M": r"[0-5]\d|\d",
    "S": r"6[0-1]|[0-5]\d|\d",
    "f": r"\d{1,6}",
    "j": r"36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
    "U": r"5[0-3]|[0-4]\d|\d",
    "W": r"5[0-3]|[0-4]\d|\d",
}
_TIME = frozenset("HIpMSf")
_CENTURY_TURNS = 69  # years of two digits from here on are of the twentieth century
_TOKEN = re.compile(r"%(?P<directive>.?)|(?P<space>\s+)|(?P<literal>[^%\s]+)", re.DOTALL)


@lru_cache(maxsize=256)
def date_reader(date_format: str) -> Callable[[str], str]:
    """Return the function from a text in this format to an ISO date, or datetime if the format has a time.

    Raises ValueError for what is no format; the function raises it for a text that is not in the format.
    """
    pattern, directives = _compiled(date_format.strip())
    day_of, time_of = _day_reader(directives), _time_reader(directives)

    def read(text: str) -> str:
        found = pattern.fullmatch(text.strip()) if len(text) <= MAX_TEXT else None
        if found is None:
            raise ValueError(f"{text[:MAX_SHOWN]!r} is not in the format {date_format}")
        try:
            day = day_of(found).isoformat()
            return f"{day}T{time_of(found).isoformat()}" if time_of else day
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{text[:MAX_SHOWN]!r} is no date: {error}") from error

    return read


def _compiled(date_format: str) -> tuple[re.Pattern[str], list[str]]:
    """Return the pattern, each directive being a group, and the directives in their order."""
    pieces: list[str] = []
    directives: list[str] = []
    for token in _TOKEN.finditer(date_format):
        directive = token["directive"]
        if token["space"]:
            pieces.append(r"\s+")
        elif token["literal"] or directive == "%":
            pieces.append(re.escape(token["literal"] or "%"))
        elif directive not in _DIRECTIVES:
            known = " ".join(f"%{one}" for one in _DIRECTIVES)
            raise ValueError(f"%{directive} is not known; known are {known}")
        elif directive in directives:
            raise ValueError(f"%{directive} is there twice")
        else:
            directives.append(directive)
            pieces.append(f"(?P<{directive}>{_DIRECTIVES[directive]})")
    if not directives:
        raise ValueError("expected at least one directive, as in %d/%m/%Y")
    return re.compile("".join(pieces), re.IGNORECASE | re.ASCII), directives


def _last(directives: list[str], candidates: str) -> str:
    """Return which of these directives counts: of several that say the same, the last one."""
    return next((one for one in reversed(directives) if one in candidates), "")


def _day_reader(directives: list[str]) -> Callable[[re.Match[str]], date]:
    year_by, month_by, day_by = _last(directives, "yY"), _last(directives, "bBm"), _last(directives, "d")
    weekday_by, week_by = _last(directives, "aAw"), _last(directives, "UW")

    def day_of(found: re.Match[str]) -> date:
        year = _year(year_by, found[year_by]) if year_by else DEFAULT_YEAR
        if "j" in directives:
            days = int(found["j"])
        elif weekday_by and week_by:
            weekday = _weekday(weekday_by, found[weekday_by])
            days = _day_of_year(year, int(found[week_by]), weekday, from_sunday=week_by == "U")
        else:
            month = _month(month_by, found[month_by]) if month_by else 1
            return date(year, month, int(found[day_by]) if day_by else 1)
        return date.fromordinal(date(year, 1, 1).toordinal() + days - 1)

    return day_of


def _time_reader(directives: list[str]) -> Callable[[re.Match[str]], time] | None:
    if _TIME.isdisjoint(directives):
        return None
    given = frozenset(directives)
    hour_by = _last(directives, "HI")

    def number(found: re.Match[str], directive: str) -> int:
        return int(found[directive]) if directive in given else 0

    def time_of(found: re.Match[str]) -> time:
        hour = number(found, hour_by)
        if hour_by == "I":
            hour = hour % 12 + 12 * ("p" in given and found["p"].lower() == "pm")
        fraction = int(found["f"].ljust(6, "0")) if "f" in given else 0
        return time(hour, number(found, "M"), number(found, "S"), fraction)

    return time_of


def _year(directive: str, text: str) -> int:
    year = int(text)
    if directive == "y":
        year += 1900 if year >= _CENTURY_TURNS else 2000
    return year


def _month(directive: str, text: str) -> int:
    return int(text) if directive == "m" else _place_of(text, _MONTHS) + 1


def _weekday(directive: str, text: str) -> int:
    """Return the day of the week, Monday being 0."""
    return (int(text) - 1) % 7 if directive == "w" else _place_of(text, _WEEKDAYS)


def _place_of(text: str, names: tuple[str, ...]) -> int:
    return [name[: len(text)] for name in names].index(text.lower())


def _day_of_year(year: int, week: int, weekday: int, *, from_sunday: bool) -> int:
    """Return the day of the year, from 1 on; what comes before the first Sunday or Monday is week 0."""
    first_weekday = (date(year, 1, 1).weekday() + from_sunday) % 7
    days_into_week = (weekday + from_sunday) % 7
    if week == 0:
        return 1 + days_into_week - first_weekday
    return 1 + -first_weekday % 7 + 7 * (week - 1) + days_into_week
