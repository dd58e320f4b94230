"""What is done to dates?"""

import locale
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from processors.stack.date_formats import date_reader
from processors.stack.outcomes import Failed
from processors.stack.parsing import parse_processor
from processors.stack.registry import kind_of

DIRECTIVES = [f"%{letter}" for letter in "aAwdbBmyYHIpMSfjUW"]
FORMATS = st.lists(st.sampled_from(DIRECTIVES), unique=True, min_size=1, max_size=7).map(" ".join)
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - dates without a zone
ZONES = ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]


def expected_of(text, date_format):
    moment = datetime.strptime(text, date_format)  # noqa: DTZ007 - as above
    has_time = any(f"%{letter}" in date_format for letter in "HIpMSf")
    return moment.isoformat() if has_time else moment.date().isoformat()


@settings(max_examples=500)
@given(FORMATS, MOMENTS)
def test_what_strftime_writes_is_read_as_strptime_reads_it(date_format, moment):
    """For every directive and every combination, in an English locale."""
    assert locale.setlocale(locale.LC_TIME) in ("C", "C.UTF-8", "en_US.UTF-8")
    assume("y" in date_format.lower() or (moment.month, moment.day) != (2, 29))  # Python's own exception
    text = moment.strftime(date_format)
    try:
        expected = expected_of(text, date_format)
    except ValueError:  # a time that the parts do not make
        assume(False)

    assert date_reader(date_format)(text) == expected


@settings(max_examples=500)
@given(
    FORMATS, st.lists(st.sampled_from([*"0123456789", "12", "2024", "29", "am", "Mon", "may"]), max_size=7)
)
def test_what_strptime_refuses_is_refused(date_format, words):
    """And what it takes means the same."""
    text = " ".join(words)
    assume("y" in date_format.lower() or "29" not in words)  # Python makes an exception of February 29
    try:
        expected = expected_of(text, date_format)
    except ValueError:
        with pytest.raises(ValueError, match=r"not in the format|is no date"):
            date_reader(date_format)(text)
    else:
        assert date_reader(date_format)(text) == expected


@pytest.mark.parametrize("name", ["de_CH.UTF-8", "fr_FR.UTF-8"])
def test_the_locale_of_the_process_does_not_matter(name):
    """Names are English wherever the worker runs."""
    before = locale.setlocale(locale.LC_TIME)
    try:
        locale.setlocale(locale.LC_TIME, name)
    except locale.Error:
        pytest.skip("this machine has no such locale")
    try:
        date_reader.cache_clear()
        assert date_reader("%d %B %Y")("3 December 2020") == "2020-12-03"
    finally:
        locale.setlocale(locale.LC_TIME, before)


def zoned(text, zone):
    record = {"a": text}
    (outcome,) = parse_processor(kind_of("set_timezone"), {"field": "a", "timezone": zone}).compiled()(
        [record], [1]
    )
    return outcome


@given(st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31)), st.sampled_from(ZONES))  # noqa: DTZ001
def test_the_time_of_day_stays_unless_it_does_not_exist(local, zone):
    """Then it moves forward, by the gap."""
    result = datetime.fromisoformat(zoned(local.isoformat(), zone)["a"])
    moved = result.replace(tzinfo=None) - local
    earlier = (local - timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).utcoffset()
    later = (local + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).utcoffset()

    assert moved in (timedelta(0), later - earlier)
    assert moved >= timedelta(0)
    assert result.utcoffset() == result.astimezone(UTC).astimezone(ZoneInfo(zone)).utcoffset()


@given(st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31)), st.sampled_from(ZONES))  # noqa: DTZ001
def test_setting_the_zone_twice_changes_nothing_but_the_second_of_two_hours(local, zone):
    """The result is a time that exists; read again it is the same, or the first of two."""
    once = zoned(local.isoformat(), zone)["a"]

    assert zoned(once, zone)["a"] == once


def test_every_zone_of_the_data_base_can_be_set():
    """Those that only say what the machine's own zone is are no zones."""
    for zone in sorted(available_timezones() - {"localtime", "Factory"}):
        assert zoned("2024-01-01T00:00:00", zone)["a"].startswith("2024-01-01T00:00:00")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "UTC"])
def test_the_ends_of_the_calendar_are_no_exception(text, zone):
    """A moment that would leave the calendar is an error of that record."""
    outcome = zoned(text, zone)

    assert isinstance(outcome, Failed) or outcome["a"].startswith(text)
