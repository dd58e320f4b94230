"""limit and offset of lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.pages import Page, parse_page
from headwater.domain.errors import InvalidDocument


def test_defaults():
    """The first 20."""
    assert parse_page({}) == Page(20, 0)
    assert parse_page({"limit": "1000", "offset": "7"}) == Page(1000, 7)


@pytest.mark.parametrize("text", ["-1", "1001", "x", "", " 1", "1.0", "²", "9" * 30])
def test_other_limits_are_refused(text):
    """The parameter is named."""
    with pytest.raises(InvalidDocument) as caught:
        parse_page({"limit": text})
    assert caught.value.field == "limit"


@given(st.integers(0, 50), st.integers(1, 10))
def test_following_next_shows_everything_once(total, limit):
    """Pages neither overlap nor leave anything out."""
    page, shown = Page(limit, 0), []
    while page is not None:
        shown += range(total)[page.offset : page.offset + page.limit]
        page = page.next(total)
    assert shown == list(range(total))


def test_previous_ends_at_the_start():
    """An offset that is no multiple of the limit leads back to 0."""
    assert Page(5, 7).previous() == Page(5, 2)
    assert Page(5, 2).previous() == Page(5, 0)
    assert Page(5, 0).previous() is None
    assert Page(0, 3).previous() is None
    assert Page(0, 0).next(9) is None
