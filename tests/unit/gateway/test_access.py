"""API keys: where they are looked for, and when they open."""

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.access import ADMINISTRATOR, authorise, given_key, is_admin_key, opened_by
from headwater.domain.apikeys import APIKEYS, ApiKey, KeyScope, hash_apikey
from headwater.domain.errors import Forbidden, Unauthorized
from headwater.runtime.documents import MemoryDocuments


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


NOW_US = 1_000


@pytest.fixture
async def apikeys():
    documents = MemoryDocuments(APIKEYS)
    await documents.start()
    await documents.write(ApiKey(uid="ak_1", hash=hash_apikey("k1"), scopes=(KeyScope.READ,)))
    await documents.write(ApiKey(uid="ak_2", hash=hash_apikey("k2"), expires_at_us=NOW_US))
    return documents


async def test_a_key_opens_until_it_ends(apikeys):
    """A wrong key, a hash, an empty one and one that has expired are all the same: nothing."""
    assert opened_by("ab", "ab", apikeys, NOW_US) is ADMINISTRATOR
    assert opened_by("k1", "ab", apikeys, NOW_US).uid == "ak_1"
    assert opened_by("k2", "ab", apikeys, NOW_US - 1).uid == "ak_2"
    for given in ("k2", "k3", "", "\udcff", hash_apikey("k1")):
        assert opened_by(given, "ab", apikeys, NOW_US) is None


def test_authorisation_tells_who_is_missing_a_key_from_who_has_another():
    """401: come with a key; 403: this key is for something else."""
    reader = ApiKey(uid="ak_1", hash="", scopes=(KeyScope.READ,), datasets=("da_1",))
    assert authorise(reader, KeyScope.READ, "da_1") is reader
    assert authorise(ADMINISTRATOR, KeyScope.ADMIN, None) is ADMINISTRATOR
    with pytest.raises(Unauthorized):
        authorise(None, KeyScope.READ, "da_1")
    for scope, uid in ((KeyScope.PUBLISH, "da_1"), (KeyScope.READ, "da_2"), (KeyScope.READ, None)):
        with pytest.raises(Forbidden):
            authorise(reader, scope, uid)
