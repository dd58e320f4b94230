import orjson
import pytest
from hypothesis import given

from processors.stack.geojson import (
    MAX_LEVELS,
    MAX_TEXT,
    flat,
    geometry_of,
    lines_changed,
    positions_changed,
    positions_of,
    shown,
)
from tests.unit.processors.stack.odd_values import VALUES

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 0]]
POINT = {"type": "Point", "coordinates": [1, 2]}


def collection(*members):
    return {"type": "GeometryCollection", "geometries": list(members)}


SHAPES = [
    POINT,
    {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4, 5]]},
    {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
    {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], []]},
    {"type": "Polygon", "coordinates": [SQUARE, SQUARE]},
    {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]},
    collection(POINT, collection(POINT)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["type"])
def test_a_geometry_is_read_in_all_its_forms(shape):
    """As an object, as a Feature, and as JSON text of either."""
    feature = {"type": "Feature", "properties": None, "geometry": shape}

    assert geometry_of(shape) is shape
    assert geometry_of(feature) is shape
    assert geometry_of(orjson.dumps(shape).decode()) == shape
    assert geometry_of(f" {orjson.dumps(feature).decode()}") == shape


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["type"])
def test_changing_positions_or_lines_into_themselves_changes_nothing(shape):
    """What walks through a geometry does not lose any of it."""
    assert positions_changed(shape, lambda position: position) == shape
    assert lines_changed(shape, lambda line, _: line) == shape


def test_positions_come_in_the_order_in_which_they_are_changed():
    """So that changes can be computed for all of them at once."""
    for shape in SHAPES:
        seen = []
        positions_changed(shape, lambda position, seen=seen: seen.append(position) or position)

        assert seen == positions_of(shape)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e10, True, None, "1", 2**80])
def test_what_is_no_number_of_a_sensible_size_is_no_coordinate(value):
    """NaN and infinity would spread through everything computed from them."""
    with pytest.raises(ValueError, match="no position of a shape"):
        geometry_of({"type": "Point", "coordinates": [0, value]})


def test_collections_are_not_nested_without_end():
    """Libraries follow them until their stack ends."""
    nested = POINT
    for _ in range(MAX_LEVELS):
        nested = collection(nested)

    assert len(positions_of(nested)) == 1
    with pytest.raises(ValueError, match="nested more than 8 deep"):
        geometry_of(collection(nested))


def test_text_of_any_length_is_not_parsed():
    """The bound comes before the work."""
    with pytest.raises(ValueError, match="characters"):
        geometry_of(" " * (MAX_TEXT + 1))


def test_a_flat_shape_has_no_heights_and_closed_rings():
    """That is what GEOS takes."""
    ring = [[0, 0, 5], [1, 0], [1, 1, 5]]

    assert flat({"type": "Polygon", "coordinates": [ring]}) == {"type": "Polygon", "coordinates": [SQUARE]}


def test_lines_that_are_too_short_are_left_out_of_a_flat_shape():
    """GEOS refuses a line of one position and a ring of three."""
    lines = {"type": "MultiLineString", "coordinates": [[[0, 0]], [[0, 0], [1, 1]]]}

    assert flat(lines) == {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]}
    assert flat({"type": "LineString", "coordinates": [[0, 0]]}) is None
    assert flat({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]], SQUARE]}) is None
    assert flat(collection({"type": "LineString", "coordinates": []})) is None


@given(VALUES)
def test_any_value_is_a_checked_geometry_or_a_sentence(value):
    """Nothing but ValueError comes out, and what comes out can be walked through."""
    try:
        shape = geometry_of(value)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends are fine
    else:
        assert positions_of(shape) is not None


@given(VALUES)
def test_any_value_can_be_shown(value):
    """Whatever it is, it fits a sentence that can be stored."""
    assert len(shown(value)) <= 60
    shown(value).encode()
