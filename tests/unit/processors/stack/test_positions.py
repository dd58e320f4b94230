from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.points import GeoPoint
from processors.stack.positions import EARTH_RADIUS_M, distance_m, moved, point_of
from tests.unit.processors.stack.odd_values import VALUES

LATS, LONS = st.floats(-90, 90), st.floats(-180, 180)


@pytest.mark.parametrize(
    "value",
    [
        GeoPoint.at(46.9, 7.4),
        "46.9,7.4",
        " 46.9 , 7.4 ",
        [46.9, 7.4],
        ["46.9", "7.4"],
        "[46.9, 7.4]",
        {"lat": 46.9, "lon": 7.4},
        {"type": "Point", "coordinates": [7.4, 46.9, 500]},
        '{"type":"Point","coordinates":[7.4,46.9]}',
        '{"lat":46.9,"lon":7.4}',
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [7.4, 46.9]}},
    ],
)
def test_a_point_is_read_in_all_its_forms(value):
    """Latitude first, but in GeoJSON."""
    assert point_of(value) == (46.9, 7.4)


@pytest.mark.parametrize(
    "value", ["x", "1,2,3", [1], {}, 5, True, None, "nan,1", [10**400, 1], "[1,", "{", "91,0"]
)
def test_what_is_no_point_is_refused(value):
    """With a sentence."""
    with pytest.raises(ValueError, match=r"point|out of range"):
        point_of(value)


@given(VALUES)
def test_any_value_is_a_point_on_earth_or_a_sentence(value):
    """Nothing but ValueError comes out."""
    try:
        lat, lon = point_of(value)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends are fine
    else:
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180


@given(LATS, LONS, LATS, LONS)
def test_a_distance_is_the_same_both_ways_and_at_most_half_around(lat, lon, other_lat, other_lon):
    """It is a distance on a sphere."""
    there = distance_m((lat, lon), (other_lat, other_lon))

    assert there == pytest.approx(distance_m((other_lat, other_lon), (lat, lon)), abs=1e-6)
    assert 0 <= there <= pi * EARTH_RADIUS_M


@given(st.floats(-89.9, 89.9), LONS, st.floats(1, 1e6), st.floats(0, 2 * pi))
def test_what_was_moved_is_as_far_away_as_it_was_moved(lat, lon, metres, bearing):
    """Across the poles and the date line, too."""
    target = moved((lat, lon), metres, bearing)

    assert -90 <= target[0] <= 90
    assert -180 <= target[1] <= 180
    assert distance_m((lat, lon), target) == pytest.approx(metres, rel=1e-6, abs=0.01)


def test_north_is_up_and_east_is_right():
    """Bearings run from north to east."""
    assert moved((0, 0), pi * EARTH_RADIUS_M / 180, 0) == pytest.approx((1, 0))
    assert moved((0, 0), pi * EARTH_RADIUS_M / 180, pi / 2) == pytest.approx((0, 1))
    assert moved((0, 179.5), pi * EARTH_RADIUS_M / 180, pi / 2) == pytest.approx((0, -179.5))
