import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.degrees import MAX_TEXT, parse_degrees

LATITUDES = st.tuples(st.integers(0, 89), st.integers(0, 59), st.integers(0, 59))
LONGITUDES = st.tuples(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59))
MARKS = st.sampled_from(["\u00b0'\"", "^'\"", "*'\"", "\u00b0\u2032\u2033", "\u00b0\u2019\u201d", "   "])
SEPARATORS = st.sampled_from([" ", ";", "/", " ; ", " / ", ", "])
SOUTH = st.sampled_from(["S", "s", "South", "SUD"])
WEST = st.sampled_from(["W", "o", "West", "Ouest"])


def degrees(parts):
    return parts[0] + parts[1] / 60 + parts[2] / 3600


def written(parts, marks):
    return "".join(f"{number}{mark}" for number, mark in zip(parts, marks, strict=True))


@given(LATITUDES, LONGITUDES, MARKS, SEPARATORS, SOUTH, WEST, st.booleans())
def test_directions_marks_and_separators_go_together_in_every_way(
    lat, lon, marks, separator, south, west, first
):
    """Any mark with any separator, the direction before or behind, in English or French."""
    one, other = written(lat, marks).strip(), written(lon, marks).strip()
    text = f"{south} {one}{separator}{west} {other}" if first else f"{one} {south}{separator}{other} {west}"

    assert parse_degrees(text) == pytest.approx((-degrees(lat), -degrees(lon)))


@given(LATITUDES, LONGITUDES, MARKS, SEPARATORS, st.sampled_from("+-\u2212"), st.sampled_from("+-\u2212"))
def test_signs_say_the_same_as_directions(lat, lon, marks, separator, sign, other_sign):
    """Minus is south and west, plus north and east."""
    text = f"{sign}{written(lat, marks)}{separator}{other_sign}{written(lon, marks)}"
    expected = (degrees(lat) * (1 if sign == "+" else -1), degrees(lon) * (1 if other_sign == "+" else -1))

    assert parse_degrees(text) == pytest.approx(expected)


@given(LATITUDES, LONGITUDES, MARKS, SEPARATORS, SOUTH, WEST)
def test_the_longitude_may_come_first_when_directions_say_so(lat, lon, marks, separator, south, west):
    """Order is a habit, a direction is a fact."""
    text = f"{written(lon, marks)}{west}{separator}{written(lat, marks)}{south}"

    assert parse_degrees(text) == pytest.approx((-degrees(lat), -degrees(lon)))


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_decimal_degrees_are_read_as_written(lat, lon):
    """What was converted once is not changed by converting it again."""
    assert parse_degrees(f"{lat:.9f},{lon:.9f}") == (float(f"{lat:.9f}"), float(f"{lon:.9f}"))


@given(st.text(max_size=30) | st.text("0123456789NSEWO+-.,;/ \u00b0'\"", max_size=30))
def test_any_text_is_a_place_or_a_sentence(text):
    """Nothing but ValueError comes out."""
    try:
        lat, lon = parse_degrees(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends are fine
    else:
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180


def test_a_long_text_is_refused_before_it_is_read():
    """The bound comes before the work."""
    with pytest.raises(ValueError, match="too long"):
        parse_degrees("1 " * MAX_TEXT)
