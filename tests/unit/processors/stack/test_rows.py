"""Processors that leave out, delete and multiply records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from processors.stack.outcomes import Deleted, Failed, Several, Skipped
from processors.stack.registry import kind_of
from processors.stack.rows import DeleteRecord, ExpandMultivaluedField, SkipRecords, TransposeFields
from tests.unit.processors.stack.odd_values import RECORDS, VALUES, assert_stands, nested, run

PROCESSORS = [
    SkipRecords(field="a", value_to_skip="1"),
    SkipRecords(field="a", value_to_skip="x", exact_match=False, keep_instead_of_skip=True),
    SkipRecords(value_to_skip="=a > b"),
    DeleteRecord(field="a"),
    DeleteRecord(value_to_skip="=contains(a, 'x')"),
    ExpandMultivaluedField(multivalued_field="a", separator=";"),
    TransposeFields(fixed_fields=("a",), label_for_title_column="title"),
    TransposeFields(fixed_fields=("a", "b"), label_for_title_column="t", one_line=True),
    TransposeFields(fixed_fields=("a", "b"), label_for_title_column="t", invert_fixed_fields=True),
]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: type(one).__name__)
@given(records=RECORDS)
def test_a_processor_stands_every_value(processor, records):
    """No value ends a step, and none is changed inside."""
    assert_stands(processor, records)


@given(values=st.lists(st.text(st.characters(exclude_characters=";"), max_size=3), min_size=1, max_size=9))
def test_expanded_values_joined_are_the_field_again(values):
    """Every value has its record, in order, and nothing is added."""
    text = ";".join(values)

    (outcome,) = run(ExpandMultivaluedField(multivalued_field="a", separator=";"), {"a": text, "b": 1})

    records = outcome.records if isinstance(outcome, Several) else (outcome,)
    assert ";".join(record["a"] or "" for record in records) == text
    assert all(record["b"] == 1 for record in records)


@given(record=st.dictionaries(st.sampled_from("abcdef"), VALUES, max_size=6))
def test_transposed_columns_put_together_are_the_record_again(record):
    """No column is lost and none is made."""
    processor = TransposeFields(fixed_fields=("a", "b"), label_for_title_column="title")

    (outcome,) = run(processor, record)

    rows = outcome.records if isinstance(outcome, Several) else (outcome,)
    fixed = {name: value for name, value in record.items() if name in ("a", "b")}
    again = {row["title"]: row["value"] for row in rows if row["title"] is not None}
    assert {**fixed, **again} == record
    assert all({"title", "value"} | fixed.keys() == row.keys() for row in rows)


@given(record=st.dictionaries(st.sampled_from("abcdef"), VALUES, max_size=6))
def test_inverted_transposition_is_that_of_the_other_fields(record):
    """To name the fixed fields or all others is the same."""
    by_fixed = TransposeFields(fixed_fields=("a", "b"), label_for_title_column="title")
    by_others = TransposeFields(
        fixed_fields=("c", "d", "e", "f"), label_for_title_column="title", invert_fixed_fields=True
    )

    assert run(by_fixed, record) == run(by_others, record)


@given(
    records=RECORDS,
    value=st.sampled_from(["", "x", "1", "true", "=a", "=a == b", 5, False]),
    exact=st.booleans(),
)
def test_what_is_skipped_is_exactly_what_is_not_kept(records, value, exact):
    """Each record that can be judged is on one side."""
    skipping = SkipRecords(field="a", value_to_skip=value, exact_match=exact)
    keeping = SkipRecords(field="a", value_to_skip=value, exact_match=exact, keep_instead_of_skip=True)

    for skipped, kept in zip(run(skipping, *records), run(keeping, *records), strict=True):
        if isinstance(skipped, Failed):
            assert isinstance(kept, Failed)
        else:
            assert isinstance(skipped, Skipped) != isinstance(kept, Skipped)


@given(records=RECORDS, value=st.sampled_from(["", "x", "1", "=a == b"]), exact=st.booleans())
def test_what_is_deleted_is_what_would_be_skipped(records, value, exact):
    """Both ask the same question."""
    deleted = run(DeleteRecord(field="a", value_to_skip=value, exact_match=exact), *records)
    skipped = run(SkipRecords(field="a", value_to_skip=value, exact_match=exact), *records)

    assert [isinstance(one, Deleted) for one in deleted] == [isinstance(one, Skipped) for one in skipped]
    assert [one.record for one in deleted if isinstance(one, Deleted)] == [
        record for record, one in zip(records, deleted, strict=True) if isinstance(one, Deleted)
    ]


def test_skipped_records_are_counted_under_a_label():
    """The counter of discarded records has a line for filters."""
    assert run(SkipRecords(field="a", value_to_skip="x"), {"a": "x"}) == [Skipped("skipped")]


def test_records_that_all_go_on_are_the_very_list():
    """A filter that leaves nothing out costs no new list."""
    records = [{"a": "y"}, {}]

    assert SkipRecords(field="a", value_to_skip="x").compiled()(records, [1, 2]) is records


def test_the_old_name_of_delete_record_leads_to_it():
    """Delete record by ID was its predecessor."""
    assert kind_of("delete_record_by_id").processor is DeleteRecord


def test_an_expression_names_the_fields_that_are_read():
    """The field beside it is not read."""
    assert SkipRecords(field="a", value_to_skip="=b > $c").inputs() == (
        ("value_to_skip", "b"),
        ("value_to_skip", "c"),
    )
    assert DeleteRecord(field="a", value_to_skip="b").inputs() == (("field", "a"),)


@pytest.mark.parametrize("processor", [SkipRecords, DeleteRecord])
def test_without_an_expression_the_field_is_mandatory(processor):
    """There would be nothing to look at."""
    with pytest.raises(InvalidDocument) as caught:
        processor(value_to_skip="x")

    assert caught.value.field == "field"


def test_what_has_no_text_cannot_be_compared():
    """A value that is nested too deeply fails, and the record is as it was."""
    deep = nested(300)

    (outcome,) = run(SkipRecords(field="a", value_to_skip="x"), {"a": deep})

    assert outcome == Failed({"a": deep}, "a", outcome.message)


def test_one_line_of_what_has_no_text_fails():
    """The texts of the other fields are not enough."""
    processor = TransposeFields(fixed_fields=("a",), label_for_title_column="t", one_line=True)

    assert isinstance(run(processor, {"b": 1, "c": nested(300)})[0], Failed)


def test_too_many_columns_fail():
    """A record becomes at most so many rows."""
    processor = TransposeFields(fixed_fields=("a",), label_for_title_column="t")

    (outcome,) = run(processor, {f"f{number}": number for number in range(10_001)})

    assert isinstance(outcome, Failed)
    assert "at most 10000" in outcome.message


def test_what_a_processor_writes_is_known():
    """In place it is the field itself; labels become technical names."""
    assert ExpandMultivaluedField(multivalued_field="a", separator=";").outputs() == ("a",)
    assert ExpandMultivaluedField(multivalued_field="a", separator=";", output_field="b").outputs() == ("b",)
    transposed = TransposeFields(fixed_fields=("a",), label_for_title_column="Année")
    assert transposed.outputs() == ("Annee", "value")
