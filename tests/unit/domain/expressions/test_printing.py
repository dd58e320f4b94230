"""How is a tree written?  So that reading it gives the tree again."""

import pytest
from hypothesis import given, settings

from headwater.domain.expressions import parse
from headwater.domain.expressions.printing import to_text
from tests.unit.domain.expressions.sampling import trees


@settings(max_examples=80, deadline=None)
@given(trees)
def test_what_is_written_is_read_as_the_same_tree(tree):
    """parse(to_text(tree)) == tree, for every tree."""
    assert parse(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("=1+2*3", "=1 + 2 * 3"),
        ("=(1+2)*3", "=(1 + 2) * 3"),
        ("=1-(2-3)", "=1 - (2 - 3)"),
        ("=((1-2))-3", "=(1 - 2) - 3"),
        ("=(2^3)^4", "=(2 ^ 3) ^ 4"),
        ("=2^(3^4)", "=2 ^ 3 ^ 4"),
        ("=2^-1", "=2 ^ (-1)"),
        ("=(-2)^2", "=(-2) ^ 2"),
        ("=-2^2", "=-2 ^ 2"),
        ("=(n!)!", "=n!!"),
        ("=(-n)!", "=(-n)!"),
        ("=!a && !(b || c)", "=not a and not (b or c)"),
        ("=(not a) == b", "=(not a) == b"),
        ("=a?b:c?d:x", "=a ? b : c ? d : x"),
        ("=a?(b?c):d", "=a ? (b ? c) : d"),
        ("=(a?b:c)?d", "=(a ? b : c) ? d"),
        ("=UPPER( a )", "=upper(a)"),
        ("=$price & $pi & $33", "=price & $pi & $33"),
        ("=PI * E", "=pi * e"),
        ("='it\\'s \"so\" \\\\'", '="it\'s \\"so\\" \\\\"'),
        ("=.5 + 10.0", "=0.5 + 10.0"),
        ("=.0000001", "=0.0000001"),
    ],
)
def test_a_tree_has_one_spelling(written, expected):
    """Parentheses and `$` stay only where they change the meaning."""
    assert to_text(parse(written)) == expected
