"""Items of the field configuration: every type, and what is said about wrong ones."""

import pytest

from gateway.admin.items import ITEM_TYPES, parse_item
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.errors import InvalidDocument
from headwater.domain.fields import configure
from headwater.domain.types import FieldType

RIGHT = [
    {"type": "rename", "from_name": "a", "to_name": "b", "field_label": "B"},
    {"type": "rename", "from_name": "a", "field_label": "Free text, ü"},
    {"type": "rename", "from_name": "a", "to_name": "b"},
    *({"type": "type", "field": "a", "type_param": one.value} for one in FieldType),
    {"type": "annotate", "field": "a", "annotation": "id", "args": []},
    {"type": "annotate", "field": "a", "annotation": "timeserie_precision", "args": ["hour"]},
    {"type": "annotate", "field": "a", "annotation": "unit", "args": ["m/s"]},
    {"type": "annotate", "field": "a", "annotation": "decimals", "args": [2]},
    {"type": "annotate", "field": "a", "annotation": "decimals", "args": ["2"]},
    {"type": "annotate", "field": "a", "annotation": "sortable", "args": []},
    {"type": "annotate", "field": "a", "annotation": "multivalued", "args": [","]},
    {"type": "annotate", "field": "a", "annotation": "multivalued", "args": []},
    {"type": "annotate", "field": "a", "annotation": "hierarchical", "args": ["/"]},
    {"type": "annotate", "field": "a", "annotation": "facet", "args": []},
    {"type": "annotate", "field": "a", "annotation": "facetsort", "args": ["-count"]},
    {"type": "annotate", "field": "a", "annotation": "disjunctive", "args": []},
    {"type": "description", "field": "a", "description": "What it is"},
    {"type": "description", "field": "a", "description": ""},
    {"type": "order", "args": ["b", "a"]},
    {"type": "delete", "field": "a"},
]


@pytest.mark.parametrize("document", RIGHT)
def test_right_items_are_taken_whole_and_can_be_applied(document):
    """What passes here, the field configuration can apply."""
    kind, params = parse_item({"uid": "df_1", **document})
    assert {"type": kind, **params} == document
    item = FieldItem(uid="df_1", type=kind, params=params)
    configure(Dataset(uid="da_1", dataset_id="a", title="A", fields=(item,)))


def test_every_type_has_a_right_example():
    """The list above forgets none."""
    assert {one["type"] for one in RIGHT} == set(ITEM_TYPES)


def test_missing_args_are_no_args():
    """`args` may be left out or null where there are none."""
    for document in ({}, {"args": None}):
        _, params = parse_item({"type": "annotate", "field": "a", "annotation": "facet", **document})
        assert params["args"] == []


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "type"),
        ({"type": "explode"}, "type"),
        ({"type": 1}, "type"),
        ({"type": "delete"}, "field"),
        ({"type": "delete", "field": "a b"}, "field"),
        ({"type": "delete", "field": "1a"}, "field"),
        ({"type": "delete", "field": "_id"}, "field"),
        ({"type": "delete", "field": "x" * 129}, "field"),
        ({"type": "delete", "field": None}, "field"),
        ({"type": "delete", "field": "a", "nonsense": 1}, "nonsense"),
        ({"type": "rename", "to_name": "b"}, "from_name"),
        ({"type": "rename", "from_name": "a"}, "to_name"),
        ({"type": "rename", "from_name": "a", "to_name": "b c"}, "to_name"),
        ({"type": "rename", "from_name": "a", "field_label": ""}, "field_label"),
        ({"type": "type", "field": "a"}, "type_param"),
        ({"type": "type", "field": "a", "type_param": "float"}, "type_param"),
        ({"type": "annotate", "field": "a", "annotation": "nice"}, "annotation"),
        ({"type": "annotate", "field": "a", "annotation": "id", "args": {}}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "id", "args": ["x"]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "timeserie_precision"}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "timeserie_precision", "args": ["week"]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "timeserie_precision", "args": [[]]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "unit", "args": [" "]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "unit", "args": [1]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "decimals", "args": [21]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "decimals", "args": [True]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "decimals", "args": [-1]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "multivalued", "args": [""]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "multivalued", "args": [";", ","]}, "args"),
        ({"type": "annotate", "field": "a", "annotation": "facetsort", "args": ["up"]}, "args"),
        ({"type": "description", "field": "a"}, "description"),
        ({"type": "description", "field": "a", "description": 1}, "description"),
        ({"type": "order"}, "args"),
        ({"type": "order", "args": []}, "args"),
        ({"type": "order", "args": "a"}, "args"),
        ({"type": "order", "args": ["a", "a"]}, "args"),
        ({"type": "order", "args": ["a", "b c"]}, "args[1]"),
    ],
)
def test_wrong_items_are_refused_with_the_path(document, field):
    """The first problem is named."""
    with pytest.raises(InvalidDocument) as caught:
        parse_item(document)
    assert caught.value.field == field
