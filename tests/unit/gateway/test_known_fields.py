"""Which fields does a dataset know?"""

from dataclasses import replace

from gateway.known_fields import KnownFields
from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem, Resource
from headwater.domain.schema import Rung, Schema

RESOURCE = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": {"a": 1, "b": 2}})
DATASET = Dataset(
    uid="da_1",
    dataset_id="d",
    title="D",
    revision=1,
    resources=(RESOURCE,),
    fields=(
        FieldItem(uid="df_1", type="rename", params={"from_name": "a", "to_name": "z"}),
        FieldItem(uid="df_2", type="delete", params={"field": "b"}),
        FieldItem(uid="df_3", type="type", params={"field": "c", "type_param": "int"}),
    ),
)


def test_fields_go_by_the_names_under_which_they_are_pushed():
    """Declared, configured, seen, and those that are discarded; not what a rename made of them."""
    seen = Schema({"d": {Rung.INT}})

    assert KnownFields().of(DATASET, seen) == {"a", "b", "c", "d"}


def test_what_was_learnt_counts_at_once():
    """A new revision of the dataset and a grown schema are looked at again; the same are not."""
    known = KnownFields()
    first = known.of(DATASET, Schema())

    assert known.of(DATASET, Schema()) is first
    assert known.of(DATASET, Schema({"e": {Rung.INT}})) == first | {"e"}
    assert known.of(replace(DATASET, revision=2, fields=()), Schema()) == {"a", "b"}


def test_what_a_stack_names_may_be_pushed():
    """A field that it uses up is never seen in a row, and is no stranger all the same."""
    formula = {"expression": "= raw_value * 2", "output_field": "value"}
    cut = {"fixed_fields": ["station"], "one_line": True}
    stack = tuple(
        ProcessorItem(uid=f"pr_{number}", type="x", label="", params=params)
        for number, params in enumerate((formula, cut))
    )
    known = KnownFields().of(replace(DATASET, processors=stack), Schema())

    assert {"raw_value", "value", "station"} <= known
    assert "other" not in known
