from time import perf_counter

import orjson
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.geojson import positions_of
from processors.stack.geometry import PIECE, from_text, simplified

NUMBERS = st.integers(-100, 100) | st.floats(-100, 100)
POSITIONS = st.lists(NUMBERS, min_size=2, max_size=2)
WHOLE = st.lists(st.integers(-100, 100), min_size=2, max_size=2)
LINES = st.lists(POSITIONS, min_size=2, max_size=12)
RINGS = st.lists(POSITIONS, min_size=3, max_size=12).map(lambda ring: [*ring, ring[0]])
POLYGONS = st.lists(RINGS, min_size=1, max_size=3)
SHAPES = st.one_of(
    st.builds(dict, type=st.just("LineString"), coordinates=LINES),
    st.builds(dict, type=st.just("Polygon"), coordinates=POLYGONS),
    st.builds(dict, type=st.just("MultiPolygon"), coordinates=st.lists(POLYGONS, min_size=1, max_size=3)),
)


def line(*positions):
    return {"type": "LineString", "coordinates": list(map(list, positions))}


@given(SHAPES, st.floats(0, 50))
def test_a_simplified_shape_has_a_part_of_the_positions_in_their_order(shape, tolerance):
    """Nothing is moved and nothing is made up."""
    thin = simplified(shape, tolerance)

    left = iter(positions_of(shape))
    assert all(any(position is other for other in left) for position in positions_of(thin))


@given(st.lists(WHOLE, min_size=2, max_size=12), st.floats(0, 50))
def test_a_simplified_line_is_within_the_tolerance_and_keeps_its_ends(places, tolerance):
    """Douglas and Peucker's promise."""
    thin = simplified(line(*places), tolerance)

    assert thin["coordinates"][0] == places[0]
    assert thin["coordinates"][-1] == places[-1]
    distances = shapely.distance(shapely.LineString(thin["coordinates"]), shapely.points(places))
    assert all(distances <= tolerance + 1e-9)


def test_a_long_line_is_simplified_in_pieces_and_in_little_time():
    """GEOS calls itself once for each position of this one, and dies of 200,000."""
    count = 100_000
    zigzag = [[i * 1e-3, (-1) ** i * (count - i) * 1e-3] for i in range(count)]
    started = perf_counter()

    assert len(simplified(line(*zigzag), 1e-9)["coordinates"]) == count
    assert perf_counter() - started < 20
    straight = simplified(line(*([i, 0] for i in range(5 * PIECE))), 0.1)
    assert straight["coordinates"] == [[i, 0] for i in (0, 2000, 4000, 6000, 8000, 9999)]


@given(SHAPES)
def test_well_known_text_there_and_back_is_the_same_shape(shape):
    """WKT that shapely writes, with its sixteen digits, is read as what GeoJSON says."""
    text = shapely.to_wkt(shapely.from_geojson(orjson.dumps(shape)), rounding_precision=-1)

    found = shapely.from_geojson(orjson.dumps(from_text(text)))

    assert shapely.equals_identical(found, shapely.from_wkt(text))


@given(st.text(max_size=30) | st.text("POINT LINESTRINGEMPTYZM(),0123456789.-e", max_size=40))
def test_any_text_is_a_shape_or_a_sentence(text):
    """Nothing but ValueError comes out."""
    try:
        assert from_text(text)["type"]
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends are fine


def test_collections_in_text_end_with_a_sentence_and_not_with_the_process():
    """GEOS 3.14 dies of this one."""
    with pytest.raises(ValueError, match="more than 8 collections"):
        from_text("GEOMETRYCOLLECTION(" * 200_000)
