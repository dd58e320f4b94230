"""Processors that look into JSON."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stack import json_values
from processors.stack.json_values import ExpandJsonArray, ExtractFromJson, JsonArrayToMultivalued
from processors.stack.outcomes import Failed, Several
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, nested, run

MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)

PROCESSORS = [
    ExpandJsonArray(json_array_field="a"),
    ExpandJsonArray(json_array_field="a", ijson_rule="item.item.name", output_field="b"),
    ExtractFromJson(field="a", ijson_rules=("a", "name.b", "X")),
    JsonArrayToMultivalued(field="a"),
    JsonArrayToMultivalued(field="a", ijson_rule="name.item.b", output_field="b"),
]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: type(one).__name__)
@given(records=RECORDS)
def test_a_processor_stands_every_value(processor, records):
    """No value ends a step, and none is changed inside."""
    assert_stands(processor, records)


@given(members=st.lists(MEMBERS, max_size=6))
def test_expansion_loses_and_adds_no_member(members):
    """The values of the records, in their order, are the members of the array."""
    (outcome,) = run(ExpandJsonArray(json_array_field="a", output_field="b"), {"a": members})

    records = outcome.records if isinstance(outcome, Several) else (outcome,)
    assert [record["b"] for record in records] == (members or [None])
    assert all(record["a"] is members for record in records)


@given(members=st.lists(MEMBERS, max_size=6))
def test_an_array_as_text_is_the_array(members):
    """How JSON came makes no difference."""
    processor = ExpandJsonArray(json_array_field="a", output_field="b")
    text = orjson.dumps(members).decode()

    (as_value,) = run(processor, {"a": members})
    (as_text,) = run(processor, {"a": text})

    assert values_of(as_value) == values_of(as_text)


@given(values=st.lists(st.text(st.characters(exclude_characters=";"), min_size=1, max_size=3), max_size=6))
def test_joined_texts_can_be_split_again(values):
    """Values without the separator in them are all found in the text."""
    (record,) = run(JsonArrayToMultivalued(field="a"), {"a": values})

    assert (record["a"].split(";") if record["a"] else []) == values


@given(members=MEMBERS)
def test_an_extracted_object_is_json_text(members):
    """It can be read back; anything else is the value itself."""
    (record,) = run(ExtractFromJson(field="a", ijson_rules=("x.y",)), {"a": {"x": {"y": members}}})

    found = record["x_y"]
    assert (orjson.loads(found) if isinstance(members, dict) else found) == members


def test_extraction_goes_on_with_the_very_list():
    """Only a failure makes another list of it."""
    records = [{"a": {"b": 1}}]

    assert ExtractFromJson(field="a", ijson_rules=("b",)).compiled()(records, [1]) is records


def test_a_failed_extraction_leaves_its_neighbours_alone():
    """The failed record is as it was."""
    good, bad = run(ExtractFromJson(field="a", ijson_rules=("b",)), {"a": {"b": 1}}, {"a": "{"})

    assert good == {"a": {"b": 1}, "b": 1}
    assert isinstance(bad, Failed)
    assert bad.record == {"a": "{"}


def test_text_beyond_the_limit_fails(monkeypatch):
    """It is not even parsed."""
    monkeypatch.setattr(json_values, "MAX_JSON", 10)

    (outcome,) = run(ExpandJsonArray(json_array_field="a"), {"a": "[1, 2, 3, 4, 5]"})

    assert outcome.message == "the text has 15 characters; at most 10 are read as JSON"


@pytest.mark.parametrize("depth", [199, 200, 201, 254, 1023])
def test_text_may_be_nested_as_deeply_as_it_can_be_written_again(depth):
    """A value that no field could hold fails here, where it came from."""
    text = '{"b":' + "[" * depth + "]" * depth + "}"

    (outcome,) = run(ExtractFromJson(field="a", ijson_rules=("b",)), {"a": text})

    assert isinstance(outcome, Failed) == (depth > 199)


def test_many_arrays_beside_each_other_are_not_deep():
    """Only what is inside each other counts."""
    (outcome,) = run(ExpandJsonArray(json_array_field="a"), {"a": "[" + "[[]]," * 500 + "[]]"})

    assert len(outcome.records) == 501


def test_an_object_that_cannot_be_written_fails():
    """A value that is nested too deeply has no text."""
    (outcome,) = run(ExtractFromJson(field="a", ijson_rules=("b",)), {"a": {"b": {"c": nested(300)}}})

    assert isinstance(outcome, Failed)
    assert "cannot be written as JSON" in outcome.message


def test_too_many_members_fail():
    """The field of the array is to blame."""
    (outcome,) = run(ExpandJsonArray(json_array_field="a", output_field="b"), {"a": [0] * 10_001})

    assert isinstance(outcome, Failed)
    assert outcome.field == "a"


def test_what_a_processor_writes_is_known():
    """In place it is the field itself; of rules, the fields that they name."""
    assert [one.outputs() for one in PROCESSORS] == [("a",), ("b",), ("a", "name_b", "X"), ("a",), ("b",)]


def values_of(outcome):
    return [record["b"] for record in (outcome.records if isinstance(outcome, Several) else (outcome,))]
