"""How does a tree become fast?  What a compiled expression gives, refuses, and never does."""

import orjson
import pytest
from hypothesis import given, settings

from headwater.domain.expressions import ExpressionError, compile_expression, parse
from headwater.domain.expressions.values import MAX_TEXT
from headwater.domain.types import INT_MIN
from tests.unit.domain.expressions.sampling import MOMENT, OUTSIDE, TookTooLong, records, trees, value_of


def outcome_of(evaluate, record):
    """Return the value, or the sentence of the error."""
    try:
        return evaluate(record, MOMENT)
    except ExpressionError as error:
        return error


@settings(max_examples=120, deadline=None)
@given(trees, records)
def test_evaluation_ends_in_a_value_or_in_an_expression_error(tree, record):
    """Bounded JSON that can be stored; a replay repeats it, and the record stays as it is."""
    before = repr(record)
    evaluate = compile_expression(tree, OUTSIDE)
    outcome, again = outcome_of(evaluate, record), outcome_of(evaluate, record)

    assert str(outcome) == str(again)
    assert repr(record) == before
    assert_storable(outcome, record)


def assert_storable(outcome, record):
    if isinstance(outcome, (ExpressionError, list, dict)):
        assert isinstance(outcome, ExpressionError) or outcome in record.values() or orjson.dumps(outcome)
        return
    assert orjson.loads(orjson.dumps(outcome)) == outcome
    if isinstance(outcome, int):
        assert INT_MIN <= outcome < 2**64
    if isinstance(outcome, str):
        assert len(outcome) <= MAX_TEXT


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        ("price * 2", {"price": 3}, 6),
        ("missing", {}, None),
        ("$33 + 1", {"_33": 2}, 3),
        ("$33 + 1", {"33": 2}, 3),
        ("$20_to_25_yo", {"_20_to_25_yo": 7}, 7),
        ("$pi", {"pi": 3}, 3),
        ("Pi", {"pi": 3}, pytest.approx(3.14159265)),
        ("$E & E", {"E": "x"}, "x2.718281828459045"),
        ("Price", {"price": 3}, None),
        ("list", {"list": [1, 2]}, [1, 2]),
        ("true", {}, True),
        ("'true'", {}, "true"),
        ("big", {"big": 2**64 - 1}, 2**64 - 1),
        ("big", {"big": 2**64}, float(2**64)),
        ("big & ''", {"big": 2**64 - 1}, "18446744073709551615"),
        ("big + 0", {"big": 2**63}, float(2**63)),
        ("a ? 1 : b ? 2 : 3", {"b": True}, 2),
        ("a ? 1 : b ? 2", {}, None),
        ("a ? 1/0 : 5", {"a": False}, 5),
        ("false and 1/0", {}, False),
        ("true or 1/0", {}, True),
        ("true and 'True' and 1 and '2,5'", {}, True),
        ("false or 'false' or 0 or 'yes' or nothing", {}, False),
    ],
)
def test_a_record_is_evaluated(text, record, expected):
    """Fields by their names, a missing one as empty; what does not decide is not evaluated."""
    value = value_of(text, record)

    assert value == expected
    assert type(value) is type(expected) or not isinstance(expected, (bool, int, str))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 / 0", "division by zero"),
        ("div(1, 0)", "division by zero"),
        ("0 ^ -1", "division by zero"),
        ("log(0)", "log(0) has no result"),
        ("'abc' + 1", '"abc" is not a number'),
        ("10 ^ 10 ^ 10", "the number is too large"),
        ("exp(1000)", "exp(1000) is too large"),
        ("9 ^ 99 ! !", "is not an integer from 0 to 170"),
        ("rjust('a', 10000000, 'b')", "more than 1,000,000 characters"),
        ("match('a', '(')", "the regular expression does not end"),
        ("hour('2014-06-07', 'Europe')", 'there is no time zone "Europe"'),
        ("year('soon')", '"soon" is not a date'),
    ],
)
def test_an_expression_without_a_result_says_why(text, sentence):
    """The sentence goes to the owner of the dataset."""
    with pytest.raises(ExpressionError, match=sentence.replace("(", r"\(").replace(")", r"\)")):
        value_of(text)


def test_an_expression_that_cannot_work_fails_for_each_record_only():
    """Compiling computes what is fixed, and keeps its errors for the records."""
    evaluate = compile_expression(parse("=1 / 0"), OUTSIDE)

    for _ in range(2):
        with pytest.raises(ExpressionError):
            evaluate({}, MOMENT)


def test_the_searchers_own_error_is_the_cause():
    """Who runs the stack can tell a search that took too long from any other failure."""
    with pytest.raises(ExpressionError) as caught:
        value_of("match(a, 'slow')", {"a": "text"})

    assert isinstance(caught.value.__cause__, TookTooLong)


@pytest.mark.parametrize("joint", ["+", "-", "*", "&", "//", "==", " and ", " or "])
def test_a_long_chain_is_no_deep_one(joint):
    """A chain of thousands of operators is evaluated in a loop."""
    value_of(joint.join(["a"] * 2000), {"a": 1})


def test_many_conditions_are_no_deep_ones():
    """A choice among hundreds of values is a list of cases."""
    text = "".join(f"a == {number} ? {number * 2} : " for number in range(500))

    assert value_of(f"{text}0", {"a": 499}) == 998


def test_the_deepest_expression_can_be_evaluated():
    """What the parser lets through has room on the stack of Python."""
    nested = "a"
    for _ in range(98):
        nested = f"max(1, {nested})"

    assert value_of(nested, {"a": 2}) == 2


def test_texts_that_grow_are_stopped_at_once():
    """Neither one operator nor many of them can fill the memory."""
    doubled = "a"
    for _ in range(30):
        doubled = f"replace({doubled}, 'x', 'xxxxxxxxxx')"
    for text in (doubled, "&".join(["b"] * 2000)):
        with pytest.raises(ExpressionError, match="characters"):
            value_of(text, {"a": "x", "b": "x" * 1_000_000})


def test_half_a_character_does_not_get_out():
    """A lone surrogate cannot be encoded, so it cannot be stored."""
    with pytest.raises(ExpressionError, match="surrogate"):
        value_of("a & 'x'", {"a": "\ud800"})


def test_now_is_the_records_own_moment():
    """A replay gives the same moment."""
    assert value_of("now()") == "2023-11-14T22:13:20.123456+00:00"


def test_random_numbers_repeat_with_the_version_and_differ_by_place():
    """Chance is the version's; two calls in one expression, and two records, are independent."""
    first, second = value_of("random(1) & ';' & random(1)").split(";")

    assert first != second
    assert value_of("random(1)") == float(first)
    assert value_of("random(1)", version=MOMENT + 1) != float(first)
    numbers = [value_of("random(10, 11)", version=MOMENT + step) for step in range(200)]
    assert 10 <= min(numbers) < 10.1
    assert 10.9 < max(numbers) < 11
