"""When is that?  Dates and moments in texts."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.expressions import ExpressionError
from headwater.domain.expressions.moments import in_utc, in_zone, moment_of, try_moment, written
from headwater.domain.types import read_date, read_datetime
from tests.unit.domain.expressions.sampling import json_values

dates = st.dates(date(1901, 1, 1), date(2298, 1, 1))
moments = st.datetimes(datetime(1901, 1, 1), datetime(2298, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2014-06-07", date(2014, 6, 7)),
        (" 2014/06/07 ", date(2014, 6, 7)),
        ("20140607", date(2014, 6, 7)),
        ("6/7/2014", date(2014, 6, 7)),
        ("13/07/2014", date(2014, 7, 13)),
        ("2014-06-07T17:00", datetime(2014, 6, 7, 17, tzinfo=UTC)),
        ("2014-06-07 17:00+02:00", datetime(2014, 6, 7, 15, tzinfo=UTC)),
        ("20140607T170000Z", datetime(2014, 6, 7, 17, tzinfo=UTC)),
        ("2014/06/07-17:00:01", datetime(2014, 6, 7, 17, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_text_that_says_when(text, moment):
    """All the forms of date and datetime fields; no zone is UTC."""
    assert try_moment(text) == moment
    assert type(try_moment(text)) is type(moment)


@pytest.mark.parametrize(
    "value",
    [
        None,
        2014,
        20140607,
        "",
        "2014",
        "soon",
        "2014-02-30",
        "32/01/2014",
        "1850-01-01",
        "2014-06-07T25:00",
        ["2014-06-07"],
    ],
)
def test_a_value_that_does_not_say_when(value):
    """Neither a number nor a day that does not exist."""
    assert try_moment(value) is None
    with pytest.raises(ExpressionError, match="is not a date"):
        moment_of(value)


@given(dates | moments)
def test_what_is_written_is_read_again_here_and_by_fields(moment):
    """A result can be the argument of the next function, and the value of a field."""
    text = written(moment)

    assert try_moment(text) == moment
    read = read_datetime if isinstance(moment, datetime) else read_date
    assert datetime.fromisoformat(read(text).stored).replace(tzinfo=UTC) == in_utc(moment)


@given(json_values | st.text("0123456789-/:TZ .+", max_size=30))
def test_any_value_says_when_or_does_not(value):
    """Nothing but the one error."""
    moment = try_moment(value)

    assert moment is None or written(moment)


def test_a_zone_moves_moments_and_leaves_dates():
    """The seventh of June is the seventh everywhere."""
    assert in_zone(date(2014, 6, 7), "America/New_York").day == 7
    assert in_zone(datetime(2014, 6, 7, tzinfo=UTC), "America/New_York").day == 6
    assert in_zone(datetime(2014, 6, 7, tzinfo=UTC), "").day == 7


@pytest.mark.parametrize(
    "name",
    [
        "Europe",
        "Mars/Olympus",
        "/etc/passwd",
        "../UTC",
        ".",
        "a\0b",
        "\ud800",
        "x" * 1000,
        "tzdata.zi",
        "__init__.py",
    ],
)
def test_an_unknown_zone_is_refused(name):
    """A folder, a path and a file are no zones."""
    for _ in range(2):
        with pytest.raises(ExpressionError, match="there is no time zone"):
            in_zone(date(2014, 6, 7), name)
