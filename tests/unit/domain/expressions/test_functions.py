"""What does each function compute?  Every function has its rows here, and its line in the user guide."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.expressions import ExpressionError, parse
from headwater.domain.expressions.functions import FUNCTIONS
from headwater.domain.expressions.tree import Call, walk
from headwater.domain.points import GeoPoint
from tests.unit.domain.expressions.sampling import value_of

GUIDE = Path(__file__).parents[4] / "docs" / "expressions.md"
ONE_KM_NORTH = {"lat": 48.0089932, "lon": 2}
RECORD = {
    "none": None,
    "metres": {"lat": 1000, "lon": "2000"},
    "km": [48, 2],
    "north": ONE_KM_NORTH,
    "square": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "feature": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}},
}

TABLE = [
    # text tests
    ("isalpha('abc')", True),
    ("isalpha('ab1')", False),
    ("isalpha(none)", False),
    ("isnumeric('12')", True),
    ("isnumeric(12)", True),
    ("isnumeric('1.2')", False),
    ("isalnum('ab1')", True),
    ("isalnum('a b')", False),
    ("isdecimal('12')", True),
    ("isdecimal('x')", False),
    ("isdigit('1')", True),
    ("isdigit(7)", True),
    ("isdigit('12')", False),
    ("islower('abc')", True),
    ("islower('aBc')", False),
    ("isupper('ABC')", True),
    ("isupper('')", False),
    ("empty('')", True),
    ("empty(none)", True),
    ("empty(' ')", False),
    ("empty(0)", False),
    ("contains('hello', 'ell')", True),
    ("contains('hello', 'A')", False),
    ("contains('hello', '')", False),
    ("startswith('hello', 'he')", True),
    ("startswith('hello', 'He')", False),
    ("startswith(none, 'a')", False),
    ("endswith('hello', 'lo')", True),
    ("endswith('hello', none)", False),
    # text
    ("length('hello')", 5),
    ("length(120.0)", 3),
    ("length(none)", 0),
    ("lower('HeLLo')", "hello"),
    ("lower(none)", None),
    ("upper('HeLLo')", "HELLO"),
    ("capitalize('foo bAR')", "Foo bar"),
    ("capitalize_all('foo bAR  jean-paul')", "Foo Bar  Jean-paul"),
    ('ljust("4400",5,"0")', "44000"),
    ("ljust('4400', 3, '0')", "4400"),
    ("ljust('a', '3', '')", "a"),
    ('rjust("4400",5,"0")', "04400"),
    ("rjust(4400, 5, 0)", "04400"),
    ("rjust('a', -1, '0')", "a"),
    ("rjust(none, 5, '0')", None),
    ('center("4400",6,"0")', "044000"),
    ("normalize('Crème brûlée')", "Creme brulee"),
    ("substring('hello', 1)", "ello"),
    ("substring('hello', 1, 2)", "el"),
    ("substring('hello', -1, 2)", "he"),
    ("substring('hello', 9)", ""),
    ("substring('hello', 1, -2)", ""),
    ("substring('hello', none)", None),
    ("count('banana', 'an')", 2),
    ("count('banana', '')", 0),
    ("left('hello', 2)", "he"),
    ("left('hello', 99)", "hello"),
    ("left('hello', -1)", ""),
    ("right('hello', 2)", "lo"),
    ("right('hello', 0)", ""),
    ("right('hello', 99)", "hello"),
    ("mid('hello', 1, 2)", "he"),
    ("mid('hello', 4, 9)", "lo"),
    ("mid('hello', 0, 2)", "he"),
    ("replace('banana', 'an', 'o')", "booa"),
    ("replace('banana', 'an', '')", "ba"),
    ("replace('banana', '', 'x')", "banana"),
    ("match('banana', 'nan')", True),
    ("match('banana', 'x')", False),
    ("match(none, 'x')", False),
    ("tolowercase('A')", "a"),
    ("touppercase('a')", "A"),
    # math
    ("abs('-2,5')", 2.5),
    ("abs(-3)", 3),
    ("abs(none)", None),
    ("sqrt(16)", 4.0),
    ("floor(-1.5)", -2),
    ("ceil(1.2)", 2),
    ("max(2, '10')", 10),
    ("max(1, 5, 3.5)", 5),
    ("max(1, none)", None),
    ("min(2, '10')", 2),
    ("min(3, 2, 1)", 1),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(0.49999999999999994)", 0),
    ("round(2.675, 2)", 2.68),
    ("round(-1.25, 1)", -1.3),
    ("round(1250, -2)", 1300),
    ("round(7, 3)", 7),
    ("round(1.5, 999)", 1.5),
    ("round(12.5)", 13),
    ("random(0)", 0.0),
    ("random(5, 5)", 5.0),
    ("random(none)", None),
    ("random(10) < 10 and random(10) >= 0", True),
    ("pow(2, 10)", 1024),
    ("pow(2, -1)", 0.5),
    ("exp(0)", 1.0),
    ("log(e)", 1.0),
    ("log10(1000)", pytest.approx(3)),
    ("radians(180)", pytest.approx(3.14159265)),
    ("degrees(pi)", 180.0),
    ("cos(0)", 1.0),
    ("cosh(0)", 1.0),
    ("sin(pi / 2)", 1.0),
    ("sinh(0)", 0.0),
    ("tan(0)", 0.0),
    ("tanh(0)", 0.0),
    ("acos(1)", 0.0),
    ("acosh(1)", 0.0),
    ("asin(0)", 0.0),
    ("asinh(0)", 0.0),
    ("atan(1) * 4", pytest.approx(3.14159265)),
    ("atanh(0)", 0.0),
    ("factorial(5)", 120),
    ("factorial('3')", 6),
    ("gamma(5)", 24.0),
    ("gcd(12, -18)", 6),
    ("div(-7, 2)", -4),
    ("mod(-7, 3)", 2),
    ("trunc(-1.7)", -1),
    ("sigmoid(0)", 0.5),
    ("sigmoid(-1000)", 0.0),
    ("sigmoid(1000)", 1.0),
    # dates
    ("now()", "2023-11-14T22:13:20.123456+00:00"),
    ("year('2014-06-07')", 2014),
    ("year('2014-12-31T23:30:00Z', 'Europe/Paris')", 2015),
    ("quarter('2014-06-07')", 2),
    ("quarter('2014-10-01')", 4),
    ("month('06/07/2014')", 6),
    ("month('13/07/2014')", 7),
    ("week('2014-01-01')", 1),
    ("week('2016-01-01')", 53),
    ("day('2014-06-07T23:00:00-02:00')", 8),
    ("day('2014-06-07', 'America/New_York')", 7),
    ("dayofweek('2014-06-09')", 0),
    ("dayofweek('2014-06-08')", 6),
    ('hour("2014-06-07 17:00", "Europe/Paris")', 19),
    ("hour('2014-06-07 17:00')", 17),
    ("hour('2014-01-07 17:00', 'Europe/Paris')", 18),
    ("hour('20140607T170000Z', none)", 17),
    ("hour('2014-06-07')", 0),
    ("minute('2014/06/07-17:45:10')", 45),
    ("minute('2014-06-07 17:45', 'Asia/Kolkata')", 15),
    ("second('2014-06-07 17:45:10')", 10),
    ("second(none)", None),
    ("microsecond('2014-06-07T17:45:10.25Z')", 250000),
    ("microsecond('2014-06-07')", 0),
    ("add_years('2016-02-29', 1)", "2017-02-28"),
    ("add_years('2016-02-29T10:00:00Z', 4)", "2020-02-29T10:00:00+00:00"),
    ('add_months("2014-11-14","3")', "2015-02-14"),
    ("add_months('2015-01-31', 1)", "2015-02-28"),
    ("add_months('2015-03-31', -1)", "2015-02-28"),
    ("add_days('2014-12-31', '1')", "2015-01-01"),
    ("add_days('2014-12-31 10:00', -31)", "2014-11-30T10:00:00+00:00"),
    ("add_hours('2014-06-07', 1)", "2014-06-07T01:00:00+00:00"),
    ("add_hours('2014-06-07T17:00:00+02:00', 1.5)", "2014-06-07T16:30:00+00:00"),
    ("add_minutes('2014-06-07 17:00', -1)", "2014-06-07T16:59:00+00:00"),
    ("add_seconds('2014-06-07 17:00', 0.5)", "2014-06-07T17:00:00.500000+00:00"),
    ("add_seconds('2014-06-07', none)", None),
    ("fromtimestamp(0)", "1970-01-01T00:00:00+00:00"),
    ("fromtimestamp('1402160400')", "2014-06-07T17:00:00+00:00"),
    ("fromtimestamp(-1.5)", "1969-12-31T23:59:58.500000+00:00"),
    ('quartertodaterange("2014Q2")', "2014-04-01 / 2014-06-30"),
    ("quartertodaterange('2015-q4')", "2015-10-01 / 2015-12-31"),
    ('datediff("2014-02-28","2015-02-28","day")', 365),
    ("datediff('2014-02-28', '2015-02-28', 'year')", 1),
    ("datediff('2014-02-28', '2015-02-27', 'year')", 0),
    ("datediff('2015-02-28', '2014-02-27', 'year')", -1),
    ("datediff('2014-01-31', '2014-02-28', 'month')", 1),
    ("datediff('2014-01-15', '2014-03-14', 'Month')", 1),
    ("datediff('2014-06-08', '2014-06-07T12:00:00Z', 'day')", 0),
    ("datediff('2014-06-08', '2014-06-07T12:00:00Z', 'hour')", -12),
    ("datediff('2014-06-07 10:00:00', '2014-06-07 10:01:59', 'minute')", 1),
    ("datediff('2014-06-07 10:00:00', '2014-06-07 10:01:59', 'second')", 119),
    ("datediff(none, '2014-06-07', 'day')", None),
    # geo
    ("distance(km, north)", pytest.approx(1000, abs=0.1)),
    ("distance('48,2', '48,2')", 0.0),
    ('distance(\'{"type": "Point", "coordinates": [2, 48]}\', km)', 0.0),
    ("distance('90,0', '-90,0')", pytest.approx(20_015_115, abs=1)),
    ("distance(none, km)", None),
    ("geopoint2d_towgs84('48500,2250', 1)", GeoPoint.at(48.5, 2.25)),
    ("geopoint2d_towgs84(metres, '1')", GeoPoint.at(1, 2)),
    ("geoshape_towgs84(square, 1)", {**RECORD["square"], "moved": 1}),
    ("geoshape_towgs84(feature, 1)", {"type": "Point", "coordinates": [1, 2], "moved": 1}),
    ("geoshape_towgs84(none, 1)", None),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_function_computes_its_value(text, expected):
    """The reference's examples, and the edges."""
    value = value_of(text, RECORD)

    assert value == expected
    assert not isinstance(expected, (bool, int, float, str)) or type(value) is type(expected)


