"""How do the words belong together?  Ranks, directions, and where an error is."""

import pytest

from headwater.domain.errors import InvalidExpression
from headwater.domain.expressions import fields_of, is_expression, parse
from headwater.domain.expressions.functions import FUNCTIONS
from headwater.domain.expressions.parser import AFTER_AN_OPERAND, MAX_DEPTH, MAX_LENGTH, Rank
from headwater.domain.expressions.tree import patterns_of
from tests.unit.domain.expressions.sampling import value_of

NEIGHBOURS = [  # the tighter rank, the looser one, without parentheses, with them
    (Rank.FACTORIAL, Rank.POWER, "a! ^ b", "(a!) ^ b"),
    (Rank.FACTORIAL, Rank.POWER, "a ^ b!", "a ^ (b!)"),
    (Rank.POWER, Rank.SIGN, "-a ^ b", "-(a ^ b)"),
    (Rank.POWER, Rank.SIGN, "a ^ -b ^ c", "a ^ (-(b ^ c))"),
    (Rank.SIGN, Rank.FLOOR, "-a // b", "(-a) // b"),
    (Rank.SIGN, Rank.FLOOR, "a // -b", "a // (-b)"),
    *[(Rank.FLOOR, Rank.PRODUCT, f"a {op} b // c", f"a {op} (b // c)") for op in "*/%"],
    *[(Rank.FLOOR, Rank.PRODUCT, f"a // b {op} c", f"(a // b) {op} c") for op in "*/%"],
    *[(Rank.PRODUCT, Rank.SUM, f"a {op} b * c", f"a {op} (b * c)") for op in "+-"],
    *[(Rank.PRODUCT, Rank.SUM, f"a % b {op} c", f"(a % b) {op} c") for op in "+-"],
    (Rank.SUM, Rank.CONCATENATION, "a & b + c", "a & (b + c)"),
    (Rank.SUM, Rank.CONCATENATION, "a - b & c", "(a - b) & c"),
    *[
        (Rank.CONCATENATION, Rank.COMPARISON, f"a {op} b & c", f"a {op} (b & c)")
        for op in ("<", "<=", ">", ">=", "==", "!=")
    ],
    (Rank.CONCATENATION, Rank.COMPARISON, "a & b == c", "(a & b) == c"),
    (Rank.COMPARISON, Rank.NOT, "not a > b", "not (a > b)"),
    (Rank.COMPARISON, Rank.NOT, "!a == b", "!(a == b)"),
    (Rank.COMPARISON, Rank.NOT, "!'a' == b", "!('a' == b)"),
    (Rank.COMPARISON, Rank.NOT, "!(a) != b", "!((a) != b)"),
    (Rank.NOT, Rank.AND, "not a and b", "(not a) and b"),
    (Rank.NOT, Rank.AND, "a && !b && c", "a && (!b) && c"),
    (Rank.AND, Rank.OR, "a or b and c", "a or (b and c)"),
    (Rank.AND, Rank.OR, "a && b || c", "(a && b) || c"),
    (Rank.OR, Rank.CHOICE, "a or b ? c : x or y", "(a or b) ? c : (x or y)"),
    (Rank.OR, Rank.CHOICE, "a ? b or c : x", "a ? (b or c) : x"),
]


@pytest.mark.parametrize(("tighter", "looser", "bare", "bracketed"), NEIGHBOURS)
def test_neighbouring_ranks_bind_as_the_table_says(tighter, looser, bare, bracketed):
    """What stands without parentheses is what it would be with these."""
    assert tighter == looser + 1
    assert parse(f"={bare}") == parse(f"={bracketed}")


def test_every_pair_of_neighbouring_ranks_is_tested():
    """A rank that nobody looks at can move."""
    ranks = [rank for rank in Rank if rank is not Rank.OPERAND]

    assert {(tighter, looser) for tighter, looser, *_ in NEIGHBOURS} == set(
        zip(ranks[1:], ranks, strict=False)
    )


@pytest.mark.parametrize("operator", sorted(set(AFTER_AN_OPERAND) - {"^", "?", "!"}))
def test_operators_are_applied_from_the_left(operator):
    """Only `^` and the choice go from the right."""
    record = {"a": 7, "b": 4, "c": 3}

    assert value_of(f"a {operator} b {operator} c", record) == value_of(
        f"(a {operator} b) {operator} c", record
    )


@pytest.mark.parametrize(
    ("bare", "bracketed"),
    [
        ("2 ^ 3 ^ 2", "2 ^ (3 ^ 2)"),
        ("a ? b : c ? d : x", "a ? b : c ? d : x"),
        ("a ? b ? c : d : x", "a ? (b ? c : d) : x"),
        ("a ? b ? c : d", "a ? (b ? c : d)"),
        ("- - a", "-(-a)"),
        ("not not a", "not (not a)"),
        ("a!!", "(a!)!"),
        ("a & not b == c", "a & (not (b == c))"),
        ("a * -b // c", "a * ((-b) // c)"),
        ("a ^ -1", "a ^ (-1)"),
        ("!a!", "!(a!)"),
        ("a == !b and c", "(a == (!b)) and c"),
    ],
)
def test_the_other_direction_and_prefixes(bare, bracketed):
    """`^` and the choice go from the right; a prefix takes what its own rank allows."""
    assert parse(f"={bare}") == parse(f"={bracketed}")


