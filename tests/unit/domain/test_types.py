"""How values of each declared type are read, stored and spelt."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.types import (
    READERS,
    FieldType,
    number_text,
    read_boolean,
    read_date,
    read_datetime,
    read_double,
    read_file,
    read_geo_point,
    read_geo_shape,
    read_int,
    read_text,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2014/01/27T04:15:00", "2014-01-27 04:15:00.000000"),
        ("2014-01-27T04:15:00Z", "2014-01-27 04:15:00.000000"),
        ("2014-01-27T06:15:00+02:00", "2014-01-27 04:15:00.000000"),
        ("2014-01-27T06:15:00+0200", "2014-01-27 04:15:00.000000"),
        ("20140127T041500Z", "2014-01-27 04:15:00.000000"),
        ("2014-01-27-04:15:00", "2014-01-27 04:15:00.000000"),
        ("2015/02/11-08:09:10", "2015-02-11 08:09:10.000000"),
        ("2014-01-27 04:15:00", "2014-01-27 04:15:00.000000"),
        ("2014-01-27T04:15:00.123456", "2014-01-27 04:15:00.123456"),
        ("2014-01-27", "2014-01-27 00:00:00.000000"),
    ],
)
def test_datetimes_that_are_read(value, stored):
    """Every documented form, in UTC."""
    assert read_datetime(value).stored == stored


def test_equal_moments_are_spelt_alike():
    """Time zones do not change which record it is."""
    assert read_datetime("2014-01-27T06:15:00+02:00").spelt == read_datetime("2014/01/27T04:15:00").spelt


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2014-13-01T00:00:00",
        "1066-10-14T09:00:00",
        1390796100,
        None,
        "",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_datetimes_that_are_refused(value):
    """No guessing, and nothing outside what the store holds."""
    with pytest.raises(ValueError, match=r"."):
        read_datetime(value)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2020-05-26", "2020-05-26"),
        ("2020/05/26", "2020-05-26"),
        ("05/06/2020", "2020-05-06"),
        ("26/05/2020", "2020-05-26"),
        ("2020-05-26T23:30:00-02:00", "2020-05-27"),
    ],
)
def test_dates_that_are_read(value, stored):
    """ISO first, then month first unless that cannot be."""
    assert read_date(value).stored == stored


@pytest.mark.parametrize(
    ("value", "stored"),
    [(5, 5), (5.9, 5), (-5.9, -5), ("150", 150), ("150.7", 150), (True, 1), ("1 500", 1500)],
)
def test_integers_that_are_read(value, stored):
    """A decimal is cut to its integer part."""
    assert read_int(value).stored == stored


@pytest.mark.parametrize("value", ["12a", 2**63, -(2**63) - 1, 1e300, [], {}, "nan", "inf", "1_000"])
def test_integers_that_are_refused(value):
    """Letters, and whatever does not fit 64 bits."""
    with pytest.raises(ValueError, match=r"."):
        read_int(value)


@pytest.mark.parametrize(("value", "stored"), [(5, 5.0), ("1,5", 1.5), ("1 234.5", 1234.5), ("1e3", 1000.0)])
def test_decimals_that_are_read(value, stored):
    """A comma is a decimal mark, a space stands between thousands."""
    assert read_double(value).stored == stored


def test_whole_decimals_are_spelt_as_integers():
    """150 and 150.0 are the same record."""
    assert read_double(150.0).spelt == 150
    assert isinstance(read_double(150.0).spelt, int)
    assert read_double(1.5).spelt == 1.5


@pytest.mark.parametrize(
    ("value", "stored"), [(True, True), ("Yes", True), ("0", False), (1, True), ("false", False)]
)
def test_booleans_that_are_read(value, stored):
    """JSON booleans and the documented words."""
    assert read_boolean(value).stored is stored


@pytest.mark.parametrize(
    "value",
    [
        "48.85,2.35",
        [48.85, 2.35],
        {"lat": 48.85, "lon": 2.35},
        {"type": "Point", "coordinates": [2.35, 48.85]},
    ],
)
def test_points_that_are_read(value):
    """Text, v1 output, v2.1 output and GeoJSON, whose order is lon, lat."""
    assert read_geo_point(value).stored == {"lat": 48.85, "lon": 2.35}


@pytest.mark.parametrize("value", ["91,0", "0,181", "here", [1], "1,2,3", {"lat": None, "lon": 1}])
def test_points_that_are_refused(value):
    """Two numbers, on the globe."""
    with pytest.raises(ValueError, match=r"."):
        read_geo_point(value)


def test_a_feature_gives_its_geometry():
    """Geo shapes come as geometry, Feature, or JSON text of either."""
    point = {"type": "Point", "coordinates": [1, 2]}
    expected = '{"coordinates":[1,2],"type":"Point"}'
    assert read_geo_shape(point).stored == expected
    assert read_geo_shape({"type": "Feature", "geometry": point}).stored == expected
    assert read_geo_shape('{"type":"Point","coordinates":[1,2]}').stored == expected


def test_a_file_is_spelt_by_its_content():
    """The same bytes are the same file, whatever their name."""
    one = read_file({"content": "aGVsbG8=", "content-type": "text/plain", "filename": "a"})
    other = read_file({"content": "aGVsbG8=", "content_type": "text/plain"})
    assert one.spelt == other.spelt == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
    with pytest.raises(ValueError, match=r"."):
        read_file({"content": "%%%", "content-type": "text/plain"})


@pytest.mark.parametrize(
    ("value", "stored"),
    [("a", "a"), (["a", "b"], "a;b"), ({"a": 1}, '{"a":1}'), (150.0, "150"), (True, "true"), (1e21, "1e21")],
)
def test_text_takes_anything(value, stored):
    """Strings as they are, lists of strings joined, other JSON as its text."""
    assert read_text(value).stored == stored


@given(JSON, st.sampled_from(list(FieldType)))
def test_readers_answer_or_say_why(value, field_type):
    """Any JSON value is read, or refused with a ValueError; nothing else escapes."""
    with suppress(ValueError):
        READERS[field_type](value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_reads_back(number):
    """No digit is lost in the text of a decimal."""
    assert float(number_text(number)) == number
