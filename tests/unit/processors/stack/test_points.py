from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from processors.stack.outcomes import Skipped
from processors.stack.points import CreateGeoPoint, GeoDistance, Geomasking, PolygonFiltering
from processors.stack.positions import distance_m, point_of
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, run

TRIANGLE = '{"type":"Polygon","coordinates":[[[0,0],[10,0],[0,10],[0,0]]]}'
PROCESSORS = [
    GeoDistance(coordinates_a="a", coordinates_b="b", output_field="X"),
    CreateGeoPoint(latitude="a", longitude="b", output_field="a"),
    CreateGeoPoint(latitude="a", longitude="b", source_epsg=2154, output_field="X"),
    Geomasking(field="a"),
    PolygonFiltering(point="a", polygon=TRIANGLE),
]
POINTS = st.builds(GeoPoint.at, st.floats(-89, 89), st.floats(-180, 180))
NEAR_POINTS = st.builds(GeoPoint.at, st.integers(-2, 12), st.integers(-2, 12))


@given(st.sampled_from(PROCESSORS), RECORDS)
def test_any_record_has_an_outcome(processor, records):
    """No value ends in an exception, and none is changed in its place."""
    assert_stands(processor, records)


@given(POINTS, st.integers(0, 2**63), st.floats(0, 5000), st.floats(1, 5000))
def test_a_masked_point_is_in_the_ring_and_the_same_each_time(point, version, near, width):
    """A replay gives the same place, between the two distances."""
    processor = Geomasking(field="p", minimum_distance=near, maximum_distance=near + width)

    (first,) = run(processor, {"p": point}, version=version)
    (again,) = run(processor, {"p": str(point)}, version=version)

    assert first == again
    assert first["p"].__class__ is GeoPoint
    assert near - 0.1 <= distance_m(point_of(point), point_of(first["p"])) <= near + width + 0.1


def test_masked_points_are_spread_evenly_over_the_ring():
    """Half of its area is within the radius that halves it, and a quarter lies in each quarter."""
    place = (48.85, 2.35)
    steps = [
        run(Geomasking(field="p"), {"p": "48.85,2.35"}, version=version)[0]["p"] for version in range(4000)
    ]

    inner = sum(distance_m(place, point_of(step)) ** 2 < (1000**2 + 3000**2) / 2 for step in steps)
    quarters = Counter((step["lat"] > place[0], step["lon"] > place[1]) for step in steps)

    assert 1850 < inner < 2150
    assert all(850 < count < 1150 for count in quarters.values())


def test_points_of_one_record_are_moved_in_different_ways():
    """Else two points of one version would keep their distance, which gives away more than each alone."""
    records = [{"p": "48,2"}, {"p": "48.001,2"}]

    one, other = (point_of(record["p"]) for record in run(Geomasking(field="p"), *records, version=7))

    assert distance_m(one, other) != pytest.approx(distance_m((48, 2), (48.001, 2)), rel=0.01)


def test_a_point_that_cannot_be_masked_is_not_published():
    """The field is an output, so it is emptied when the record goes on."""
    assert Geomasking(field="p").outputs() == ("p",)


@pytest.mark.parametrize("farthest", [500, 1000])
def test_the_maximum_distance_is_more_than_the_minimum(farthest):
    """Else there is no ring."""
    with pytest.raises(InvalidDocument, match="maximum_distance"):
        Geomasking(field="p", maximum_distance=farthest).check(None)

    Geomasking(field="p").check(None)


def test_a_system_is_looked_up_when_the_processor_is_saved():
    """Not when the first record comes."""
    with pytest.raises(InvalidDocument, match="source_epsg: there is no coordinate reference system EPSG:1"):
        CreateGeoPoint(latitude="a", longitude="b", source_epsg=1, output_field="p").check(None)

    CreateGeoPoint(latitude="a", longitude="b", source_epsg=2154, output_field="p").check(None)


@pytest.mark.parametrize(
    "shape",
    [
        '{"type":"Point","coordinates":[1,2]}',
        '{"type":"Polygon","coordinates":[]}',
        '{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}',
        '{"type":"Polygon","coordinates":[[0,0],[1,1]]}',
        '{"type":"GeometryCollection","geometries":[]}',
    ],
)
def test_a_filter_is_a_polygon(shape):
    """What has no inside is refused when the processor is saved."""
    with pytest.raises(InvalidDocument, match="polygon"):
        PolygonFiltering(point="p", polygon=shape).check(None)

    PolygonFiltering(point="p", polygon=TRIANGLE).check(None)


@given(st.lists(NEAR_POINTS, max_size=10))
def test_a_filter_keeps_exactly_what_is_inside(points):
    """The whole batch is compared at once, each record on its own."""
    outcomes = run(PolygonFiltering(point="p", polygon=TRIANGLE), *({"p": point} for point in points))

    for point, outcome in zip(points, outcomes, strict=True):
        is_inside = point["lat"] >= 0 <= point["lon"] and point["lat"] + point["lon"] <= 10
        assert outcome == ({"p": point} if is_inside else Skipped("filtered"))


def test_what_is_all_inside_goes_on_as_it_came():
    """The same list means that nothing happened."""
    records = [{"p": "1,1"}, {"p": "2,2"}]
    step = PolygonFiltering(point="p", polygon=TRIANGLE).compiled()

    assert step(records, [1, 2]) is records
    assert step([], []) == []
