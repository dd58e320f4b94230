"""The dataset object."""

import pytest

from gateway.search.answers import dataset_answer, field_answer
from headwater.domain.datasets import Dataset
from headwater.domain.fields import Configuration, Field
from headwater.domain.types import FieldType


def field(kind, **changes):
    return Field(**{"name": "f", "source": "f", "label": "F", "type": FieldType(kind), **changes})


def answer(*kinds, records=0, **changes):
    dataset = Dataset(**{"uid": "da_1", "dataset_id": "a", "title": "A", **changes})
    return dataset_answer(dataset, Configuration(tuple(field(kind) for kind in kinds)), records)


def test_own_metadata_is_shown_and_counts_are_ours():
    """What the owner wrote wins over what is known, but not over the count."""
    metadata = {
        "default": {"title": {"value": "T"}, "records_count": {"value": 7}, "theme": {"value": ["x"]}},
        "custom": {"answer": {"value": 42}},
    }
    metas = answer(records=3, metadata=metadata)["metas"]
    assert (metas["default"]["title"], metas["default"]["records_count"]) == ("T", 3)
    assert (metas["default"]["theme"], metas["default"]["license"]) == (["x"], None)
    assert metas["custom"] == {"answer": 42}


@pytest.mark.parametrize(
    ("kinds", "features"),
    [
        ((), []),
        (("int",), ["analyze"]),
        (("datetime", "geo_shape"), ["timeserie", "geo"]),
        (("file", "text", "date", "geo_point_2d"), ["analyze", "timeserie", "geo", "image"]),
        (("json_blob",), []),
    ],
)
def test_features_follow_from_the_types(kinds, features):
    """In a stable order."""
    assert answer(*kinds)["features"] == features


def test_field_has_its_annotations_as_lists():
    """v2.1 writes an object of lists."""
    shown = field_answer(field("text", description="d", annotations={"facet": (), "multivalued": (",",)}))
    assert shown == {
        "name": "f",
        "label": "F",
        "type": "text",
        "description": "d",
        "annotations": {"facet": [], "multivalued": [","]},
    }
