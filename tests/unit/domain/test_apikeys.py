"""What an API key may do, and how it is kept."""

import pytest

from headwater.domain.apikeys import APIKEYS, ApiKey, KeyScope, decode_apikey, encode_apikey, hash_apikey

ADMIN, PUBLISH, READ = KeyScope.ADMIN, KeyScope.PUBLISH, KeyScope.READ


def key(*scopes, datasets=(), **changes):
    return ApiKey(uid="ak_1", hash="ab", scopes=scopes, datasets=datasets, **changes)


@pytest.mark.parametrize(
    ("given", "included"),
    [((ADMIN,), {ADMIN, PUBLISH, READ}), ((PUBLISH,), {PUBLISH, READ}), ((READ,), {READ}), ((), set())],
)
def test_each_scope_includes_the_ones_below(given, included):
    """Whoever manages a dataset may read it; only an administrator makes keys."""
    assert {scope for scope in KeyScope if key(*given).has(scope)} == included
    assert {scope for scope in KeyScope if key(*given).may(scope, "da_1")} == included


def test_a_key_without_datasets_is_for_all():
    """Also for those that are made later."""
    assert key(READ).may(READ, "da_1")
    assert key(READ).may(READ, None)


def test_a_key_with_datasets_is_for_those():
    """And never for what concerns all datasets."""
    narrow = key(PUBLISH, datasets=("da_1", "da_2"))
    assert narrow.may(PUBLISH, "da_2")
    assert not narrow.may(PUBLISH, "da_3")
    assert not narrow.may(PUBLISH, None)


def test_a_key_ends_at_its_expiry():
    """From that moment on, not after it."""
    assert key(READ).is_valid(2**60)
    assert key(READ, expires_at_us=5).is_valid(4)
    assert not key(READ, expires_at_us=5).is_valid(5)


def test_a_key_comes_back_as_it_was_written():
    """The key itself is not in the document."""
    kept = key(PUBLISH, READ, datasets=("da_1",), expires_at_us=5, label="l", created_at="t", revision=2)
    assert decode_apikey(encode_apikey(kept)) == kept


def test_a_key_is_found_by_its_hash():
    """56 hex digits have no other way to be looked up than by what is kept of them."""
    apikey = "5e" * 28
    assert APIKEYS.name(ApiKey(uid="ak_1", hash=hash_apikey(apikey))) == hash_apikey(apikey)
    assert hash_apikey("\udcff") != hash_apikey("")


@pytest.mark.parametrize("value", [b"no json", b"[]", b"{}", b'{"scopes":["king"],"datasets":[]}'])
def test_foreign_values_are_told_apart(value):
    """Each raises what a reader skips a line for."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode_apikey(value)
