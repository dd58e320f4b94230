import struct

import orjson
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.wkb import decoded

NUMBERS = st.floats(-1e6, 1e6)
POSITIONS = st.tuples(NUMBERS, NUMBERS)
LINES = st.lists(POSITIONS, min_size=2, max_size=5)
RINGS = st.lists(POSITIONS, min_size=3, max_size=5).map(lambda ring: [*ring, ring[0]])
SIMPLE = st.one_of(
    POSITIONS.map(shapely.Point),
    LINES.map(shapely.LineString),
    RINGS.map(shapely.Polygon),
    st.lists(POSITIONS, max_size=3).map(shapely.MultiPoint),
    st.lists(LINES, max_size=3).map(shapely.MultiLineString),
    st.lists(RINGS.map(shapely.Polygon), max_size=3).map(shapely.MultiPolygon),
)
SHAPES = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=3).map(shapely.GeometryCollection), max_leaves=5
)


@given(
    SHAPES, st.sampled_from([0, 1]), st.sampled_from(["iso", "extended"]), st.sampled_from([0, 4326, 2154])
)
def test_a_shape_is_decoded_as_it_was_encoded(shape, byte_order, flavor, srid):
    """In either byte order, of either flavour, with and without an SRID."""
    has_srid = srid > 0 and flavor == "extended"
    data = shapely.to_wkb(
        shapely.set_srid(shape, srid), byte_order=byte_order, flavor=flavor, include_srid=has_srid
    )

    assert decoded(data) == (orjson.loads(shapely.to_geojson(shape)), srid if has_srid else 0)


@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_heights_are_kept_and_measures_left_out(flavor):
    """GeoJSON has no place for a measure."""
    for text, expected in [("Z (1 2 3)", [1, 2, 3]), ("M (1 2 3)", [1, 2]), ("ZM (1 2 3 4)", [1, 2, 3])]:
        data = shapely.to_wkb(shapely.from_wkt(f"POINT {text}"), flavor=flavor, output_dimension=4)

        assert decoded(data)[0]["coordinates"] == expected


@given(SHAPES.map(shapely.to_wkb), st.data())
def test_damaged_bytes_are_a_shape_or_a_sentence(data, draw):
    """Nothing but ValueError comes out, and no count makes it allocate."""
    at = draw.draw(st.integers(0, len(data) - 1))
    damaged = data[:at] + draw.draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
    for bytes_ in (damaged, data[:at]):
        try:
            decoded(bytes_)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - both ends are fine


def test_collections_in_collections_end_with_a_sentence_and_not_with_the_process():
    """GEOS 3.14 dies of this one."""
    data = struct.pack("<BII", 1, 7, 1) * 200_000

    with pytest.raises(ValueError, match="nested more than 8 deep"):
        decoded(data)
