"""Expressions as processors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from processors.stack.expressions import Expression, MetaExpression, fields_in
from processors.stack.outcomes import TOO_SLOW, Failed
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, run

PROCESSORS = [
    Expression(expression="=a + b", output_field="c"),
    Expression(expression="=a & b", output_field="a"),
    Expression(expression="=match(a, '(x|xx)+$')", output_field="c"),
    Expression(expression="=a == b ? normalize(a) : length(b)", output_field="c"),
    Expression(expression="text", output_field="c"),
    MetaExpression(meta_expression="=X * 2", fields=("a", "b")),
    MetaExpression(meta_expression="=upper(X) & name", fields=("X", "a")),
]


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: type(one).__name__)
@given(records=RECORDS)
def test_a_processor_stands_every_value(processor, records):
    """No value ends a step, and none is changed inside."""
    assert_stands(processor, records)


@given(records=RECORDS, name=st.sampled_from(["a", "b", "name"]))
def test_x_is_the_field_that_the_expression_is_at(records, name):
    """A meta expression over one field is the expression with that field's name in it, in place."""
    over_x = run(MetaExpression(meta_expression="=X & '-' & X", fields=(name,)), *records)
    over_name = run(Expression(expression=f"={name} & '-' & {name}", output_field=name), *records)

    assert over_x == over_name


def test_the_order_of_the_fields_makes_no_difference():
    """All results are computed from the record as it was."""
    record = {"a": 2, "b": 8}

    forwards = run(MetaExpression(meta_expression="=X / a", fields=("a", "b")), record)
    backwards = run(MetaExpression(meta_expression="=X / a", fields=("b", "a")), record)

    assert forwards == backwards == [{"a": 1, "b": 4}]


def test_a_meta_expression_that_fails_blames_the_field_that_it_was_at():
    """The record is as it was, the fields before it included."""
    (outcome,) = run(MetaExpression(meta_expression="=1 / X", fields=("a", "b")), {"a": 2, "b": 0})

    assert outcome == Failed({"a": 2, "b": 0}, "b", outcome.message)


def test_no_field_is_made_for_x():
    """It is a name of the expression, not of the record."""
    assert run(MetaExpression(meta_expression="=X", fields=("a",)), {"a": 1}) == [{"a": 1}]


def test_the_fields_that_an_expression_reads_are_told():
    """X is none of them in a meta expression."""
    assert Expression(expression="=b + a + X", output_field="c").inputs() == (
        ("expression", "X"),
        ("expression", "a"),
        ("expression", "b"),
    )
    assert MetaExpression(meta_expression="=X + a", fields=("b",)).inputs() == (
        ("fields", "b"),
        ("meta_expression", "a"),
    )
    assert fields_in("a + b") == fields_in(5) == frozenset()


def test_the_fields_that_are_written_are_told():
    """These become empty when it fails."""
    assert Expression(expression="=a", output_field="c").outputs() == ("c",)
    assert MetaExpression(meta_expression="=X", fields=("a", "b")).outputs() == ("a", "b")


def test_records_that_simply_go_on_are_the_very_list():
    """Only a failure makes another list of it."""
    records = [{"a": 1, "b": 2}]

    assert Expression(expression="=a + b", output_field="c").compiled()(records, [1]) is records


def test_the_version_is_the_only_seed():
    """A replay gives the same again, and other versions another value."""
    processor = Expression(expression="=random(10)", output_field="a")

    assert run(processor, {}, version=7) == run(processor, {}, version=7)
    assert run(processor, {}, version=7) != run(processor, {}, version=8)


def test_a_regular_expression_that_takes_too_long_has_a_code_of_its_own():
    """The owner has to change the pattern, not the records."""
    processor = Expression(expression=r"=match(a, '(a|aa)+\\1$')", output_field="b")

    (outcome,) = run(processor, {"a": "a" * 5000 + "b"})

    assert (outcome.code, outcome.field) == (TOO_SLOW, "b")


def test_a_regular_expression_that_is_none_is_refused_at_birth():
    """With its place in the expression."""
    with pytest.raises(InvalidDocument, match=r"expression: column 11: regular expression"):
        Expression(expression="=match(a, '(')", output_field="b")
