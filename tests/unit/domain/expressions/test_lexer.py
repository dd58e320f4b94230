"""Which words does an expression consist of?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.expressions.lexer import Kind, escaped, tokens, unescaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", [2]),
        ("3.6", [3.6]),
        (".1", [0.1]),
        ("9223372036854775807", [2**63 - 1]),
        ("9223372036854775808", [float(2**63)]),
        ("a_1 _b", ["a_1", "_b"]),
        ("$33 $pi $20_to_25_yo", ["33", "pi", "20_to_25_yo"]),
        ("'a' \"b\" ''", ["a", "b", ""]),
        ("'a\"b' \"a'b\"", ['a"b', "a'b"]),
        (r"'it\'s' '\\' '\n\t' '\d\.'", ["it's", "\\", "\n\t", "\\d\\."]),
        ("'line\nbreak'", ["line\nbreak"]),
        ("a!=b", ["a", "!=", "b"]),
        ("a! == b", ["a", "!", "==", "b"]),
        ("a//b/c", ["a", "//", "b", "/", "c"]),
        ("a&&b&c||d", ["a", "and", "b", "&", "c", "or", "d"]),
        ("a<=b<c>=d>e", ["a", "<=", "b", "<", "c", ">=", "d", ">", "e"]),
        ("Not AND oR", ["not", "and", "or"]),
        ("a\u00a0+\tb", ["a", "+", "b"]),
    ],
)
def test_a_text_is_cut_into_words(text, expected):
    """The longest operator that fits; words of the language in any case."""
    found = tokens(f"={text}")

    assert [token.value for token in found[:-1]] == expected
    assert found[-1] == (Kind.END, "", len(text) + 2)


def test_columns_count_the_leading_equals_sign():
    """As a person counts, from 1."""
    assert [token.column for token in tokens("=a +  'b'")] == [2, 4, 7, 10]


@given(st.text())
def test_what_is_escaped_can_be_read(value):
    """Any text can be written between double quotes."""
    (token, _) = tokens(f'="{escaped(value)}"')

    assert token.value == value == unescaped(escaped(value))
