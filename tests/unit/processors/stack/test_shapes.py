from hypothesis import given
from hypothesis import strategies as st

from processors.stack.shapes import CorrectGeoShape, SimplifyGeoShape
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands

PROCESSORS = [
    CorrectGeoShape(geoshape_field="a"),
    SimplifyGeoShape(tolerance=0.1, field="a"),
    SimplifyGeoShape(tolerance=0.1),
]
COORDINATES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=20,
)
KINDS = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
ALMOST = st.one_of(
    st.builds(dict, type=st.sampled_from(KINDS), coordinates=COORDINATES),
    st.builds(dict, type=st.just("GeometryCollection"), geometries=COORDINATES),
)


@given(st.sampled_from(PROCESSORS), RECORDS)
def test_any_record_has_an_outcome(processor, records):
    """No value ends in an exception, and none is changed in its place."""
    assert_stands(processor, records)


@given(st.sampled_from(PROCESSORS), ALMOST)
def test_what_is_nearly_a_shape_has_an_outcome(processor, shape):
    """The same for values that look like shapes."""
    feature = {"type": "Feature", "geometry": shape}

    assert processor.compiled()([{"a": shape}, {"a": feature}], [1, 2])


def test_what_is_written_in_place_is_an_output_where_it_is_known():
    """So that a shape that could not be corrected is not taken for one that was."""
    assert CorrectGeoShape(geoshape_field="a").outputs() == ("a",)
    assert SimplifyGeoShape(tolerance=1, field="a").outputs() == ("a",)
    assert SimplifyGeoShape(tolerance=1).outputs() is None
