"""How values of each type are shown in v2.1."""

from datetime import UTC
from zoneinfo import ZoneInfo

import orjson
import pytest

from gateway.search.values import record_answer, spells_of
from headwater.domain.fields import Field
from headwater.domain.types import FieldType


def shown(kind, value, *, zone=UTC, **annotations):
    field = Field(name="f", source="f", label="f", type=FieldType(kind), annotations=annotations)
    return record_answer({"_id": "x", "f": value}, spells_of([field], zone))["f"]


@pytest.mark.parametrize("kind", list(FieldType))
def test_null_is_null(kind):
    """The key is there."""
    assert shown(kind, None) is None


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("text", "a;b", "a;b"),
        ("text", "", ""),
        ("int", 2**63 - 1, 2**63 - 1),
        ("double", 1.5, 1.5),
        ("boolean", False, False),
        ("date", "2020-05-26", "2020-05-26"),
        ("datetime", "2014-01-27 04:15:00.000000", "2014-01-27T04:15:00+00:00"),
        ("datetime", "2014-01-27 04:15:00.120000", "2014-01-27T04:15:00.120000+00:00"),
        ("datetime", "1900-01-01 00:00:00.000000", "1900-01-01T00:00:00+00:00"),
        ("geo_point_2d", {"lat": 47.5, "lon": 7.6}, {"lon": 7.6, "lat": 47.5}),
        ("json_blob", '{"a":[1]}', {"a": [1]}),
        ("json_blob", "no json", None),
        ("geo_shape", "1", None),
    ],
)
def test_values_by_type(kind, stored, expected):
    """As the table of the reference says; what cannot be shown is null."""
    assert shown(kind, stored) == expected


def test_points_have_the_longitude_first():
    """As the original writes them."""
    assert list(shown("geo_point_2d", {"lat": 1.0, "lon": 2.0})) == ["lon", "lat"]


def test_shapes_are_features():
    """A geometry in a Feature without properties."""
    geometry = {"type": "Point", "coordinates": [7.6, 47.5]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {}}
    assert shown("geo_shape", orjson.dumps(geometry).decode()) == feature


def test_multivalued_text_is_a_list():
    """Split at the field's separator; an empty text has no values."""
    assert shown("text", "a;b;;c", multivalued=()) == ["a", "b", "", "c"]
    assert shown("text", "a/b;c", multivalued=("/",)) == ["a", "b;c"]
    assert shown("text", "", multivalued=(",",)) == []


@pytest.mark.parametrize(
    ("precision", "expected"), [("year", "2019"), ("month", "2019-02"), ("day", "2019-02-03")]
)
def test_dates_are_shortened_by_their_precision(precision, expected):
    """A year is a year."""
    assert shown("date", "2019-02-03", timeserie_precision=(precision,)) == expected


def test_moments_have_the_offset_of_the_zone_at_that_time():
    """Summer and winter differ."""
    zone = ZoneInfo("Europe/Paris")
    assert shown("datetime", "2014-01-27 04:15:00.000000", zone=zone) == "2014-01-27T05:15:00+01:00"
    assert shown("datetime", "2014-07-27 04:15:00.000000", zone=zone) == "2014-07-27T06:15:00+02:00"


def test_files_are_described_with_the_url_of_their_bytes():
    """What was kept of a file, and where it is served; an image also in small."""
    kept = {"id": "ab", "filename": "a.png", "format": "png", "width": 4, "height": 3}
    field = Field(name="f", source="f", label="f", type=FieldType.FILE)
    spells = spells_of([field], UTC, "http://h/files")

    assert record_answer({"f": orjson.dumps(kept).decode()}, spells)["f"] == {
        **kept,
        "url": "http://h/files/ab/",
        "thumbnail": True,
        "thumbnail_url": "http://h/files/ab/300/",
    }
    assert shown("file", '{"content":"YWJj"}') is None
