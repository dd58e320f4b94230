import polyline
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pygeohash import encode

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from processors.stack.geo_converters import (
    MAX_POLYLINE,
    ConvertDegrees,
    DecodeGooglePolyline,
    GeohashToGeojson,
    NormalizeProjectionReference,
    WktWkbToGeojson,
)
from processors.stack.outcomes import Failed
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, run

PROCESSORS = [
    ConvertDegrees(coordinates="a", output_field="X"),
    DecodeGooglePolyline(encoded_polyline="a", output_field="X"),
    GeohashToGeojson(geohash_field="a", output_field="X"),
    NormalizeProjectionReference(field="a", source_epsg=2154),
    NormalizeProjectionReference(field="a", source_epsg=4326),
    WktWkbToGeojson(wkt_wkb_field="a"),
]
LATS, LONS = st.floats(-90, 90), st.floats(-180, 180)
PLACES = st.tuples(LATS, LONS).map(lambda place: (round(place[0], 5), round(place[1], 5)))


@given(st.sampled_from(PROCESSORS), RECORDS)
def test_any_record_has_an_outcome(processor, records):
    """No value ends in an exception, and none is changed in its place."""
    assert_stands(processor, records)


@given(LATS, LONS, st.integers(1, 12))
def test_the_cell_of_a_geohash_holds_the_place_that_it_was_made_of(lat, lon, length):
    """Its edges belong to it."""
    (record,) = run(GeohashToGeojson(geohash_field="a", output_field="s"), {"a": encode(lat, lon, length)})

    west, south, east, north = shapely.bounds(shapely.Polygon(record["s"]["coordinates"][0]))
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


@given(st.lists(PLACES, min_size=2, max_size=20))
def test_a_polyline_there_and_back_is_the_same_line(places):
    """The format keeps five digits."""
    step = DecodeGooglePolyline(encoded_polyline="a", output_field="s")

    (record,) = run(step, {"a": polyline.encode(places)})

    assert record["s"]["coordinates"] == [pytest.approx([lon, lat], abs=1e-9) for lat, lon in places]


@pytest.mark.parametrize("text", ["_" * MAX_POLYLINE, "~" * 5000 + "??", "?" * (MAX_POLYLINE + 2)])
def test_a_polyline_without_end_is_refused_before_it_is_decoded(text):
    """The numbers of a line have a bound, or decoding one would take the square of its length."""
    (outcome,) = run(DecodeGooglePolyline(encoded_polyline="a", output_field="s"), {"a": text})

    assert isinstance(outcome, Failed)
    assert outcome.message.endswith("is not an encoded polyline")


def test_what_has_a_system_is_checked_when_it_is_saved():
    """Not when the first record comes."""
    with pytest.raises(InvalidDocument, match="source_epsg: there is no coordinate reference system"):
        NormalizeProjectionReference(field="a", source_epsg=1).check(None)

    NormalizeProjectionReference(field="a", source_epsg=2154).check(None)


@given(LATS, LONS)
def test_a_point_stays_a_point_and_a_shape_a_shape(lat, lon):
    """The two have different orders, and neither is mistaken for the other."""
    step = NormalizeProjectionReference(field="a", source_epsg=4326)
    shape = {"type": "Point", "coordinates": [lon, lat]}

    point, geometry = run(step, {"a": f"{lat!r},{lon!r}"}, {"a": shape})

    assert point["a"] == GeoPoint.at(lat, lon)
    assert point["a"].__class__ is GeoPoint
    assert geometry == {"a": shape}
