"""May this request enter?"""

from dataclasses import replace

import pytest

from gateway.admission import check_key, check_open, find_resource, pushkey_of
from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.domain.errors import Disabled, Forbidden, NotFound, NotPublished, Unauthorized
from headwater.runtime.memory.catalog import MemoryCatalog

KEY = "5a" * 28
RESOURCE = Resource(
    uid="re_1", resource_id="realtime", title="realtime", keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY)),)
)
DATASET = Dataset(uid="da_1", dataset_id="flights", title="Flights", published=True, resources=(RESOURCE,))


async def catalog_with(dataset=DATASET, **changes):
    catalog = MemoryCatalog()
    await catalog.start()
    await catalog.write(replace(dataset, **changes))
    return catalog


def admit(catalog, dataset_id, resource_id, key, scope=Scope.PUSH, now_us=0):
    """Check in the order of the doors."""
    dataset, resource = find_resource(catalog, dataset_id, resource_id)
    found = check_key(resource, key, scope, now_us)
    check_open(dataset, resource)
    return found


async def test_right_key_opens():
    """Who came with which key is known: its rate is counted by that."""
    assert admit(await catalog_with(), "flights", "realtime", KEY).uid == "pk_1"


@pytest.mark.parametrize(
    ("dataset_id", "resource_id", "key", "error", "code"),
    [
        ("nope", "nope", None, NotFound, "unknown_dataset"),
        ("flights", "nope", None, NotFound, "unknown_resource"),
        ("flights", "realtime", None, Unauthorized, "missing_pushkey"),
        ("flights", "realtime", "", Unauthorized, "missing_pushkey"),
        ("flights", "realtime", "00" * 28, Unauthorized, "invalid_pushkey"),
        ("flights", "realtime", KEY.upper(), Unauthorized, "invalid_pushkey"),
        ("flights", "realtime", "\udcff", Unauthorized, "invalid_pushkey"),
        ("flights", "realtime", hash_pushkey(KEY), Unauthorized, "invalid_pushkey"),
    ],
)
async def test_first_failing_check_answers(dataset_id, resource_id, key, error, code):
    """Dataset, resource, key: in this order, each with its own code."""
    with pytest.raises(error) as caught:
        admit(await catalog_with(), dataset_id, resource_id, key)

    assert caught.value.code == code


async def test_a_wrong_key_learns_nothing_about_the_state():
    """The key is checked before published and enabled."""
    catalog = await catalog_with(published=False, resources=(replace(RESOURCE, enabled=False),))

    with pytest.raises(Unauthorized):
        admit(catalog, "flights", "realtime", "wrong")
    with pytest.raises(NotPublished):
        admit(catalog, "flights", "realtime", KEY)


async def test_disabled_resource_accepts_nothing():
    """A disabled resource is named in the refusal."""
    catalog = await catalog_with(resources=(replace(RESOURCE, enabled=False),))

    with pytest.raises(Disabled, match="realtime"):
        admit(catalog, "flights", "realtime", KEY)


async def test_other_kinds_of_resources_cannot_be_pushed_to():
    """Only realtime resources have a door."""
    catalog = await catalog_with(resources=(replace(RESOURCE, type="http"),))

    with pytest.raises(NotFound):
        admit(catalog, "flights", "realtime", KEY)


@pytest.mark.parametrize(("scope", "other"), [(Scope.PUSH, Scope.DELETE), (Scope.DELETE, Scope.PUSH)])
def test_a_key_may_do_what_its_scopes_say(scope, other):
    """The right key for something else is forbidden, not unauthorised."""
    key = PushKey(uid="pk_1", hash=hash_pushkey(KEY), scopes=(scope,))
    resource = replace(RESOURCE, keys=(key,))

    assert check_key(resource, KEY, scope, 0) is key
    with pytest.raises(Forbidden, match=f"may not {other}") as caught:
        check_key(resource, KEY, other, 0)
    assert caught.value.code == "insufficient_scope"


def test_an_expired_key_is_a_wrong_key():
    """From its moment on; another key of the resource is as good as ever."""
    old = PushKey(uid="pk_0", hash=hash_pushkey("old"), expires_at_us=10)
    resource = replace(RESOURCE, keys=(*RESOURCE.keys, old))

    assert check_key(resource, "old", Scope.PUSH, 9) is old
    with pytest.raises(Unauthorized):
        check_key(resource, "old", Scope.PUSH, 10)
    assert check_key(resource, KEY, Scope.PUSH, 10) is RESOURCE.keys[0]


@pytest.mark.parametrize(
    ("query", "authorization", "key"),
    [
        ({"pushkey": "k"}, None, "k"),
        ({"pushkey": "k"}, "Bearer other", "k"),
        ({"pushkey": "k", "apikey": "a"}, None, "k"),
        ({"apikey": "a"}, None, None),
        ({}, "Bearer k", "k"),
        ({}, "apikey  k ", "k"),
        ({}, "APIKEY k", "k"),
        ({}, "Basic k", None),
        ({}, "Bearer", ""),
        ({}, None, None),
    ],
)
def test_key_comes_from_the_query_or_the_header(query, authorization, key):
    """The query string wins; an API key parameter is no push key."""
    assert pushkey_of(query, authorization) == key
