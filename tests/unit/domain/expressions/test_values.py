"""What does this value say to an operator or a function?"""

import pytest
from hypothesis import given, settings

from headwater.domain.expressions import ExpressionError, is_true
from headwater.domain.expressions.values import is_empty, number_of, settled, shown, text_of, try_number
from headwater.domain.types import read_text
from tests.unit.domain.expressions.sampling import json_values


@pytest.mark.parametrize("value", [True, "true", "TRUE", "True", 1, -0.5, "1", "0,5", 2**70])
def test_what_holds_as_a_condition(value):
    """Booleans in both spellings, and numbers other than zero."""
    assert is_true(value)


@pytest.mark.parametrize(
    "value", [False, "false", None, "", "yes", " true", 0, 0.0, "0", "0.0", [1], {"a": 1}, []]
)
def test_what_does_not_hold_as_a_condition(value):
    """Anything else; nothing is refused."""
    assert not is_true(value)


@settings(max_examples=40)
@given(json_values)
def test_any_value_can_stand_as_a_condition(value):
    """A rule that filters records never fails because of its condition's value."""
    assert is_true(value) in (True, False)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("-1.5", -1.5),
        ("+1,5", 1.5),
        (" 12 ", 12),
        (".5", 0.5),
        (",5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_a_text_that_says_a_number(text, number):
    """With `.` or `,` as decimal mark; an integer stays exact."""
    assert try_number(text) == number
    assert type(try_number(text)) is type(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "1a",
        "1 000",
        "1.2.3",
        "1,2,3",
        "1_000",
        "\u0661",
        "inf",
        "nan",
        "1e999",
        "0x1",
        "-",
        "9" * 500,
    ],
)
def test_a_text_that_says_no_number(text):
    """Nothing is guessed."""
    assert try_number(text) is None


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_is_empty(value):
    """Zero and false are values."""
    assert is_empty(value)
    assert not any(map(is_empty, (0, 0.0, False, " ", [0], {"a": None})))


def test_numbers_fit_the_store():
    """Integers of 64 bits, beyond them decimals, and nothing infinite."""
    assert settled(2**63 - 1) == 2**63 - 1
    assert settled(-(2**63)) == -(2**63)
    assert type(settled(2**63)) is float
    for endless in (10**400, float("inf"), float("nan")):
        with pytest.raises(ExpressionError, match="too large"):
            settled(endless)


@settings(max_examples=40)
@given(json_values)
def test_a_value_as_text_is_what_a_text_field_holds(value):
    """Except that an empty one is an empty text, and a point can be read again."""
    try:
        text = text_of(value)
    except ExpressionError:
        return
    if (
        isinstance(value, (str, int, bool))
        and -(2**63) <= (len(value) if isinstance(value, str) else value) < 2**64
    ):
        assert text == read_text(value).stored
    assert isinstance(text, str)


@settings(max_examples=40)
@given(json_values)
def test_a_number_is_read_or_refused_with_the_value(value):
    """The sentence shows what was there, in few words."""
    try:
        assert number_of(value) == settled(number_of(value))
    except ExpressionError as error:
        assert len(str(error)) < 100  # noqa: PT017 - either of the two ends is right
    assert len(shown(value)) <= 60
