import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from headwater.domain.errors import InvalidDocument
from processors.stack.geojson import MAX_POSITIONS
from processors.stack.projections import (
    MAX_SYSTEMS,
    _to_wgs84,
    check_epsg,
    check_parameter,
    point_to_wgs84,
    shape_to_wgs84,
)

LAMBERT_93 = 2154
WEB_MERCATOR = 3857


@pytest.mark.parametrize("code", [4326, 3857, 2154, 2056, 27700, 4979, 7415])
def test_a_system_of_positions_on_a_map_can_be_used(code):
    """Geographic, projected and compound systems alike."""
    check_epsg(code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (999_999, "there is no coordinate reference system EPSG:999999"),
        (5773, "no system of positions on a map"),
        (4978, "no system of positions on a map"),
        (0, "not an EPSG code"),
        (-4326, "not an EPSG code"),
        (2**70, "not an EPSG code"),
        (True, "not an EPSG code"),
        ("4326", "not an EPSG code"),
    ],
)
def test_another_code_is_refused_with_a_sentence(code, message):
    """Heights and positions from the centre of the Earth are no places on a map."""
    with pytest.raises(ValueError, match=message):
        check_epsg(code)


def test_a_parameter_that_is_no_system_is_named():
    """The check of a stack says which parameter is wrong."""
    with pytest.raises(InvalidDocument) as caught:
        check_parameter("source_epsg", 1)

    assert caught.value.field == "source_epsg"


def test_x_comes_before_y_whatever_the_definition_says():
    """EPSG defines New Zealand's grid with the northing first; here the easting always is."""
    lat, lon = point_to_wgs84(1748735.6, 5427924.2, 2193)

    assert (round(lat, 3), round(lon, 3)) == (-41.286, 174.776)


@given(st.floats(41.5, 51), st.floats(-4.5, 9.5))
def test_a_projection_there_and_back_is_the_same_place(lat, lon):
    """Within a ten-thousandth of a second of arc."""
    forth = Transformer.from_crs(4326, LAMBERT_93, always_xy=True)

    found = point_to_wgs84(*forth.transform(lon, lat), LAMBERT_93)

    assert found == pytest.approx((lat, lon), abs=3e-8)


@given(st.floats(), st.floats(), st.sampled_from([4326, LAMBERT_93, WEB_MERCATOR, 28992]))
def test_a_position_is_on_earth_or_refused(x, y, epsg):
    """No number of any size ends in infinity, in NaN or in another exception."""
    try:
        lat, lon = point_to_wgs84(x, y, epsg)
    except ValueError as error:
        assert "is no position of" in str(error)  # noqa: PT017 - both ends are fine
    else:
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180


@pytest.mark.parametrize("x", [None, "1", True, 10**400, float("nan"), float("inf"), [1]])
def test_what_is_no_coordinate_is_refused(x):
    """Callers may hand over what a record holds."""
    with pytest.raises(ValueError, match="is no position of EPSG:4326"):
        point_to_wgs84(x, 1, 4326)


def test_a_shape_keeps_its_form_and_its_heights():
    """Only the first two numbers of a position change."""
    polygon = {"type": "Polygon", "coordinates": [[[0, 0, 7], [111_319.490_793, 0], [0, 1], [0, 0, 7]]]}
    shape = {"type": "GeometryCollection", "geometries": [polygon, {"type": "Point", "coordinates": []}]}

    moved = shape_to_wgs84(shape, WEB_MERCATOR)

    ring = moved["geometries"][0]["coordinates"][0]
    assert [len(position) for position in ring] == [3, 2, 2, 3]
    assert ring[0] == [0, 0, 7]
    assert ring[1] == pytest.approx([1, 0])
    assert moved["geometries"][1] == {"type": "Point", "coordinates": []}
    assert polygon["coordinates"][0][1] == [111_319.490_793, 0]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        5,
        {"type": "Point"},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": [10**400, 1]},
        {"type": "Polygon", "coordinates": [[1, 2]]},
        {"type": ["Point"], "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": None},
        {"type": "LineString", "coordinates": [[0, 0], [0, 100]]},
        {"type": "MultiPoint", "coordinates": [[0, 0]] * (MAX_POSITIONS + 1)},
    ],
)
def test_what_is_no_shape_on_earth_is_refused(shape):
    """Neither a shape of another kind, nor one off the globe, nor one beyond the bound."""
    with pytest.raises(ValueError, match=r"."):
        shape_to_wgs84(shape, 4326)


def test_systems_kept_ready_are_bounded():
    """An expression may take its code from a field; that must not grow the process."""
    assert _to_wgs84.cache_info().maxsize == MAX_SYSTEMS
