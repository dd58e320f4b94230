from time import perf_counter

import orjson
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.geojson import positions_of
from processors.stack.geometry import PIECE, from_text, quiet, repaired, shape_of, simplified

NUMBERS = st.integers(-100, 100) | st.floats(-100, 100)
POSITIONS = st.lists(NUMBERS, min_size=2, max_size=2)
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


@given(SHAPES)
def test_a_corrected_shape_is_valid_and_correcting_it_again_changes_nothing(shape):
    """Whatever was drawn; or else there is a sentence that says that nothing is left."""
    try:
        once = repaired(shape)
    except ValueError as error:
        assert "left when it is corrected" in str(error) or "cannot be" in str(error)  # noqa: PT017
    else:
        with quiet():
            assert shape_of(once).is_valid
        assert repaired(once) == once


def test_a_bow_tie_keeps_its_area():
    """It becomes two triangles."""
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}

    fixed = repaired(bow_tie)

    assert fixed["type"] == "MultiPolygon"
    assert shape_of(fixed).area == 2


def scribble(count):
    places = [(i * 7919 % 1009, i * 104_729 % 1013) for i in range(count)]
    return {"type": "Polygon", "coordinates": [[list(map(float, place)) for place in places]]}


def test_a_shape_that_crosses_itself_without_end_is_refused_at_once():
    """A thousand random positions take GEOS three seconds, three thousand half a minute and 2 GB."""
    assert repaired(scribble(100))
    started = perf_counter()

    with pytest.raises(ValueError, match="cross itself more than 50000 times"):
        repaired(scribble(5000))

    assert perf_counter() - started < 5


def test_many_islands_do_not_count_as_crossings():
    """What lies between two parts of a shape is no line of it."""
    islands = [
        [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y]]] for x in range(0, 200, 2) for y in range(0, 100, 2)
    ]
    bow_tie = [[[-9, 0], [-7, 2], [-7, 0], [-9, 2], [-9, 0]]]

    fixed = repaired({"type": "MultiPolygon", "coordinates": [*islands, bow_tie]})

    assert len(fixed["coordinates"]) == len(islands) + 2


@given(SHAPES, st.floats(0, 50))
def test_a_simplified_shape_has_a_part_of_the_positions_in_their_order(shape, tolerance):
    """Nothing is moved and nothing is made up."""
    thin = simplified(shape, tolerance)

    left = iter(positions_of(shape))
    assert all(any(position is other for other in left) for position in positions_of(thin))


@given(LINES, st.floats(0, 50))
def test_a_simplified_line_is_within_the_tolerance_and_keeps_its_ends(places, tolerance):
    """Douglas and Peucker's promise."""
    thin = simplified(line(*places), tolerance)

    assert thin["coordinates"][0] == places[0]
    assert thin["coordinates"][-1] == places[-1]
    with quiet():
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
