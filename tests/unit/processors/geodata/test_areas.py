"""Which area is this point in, and what does an area look like?"""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from processors.geodata.areas import Area, Areas

WEST = shapely.box(0, 0, 1, 1)
EAST = shapely.box(1, 0, 2, 1)
RING = shapely.box(10, 10, 20, 20).difference(shapely.box(14, 14, 16, 16))
ISLANDS = shapely.MultiPolygon([shapely.box(-10, 0, -9, 1), shapely.box(30, 0, 31, 1)])
GEOMETRIES = np.array([WEST, EAST, RING, ISLANDS], dtype=object)
NAMED = [Area(index, name[0], name) for index, name in enumerate(("West", "East", "Ring", "Islands"))]


@pytest.fixture(scope="module")
def areas():
    return Areas(NAMED, GEOMETRIES, tolerance_deg=0)


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (0.5, 0.5, "West"),
        (0.5, 1.5, "East"),
        (12, 12, "Ring"),
        (0.5, -9.5, "Islands"),
        (0.5, 30.5, "Islands"),
    ],
)
def test_a_point_is_in_the_area_around_it(areas, lat, lon, name):
    """Each part of an area counts."""
    assert areas.locate(lat, lon).name == name


@pytest.mark.parametrize(("lat", "lon"), [(15, 15), (0.5, 10), (80, 0), (-90, -180), (90, 180)])
def test_a_point_outside_or_in_a_hole_is_nowhere(areas, lat, lon):
    """Between islands is sea, too."""
    assert areas.locate(lat, lon) is None


def test_a_point_on_a_common_border_is_in_the_first_area(areas):
    """The answer must not depend on the order in which an index finds candidates."""
    assert areas.locate(0.5, 1.0).name == "West"


@given(st.floats(-2, 22), st.floats(-12, 32))
def test_a_point_is_found_as_without_an_index(lat, lon):
    """The index and the splitting into parts only save time."""
    point = shapely.Point(lon, lat)
    expected = next((NAMED[index] for index, one in enumerate(GEOMETRIES) if one.covers(point)), None)

    assert Areas(NAMED, GEOMETRIES, tolerance_deg=0).indexed().locate(lat, lon) == expected


def test_a_shape_is_geojson_with_five_decimals():
    """Lists, longitude first; the shape in full detail is not what is handed out."""
    thirds = Areas(NAMED[:1], np.array([shapely.box(0, 0, 1 / 3, 2 / 3)], dtype=object), tolerance_deg=0)

    found = thirds.shape(thirds.areas[0])

    assert found["type"] == "Polygon"
    assert sorted(map(tuple, found["coordinates"][0][:-1])) == [
        (0.0, 0.0),
        (0.0, 0.66667),
        (0.33333, 0.0),
        (0.33333, 0.66667),
    ]


def test_neighbours_keep_a_common_border_when_simplified():
    """Simplified one by one they would overlap, and leave gaps."""
    zigzag = [(1 + 0.01 * (step % 2), step / 100) for step in range(101)]
    west = shapely.Polygon([(0, 1), (0, 0), *zigzag])
    east = shapely.Polygon([(2, 0), (2, 1), *reversed(zigzag)])
    areas = Areas(NAMED[:2], np.array([west, east], dtype=object), tolerance_deg=0.05)

    left, right = (shape(areas.shape(area)) for area in areas.areas)

    assert len(left.exterior.coords) < 10
    assert left.intersection(right).area == pytest.approx(0, abs=1e-9)
    assert left.union(right).area == pytest.approx(west.area + east.area, rel=1e-3)


def test_a_broken_outline_is_mended():
    """Natural Earth has one."""
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    areas = Areas(NAMED[:1], np.array([bow_tie], dtype=object), tolerance_deg=0)

    assert shape(areas.shape(areas.areas[0])).is_valid
    assert areas.locate(0.5, 0.9) == areas.areas[0]
    assert areas.locate(0.9, 0.5) is None