def test_every_function_has_a_row():
    """A function without one is not proven."""
    called = {node.name for text, _ in TABLE for node, _ in walk(parse(f"={text}")) if isinstance(node, Call)}

    assert called == set(FUNCTIONS)


def test_there_are_85_functions():
    """70 current ones and 15 of older documentation (reference: processors, section 5.3)."""
    assert len(FUNCTIONS) == 85


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_in_the_guide(name):
    """With its parameters, as they are declared."""
    assert f"`{FUNCTIONS[name].written(name)}`" in GUIDE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rjust('a', 5, 'xy')", "is one character"),
        ("rjust('a', 1000000000, ' ')", "1,000,000 characters"),
        ("left('a', 1.5)", "1.5 is not an integer"),
        ("sqrt(-1)", "sqrt(-1) has no result"),
        ("acos(2)", "acos(2) has no result"),
        ("gamma(-1)", "gamma(-1) has no result"),
        ("gamma(200)", "gamma(200) is too large"),
        ("log('x')", '"x" is not a number'),
        ("factorial(-1)", "-1 is not an integer from 0 to 170"),
        ("mod(1, 0)", "division by zero"),
        ("gcd(1.5, 2)", "1.5 is not an integer"),
        ("year(2014)", "2014 is not a date"),
        ("year('2014-02-30')", '"2014-02-30" is not a date'),
        ("hour('2014-06-07 17:00', 'Mars/Olympus')", 'no time zone "Mars/Olympus"'),
        ("hour('2014-06-07 17:00', '../UTC')", 'no time zone "../UTC"'),
        ("add_days('2014-06-07', 1.5)", "1.5 is not an integer"),
        ("add_years('2014-06-07', 1000)", "the year 3014 is not between 1900 and 2299"),
        ("add_days('2014-06-07', 10 ^ 12)", "is too large"),
        ("add_hours('2299-12-31', 24)", "the year 2300 is not between"),
        ("fromtimestamp(10 ^ 15)", "is too large"),
        ("quartertodaterange('2014Q5')", '"2014Q5" is not a quarter'),
        ("datediff('2014-06-07', '2014-06-08', 'week')", '"week" is not a unit'),
        ("distance('a', 'b')", '"a" is not a point'),
        ("distance('91,0', '0,0')", "latitude 91 or longitude 0 is out of range"),
        ("geopoint2d_towgs84('1,2', 0)", "there is no system 0"),
        ("geopoint2d_towgs84('nan,2', 1)", '"nan,2" is not a point'),
        ("geopoint2d_towgs84('99000,2', 1)", "latitude 99 or longitude 0.002 is out of range"),
        ("geoshape_towgs84('POINT(1 2)', 1)", '"POINT(1 2)" is not a GeoJSON geometry'),
        ("geoshape_towgs84(square, 0)", "there is no system 0"),
    ],
)
def test_a_function_without_a_result_says_why(text, sentence):
    """One sentence, with the value to blame."""
    with pytest.raises(ExpressionError) as caught:
        value_of(text, RECORD)

    assert sentence in str(caught.value)


@given(st.dates(date(1905, 1, 1), date(2290, 1, 1)), st.integers(-50, 50))
def test_the_months_that_were_added_lie_between(day, months):
    """The difference is the greatest number of months that can be added without passing the end."""
    record = {"a": day.isoformat(), "n": months}

    assert value_of("datediff(a, add_months(a, n), 'month')", record) == months


@given(st.text(max_size=12), st.integers(-3, 15))
def test_left_and_right_make_a_text_together(text, n):
    """Cutting loses nothing."""
    record = {"t": text, "n": max(n, 0), "rest": max(len(text) - max(n, 0), 0)}

    assert value_of("left(t, n) & right(t, rest)", record) == text


@given(st.floats(-1e15, 1e15), st.integers(0, 6))
def test_rounding_is_nearest(x, places):
    """And changes nothing the second time."""
    once = value_of("round(x, n)", {"x": x, "n": places})

    assert abs(once - x) <= 0.5 * 10.0**-places + abs(x) * 1e-15
    assert value_of("round(x, n)", {"x": once, "n": places}) == once
