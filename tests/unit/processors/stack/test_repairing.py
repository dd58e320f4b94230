from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.geometry import quiet, shape_of
from processors.stack.repairing import repaired

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

    with pytest.raises(ValueError, match="cross itself too often"):
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


def test_thousands_of_islands_are_corrected_in_little_time():
    """GEOS takes a minute and a half for twice as many, as it compares each with each."""
    islands = [[[[i, 0], [i + 0.5, 0], [i + 0.5, 1], [i, 0]]] for i in range(20_000)]
    bow_tie = [[[-1, 0], [-3, 2], [-1, 2], [-3, 0], [-1, 0]]]
    started = perf_counter()

    fixed = repaired({"type": "MultiPolygon", "coordinates": [*islands, bow_tie]})

    assert len(fixed["coordinates"]) == len(islands) + 2
    assert perf_counter() - started < 10


def test_parts_that_overlap_are_united_and_others_left_alone():
    """A part inside another one is part of it."""
    squares = [
        [[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]]
        for x, y, size in [(0, 0, 10), (5, 5, 10), (1, 1, 2), (100, 0, 1)]
    ]

    fixed = repaired({"type": "MultiPolygon", "coordinates": squares})

    assert len(fixed["coordinates"]) == 2
    assert shape_of(fixed).area == 100 + 100 - 25 + 1


def test_parts_in_parts_without_end_are_refused():
    """Each pair of them overlaps."""
    squares = [[[[-n, -n], [n, -n], [n, n], [-n, n], [-n, -n]]] for n in range(1, 3000)]

    with pytest.raises(ValueError, match="too many parts of the shape overlap"):
        repaired({"type": "MultiPolygon", "coordinates": squares})