@pytest.mark.parametrize(
    ("bare", "other"),
    [
        ("a and b", "a && b"),
        ("a OR b", "a || b"),
        ("NOT a", "!a"),
        ("PI", "pi"),
        ("True", "true"),
        ("$a", "a"),
    ],
)
def test_two_spellings_of_one_thing(bare, other):
    """Words of the language are read in any case."""
    assert parse(f"={bare}") == parse(f"={other}")


def test_names_of_functions_are_read_in_any_case():
    """A function is a function only before a parenthesis."""
    assert parse("=UPPER(a)") == parse("=upper(a)") == parse("=upper (a)")
    assert fields_of(parse("=upper & day(month)")) == {"upper", "month"}


@pytest.mark.parametrize(
    ("text", "column", "sentence"),
    [
        ("a", 1, "an expression begins with '='"),
        ("=", 2, "ends where a field, a number, a text or a function belongs"),
        ("=  ", 4, "ends where a field"),
        ("=1 +", 5, "ends where a field"),
        ("=a b", 4, "'b' stands where an operator belongs"),
        ("=(a b)", 5, "'b' stands where an operator or ')' belongs"),
        ("=1 + (a", 6, "the parenthesis that opens here is not closed"),
        ("=a)", 3, "')' stands where an operator belongs"),
        ("=1 + * 2", 6, "'*' stands where a field"),
        ("=+1", 2, "'+' stands where a field"),
        ("=a = b", 4, "compare with '=='"),
        ("==a", 2, "compare with '=='"),
        ("=n!==2", 5, "compare with '=='"),
        ("=a | b", 4, "write '||' or 'or'"),
        ("=a; b", 3, "';' means nothing"),
        ("=a.b", 3, "'.' means nothing"),
        ("=a[0]", 3, "'[' means nothing"),
        ("=\u201ca\u201d", 2, "means nothing in an expression"),
        ("=upper('a", 8, "the text that begins here does not end"),
        ('="a\\"', 2, "the text that begins here does not end"),
        ("=$ a", 2, "the name of a field belongs directly after '$'"),
        ("=a + 20_to_25_yo", 6, "a field of this name is written $20_to_25_yo"),
        ("=1.5x", 2, "1.5x is neither a number nor a name"),
        (f"={'9' * 400}", 2, "the number is too large"),
        ("=a + nosuch(1)", 6, "there is no function nosuch"),
        ("=pi(1)", 2, "there is no function pi"),
        ("=$upper(a)", 8, "'(' stands where an operator belongs"),
        ("=upper()", 2, "upper takes 1 argument, not 0"),
        ("=1 & Left(a)", 6, "left takes 2 arguments, not 1"),
        ("=substring(a)", 2, "substring takes 2 or 3 arguments, not 1"),
        ("=now(1)", 2, "now takes no argument, not 1"),
        ("=max(1)", 2, "max takes 2 arguments or more, not 1"),
        ("=upper(a,)", 10, "')' stands where a field"),
        ("=upper(a, b", 7, "the parenthesis that opens here is not closed"),
        ("=a ? : b", 6, "':' stands where a field"),
        ("=a : b", 4, "':' stands where an operator belongs"),
        ("=()", 3, "')' stands where a field"),
        ("=not", 5, "ends where a field"),
        (f"={'(' * 200}", MAX_DEPTH + 2, "nested more than 100 levels deep"),
        (f"={'-' * 200}1", MAX_DEPTH + 2, "nested more than 100 levels deep"),
        (f"=1{'!' * 200}", MAX_DEPTH + 2, "nested more than 100 levels deep"),
        (f"={'a^' * 200}a", 2 * MAX_DEPTH + 2, "nested more than 100 levels deep"),
        (f"={'1+' * MAX_LENGTH}1", MAX_LENGTH + 1, "at most 65536 characters"),
    ],
)
def test_an_error_points_at_its_column(text, column, sentence):
    """Columns are counted from 1, with the leading `=`."""
    with pytest.raises(InvalidExpression) as caught:
        parse(text)

    assert caught.value.column == column
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_wrong_number_of_arguments_is_refused(name):
    """When the processor is saved, not when the first record comes."""
    function = FUNCTIONS[name]
    wrong = [function.least - 1] if function.repeats else [function.least - 1, len(function.parameters) + 1]
    for count in wrong:
        if count >= 0:
            with pytest.raises(InvalidExpression, match=name):
                parse(f"={name}({', '.join(['a'] * count)})")


def test_only_a_text_that_begins_with_an_equals_sign_is_an_expression():
    """Any other text is the value itself, a blank before the sign included."""
    assert is_expression("=a")
    assert not is_expression("a")
    assert not is_expression(" =a")
    assert not is_expression("")


def test_the_fields_of_an_expression_have_technical_names():
    """A name that begins with a digit has `_` before it, as the key of a record gets it."""
    assert fields_of(parse("=a + $33 * length($pi) & pi & x(1 ? 'b' : c)".replace("x(", "upper("))) == {
        "a",
        "_33",
        "pi",
        "c",
    }


def test_patterns_are_found_with_their_columns():
    """Those that are written out; one from a field is known only with the record."""
    assert patterns_of(parse("=match(a, '^x') or match(b, c) or 1 == match(upper(a), \"\\d\")")) == (
        ("^x", 11),
        ("\\d", 56),
    )
