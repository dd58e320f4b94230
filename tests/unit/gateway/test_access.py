"""API keys: where they are looked for, and when they open."""

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.access import given_key, is_admin_key


@pytest.mark.parametrize(
    ("header", "path", "key"),
    [
        ("apikey k", "/", "k"),
        ("APIKEY  k ", "/", "k"),
        ("Bearer k", "/?apikey=q", "k"),
        (None, "/?apikey=q", "q"),
        (None, "/", None),
        ("Basic k", "/?apikey=q", None),
        ("apikey", "/", ""),
    ],
)
def test_header_wins_over_the_query(header, path, key):
    """A header of another scheme is no key, and hides the one in the query."""
    headers = {} if header is None else {"Authorization": header}
    assert given_key(make_mocked_request("GET", path, headers=headers)) == key


def test_only_the_whole_key_opens():
    """An empty setting opens nothing, not even to an empty key."""
    assert is_admin_key("ab", "ab")
    for given in ("a", "abc", "", "AB", "\udcff"):
        assert not is_admin_key(given, "ab")
    assert not is_admin_key("", "")
