"""Processors of fields as such."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from processors.stack.fields import (
    AddField,
    CopyField,
    DeduplicateMultivaluedFields,
    TransformBooleanColumns,
)
from processors.stack.outcomes import Failed
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, nested, run

VALUES = st.lists(st.text(st.characters(exclude_characters=";"), max_size=3), min_size=1, max_size=8)

PROCESSORS = [
    AddField(field="b"),
    CopyField(field_to_copy="a", new_field="b"),
    DeduplicateMultivaluedFields(duplicated_field="a", output_field="b", separator=";"),
    TransformBooleanColumns(boolean_fields=("a", "b"), values_considered_false=("0",), output_field="c"),
]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: type(one).__name__)
@given(records=RECORDS)
def test_a_processor_stands_every_value(processor, records):
    """No value ends a step, and none is changed inside."""
    assert_stands(processor, records)


@pytest.mark.parametrize("processor", PROCESSORS[:3], ids=lambda one: type(one).__name__)
def test_records_that_simply_go_on_are_the_very_list(processor):
    """That is what makes the usual case cheap."""
    records = [{"a": "x;y"}, {}]

    assert processor.compiled()(records, [1, 2]) is records


def test_a_copy_shares_the_value():
    """Nobody changes a value inside a record, so nobody has to copy it."""
    value = [1, 2]

    (record,) = run(CopyField(field_to_copy="a", new_field="b"), {"a": value})

    assert record["b"] is value


@given(values=VALUES)
def test_deduplication_keeps_the_first_of_each_in_its_order(values):
    """It is what a set is, with an order; doing it twice is doing it once."""
    processor = DeduplicateMultivaluedFields(duplicated_field="a", output_field="a", separator=";")

    (once,) = run(processor, {"a": ";".join(values)})
    (twice,) = run(processor, once)

    kept = list(dict.fromkeys(values))
    assert once["a"] == (";".join(kept) or None)
    assert twice == once


@given(values=VALUES)
def test_deduplication_of_an_array_agrees_with_that_of_a_text(values):
    """Both are lists of values."""
    processor = DeduplicateMultivaluedFields(duplicated_field="a", output_field="a", separator=";")

    (array,) = run(processor, {"a": values})

    assert array["a"] == list(dict.fromkeys(values))


def test_what_cannot_be_written_as_text_fails():
    """A value that is nested too deeply has no text to compare."""
    deep = nested(300)
    by_flags = TransformBooleanColumns(
        boolean_fields=("a",), values_considered_false=("0",), output_field="c", remove_boolean_fields=True
    )

    (outcome,) = run(by_flags, {"a": deep})

    assert outcome == Failed({"a": deep}, "c", outcome.message)
    assert "cannot be written as text" in outcome.message


def test_what_a_processor_writes_is_known():
    """The output fields are those that become empty when it fails."""
    assert [one.outputs() for one in PROCESSORS] == [("b",), ("b",), ("b",), ("c",)]


def test_what_a_processor_reads_is_known():
    """The fields that have to be there are told with their parameters."""
    assert [one.inputs() for one in PROCESSORS] == [
        (),
        (("field_to_copy", "a"),),
        (("duplicated_field", "a"),),
        (("boolean_fields", "a"), ("boolean_fields", "b")),
    ]


def test_an_empty_separator_is_refused_at_birth():
    """There is nothing that it could stand between."""
    with pytest.raises(InvalidDocument) as caught:
        DeduplicateMultivaluedFields(duplicated_field="a", output_field="b", separator="")

    assert caught.value.field == "separator"
