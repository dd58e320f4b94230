"""What can be asked of a date, and which date comes so much later?

A date without time stays one when years, months or days are added; with hours, minutes or seconds it becomes
the moment that so much later than its midnight. A month that is too short for the day gives its last day.

Source: reference, processors, section 5.3.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from headwater.domain.expressions.moments import in_utc, in_zone, written
from headwater.domain.expressions.signatures import Function, Given, any_text, moment, number, text, whole
from headwater.domain.expressions.values import ExpressionError, shown
from headwater.domain.types import YEAR_MAX, YEAR_MIN
from headwater.domain.versions import moment_us

MONTHS_OF_A_YEAR = 12
MONTHS_OF_A_QUARTER = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.ASCII | re.IGNORECASE)
_UNITS: Mapping[str, timedelta] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
_LONG_UNITS: Mapping[str, int] = {"year": MONTHS_OF_A_YEAR, "month": 1}  # in months


def arrival(version: int, _: int) -> str:
    """Return the moment that a record's version was made from."""
    return written(EPOCH + timedelta(microseconds=moment_us(version)))


def months_later(start: date, months: int) -> date:
    years, month = divmod(start.year * MONTHS_OF_A_YEAR + start.month - 1 + months, MONTHS_OF_A_YEAR)
    if not YEAR_MIN <= years <= YEAR_MAX:
        raise ExpressionError(f"the year {shown(years)} is not between {YEAR_MIN} and {YEAR_MAX}")
    return start.replace(year=years, month=month + 1, day=min(start.day, monthrange(years, month + 1)[1]))


def difference(a: date, b: date, unit: str) -> int:
    """Return how many complete units lie between a and b; negative when a is later.

    A month is complete when a month added to a is not after b: one from the 31st of January to the 28th of
    February.
    """
    start, end, unit = in_utc(a), in_utc(b), unit.lower()
    if unit in _UNITS:
        return (end - start) // _UNITS[unit] if start <= end else -((start - end) // _UNITS[unit])
    if unit not in _LONG_UNITS:
        units = ", ".join([*_LONG_UNITS, *_UNITS])
        raise ExpressionError(f"{shown(unit)} is not a unit (write one of {units})")
    months = _months_between(start, end) if start <= end else -_months_between(end, start)
    return int(months / _LONG_UNITS[unit])


def moment_at(seconds: float) -> str:
    """Return the moment so many seconds after the beginning of 1970."""
    return written(EPOCH + timedelta(seconds=seconds))


def range_of_quarter(quarter: str) -> str:
    """Return the first and the last day of a quarter such as 2014Q2."""
    match = _QUARTER.fullmatch(quarter.strip())
    if match is None:
        raise ExpressionError(f"{shown(quarter)} is not a quarter (write 2014Q2)")
    year, last_month = int(match[1]), int(match[2]) * MONTHS_OF_A_QUARTER
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise ExpressionError(f"the year {year} is not between {YEAR_MIN} and {YEAR_MAX}")
    first = date(year, last_month - MONTHS_OF_A_QUARTER + 1, 1)
    last = date(year, last_month, monthrange(year, last_month)[1])
    return f"{written(first)} / {written(last)}"


def _months_between(start: datetime, end: datetime) -> int:
    months = (end.year - start.year) * MONTHS_OF_A_YEAR + end.month - start.month
    return months if months_later(start, months) <= end else months - 1


def _part(read: Callable[[datetime], int]) -> Function:
    """Return a function that reads one number of a date, in a time zone if one is given."""

    def compute(given: date, zone: str = "") -> int:
        return read(in_zone(given, zone))

    return Function(compute, (_D, any_text("zone")), optional=1)


def _later(add: Callable[[date, Any], date], count: Any) -> Function:
    def compute(given: date, n: Any) -> str:
        return written(add(given, n))

    return Function(compute, (_D, count("n")))


_D = moment("d")

DATES: Mapping[str, Function] = {
    "now": Function(arrival, (), given=Given.VERSION),
    "year": _part(lambda local: local.year),
    "quarter": _part(lambda local: (local.month - 1) // MONTHS_OF_A_QUARTER + 1),
    "month": _part(lambda local: local.month),
    "week": _part(lambda local: local.isocalendar().week),
    "day": _part(lambda local: local.day),
    "dayofweek": _part(lambda local: local.weekday()),
    "hour": _part(lambda local: local.hour),
    "minute": _part(lambda local: local.minute),
    "second": _part(lambda local: local.second),
    "microsecond": Function(lambda given: in_utc(given).microsecond, (_D,)),
    "add_years": _later(lambda given, n: months_later(given, n * MONTHS_OF_A_YEAR), whole),
    "add_months": _later(months_later, whole),
    "add_days": _later(lambda given, n: given + timedelta(days=n), whole),
    "add_hours": _later(lambda given, n: in_utc(given) + timedelta(hours=n), number),
    "add_minutes": _later(lambda given, n: in_utc(given) + timedelta(minutes=n), number),
    "add_seconds": _later(lambda given, n: in_utc(given) + timedelta(seconds=n), number),
    "fromtimestamp": Function(moment_at, (number("n"),)),
    "quartertodaterange": Function(range_of_quarter, (text("q"),)),
    "datediff": Function(difference, (moment("a"), moment("b"), text("unit"))),
}
