"""API keys over HTTP, on the in-memory twins: who may manage, who may read, and what is never shown."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.apikeys import APIKEYS, hash_apikey
from headwater.domain.datasets import Dataset
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

MANAGE = "/api/automation/v1.0"
EXPLORE = "/api/explore/v2.1/catalog/datasets"
ADMIN = "5e" * 28
RECORD = "0" * 40


class Api:
    """The two APIs that take API keys."""

    def __init__(self, client, clock, apikeys, catalog):
        self.client, self.clock, self.apikeys, self.catalog = client, clock, apikeys, catalog

    async def __call__(self, method, path, document=None, *, key=ADMIN, status=200):
        headers = {} if key is None else {"Authorization": f"apikey {key}"}
        async with self.client.request(method, path, json=document, headers=headers) as response:
            body = await response.json() if await response.text() else None
            assert response.status == status, body
            return body

    manage = property(lambda self: partial(self._below, MANAGE))
    explore = property(lambda self: partial(self._below, EXPLORE, "GET"))

    async def _below(self, base, method, path="", *arguments, **keywords):
        return await self(method, base + path, *arguments, **keywords)

    async def make(self, *scopes, **members):
        """Return a new API key's document, with the key."""
        return await self.manage("POST", "/apikeys/", {"scopes": list(scopes), **members}, status=201)

    async def key(self, *scopes, **members):
        """Return a new API key."""
        return (await self.make(*scopes, **members))["apikey"]


@pytest.fixture
async def api():
    catalog, apikeys, clock = MemoryCatalog(), MemoryDocuments(APIKEYS), ManualClock()
    await catalog.start()
    await apikeys.start()
    for uid, restricted in (("da_open", False), ("da_shut", True)):
        await catalog.write(
            Dataset(uid=uid, dataset_id=uid[3:], title=uid, published=True, restricted=restricted)
        )
    app = build(
        GatewaySettings(admin_key=Secret(ADMIN)),
        producer=MemoryProducer(),
        catalog=catalog,
        store=MemoryStore(),
        clock=clock,
        schemas=MemorySchemas(),
        apikeys=apikeys,
    )
    async with TestClient(TestServer(app)) as client:
        yield Api(client, clock, apikeys, catalog)


async def test_a_key_is_shown_once_and_kept_as_a_hash(api):
    """Neither a list, nor a change, nor the document on the log has the key."""
    made = await api.make("read", label="portal", datasets=["da_shut"])
    apikey = made.pop("apikey")
    assert len(apikey) == 56
    assert made == await api.manage("GET", f"/apikeys/{made['uid']}")
    assert made["uid"].startswith("ak_")
    assert (made["label"], made["scopes"], made["datasets"]) == ("portal", ["read"], ["da_shut"])
    assert (made["expires_at"], made["is_valid"]) == (None, True)
    listed = await api.manage("GET", "/apikeys")
    assert (listed["total_count"], listed["results"]) == (1, [made])
    kept = api.apikeys.get(made["uid"])
    assert kept.hash == hash_apikey(apikey)
    assert apikey.encode() not in APIKEYS.encode(kept)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["king"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["read"], "datasets": ["da_none"]}, "datasets[0]"),
        ({"scopes": ["admin"], "datasets": ["da_open"]}, "datasets"),
        ({"scopes": ["read"], "expires_at": "yesterday"}, "expires_at"),
        ({"scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"scopes": ["read"], "hash": "ab"}, "hash"),
        ({"scopes": ["read"], "label": 1}, "label"),
    ],
)
async def test_wrong_documents_are_refused_by_their_member(api, document, field):
    """And make no key."""
    body = await api.manage("POST", "/apikeys/", document, status=400)
    assert (body["error_code"], body["detail"]) == ("validation_error", {"field": field})
    assert not api.apikeys.all()


async def test_a_key_can_be_changed_and_goes_on_opening(api):
    """What is not mentioned stays; a document that was read can be sent back."""
    made = await api.make("read", label="a")
    apikey, path = made.pop("apikey"), f"/apikeys/{made['uid']}/"
    await api.manage("GET", "/datasets/da_open", key=apikey, status=403)
    changed = await api.manage("PUT", path, {**made, "scopes": ["publish"]})
    assert (changed["scopes"], changed["label"], changed["revision"]) == (["publish"], "a", 2)
    await api.manage("GET", "/datasets/da_open", key=apikey)
    await api.manage("PUT", path, {**made, "label": "late"}, status=409)
    await api.manage("PUT", path, {"scopes": ["admin"], "datasets": ["da_open"]}, status=400)


async def test_a_deleted_key_opens_nothing(api):
    """Nor can it be found."""
    made = await api.make("admin")
    path = f"/apikeys/{made['uid']}/"
    await api.manage("DELETE", path, key=made["apikey"], status=204)
    await api.manage("GET", "/datasets", key=made["apikey"], status=401)
    for method in ("GET", "DELETE"):
        await api.manage(method, path, status=404)


async def test_an_expired_key_opens_nothing(api):
    """As if it had never been; its document says so."""
    made = await api.make("admin", expires_at="2023-11-14T22:14:20Z")
    api.clock.advance(59.9)
    await api.manage("GET", "/datasets", key=made["apikey"])
    api.clock.advance(0.1)
    await api.manage("GET", "/datasets", key=made["apikey"], status=401)
    await api.explore(key=made["apikey"], status=401)
    assert not (await api.manage("GET", f"/apikeys/{made['uid']}"))["is_valid"]


async def test_only_administrators_have_to_do_with_keys(api):
    """Whoever could make keys could give themselves any right."""
    admin, publisher, reader = [await api.key(scope) for scope in ("admin", "publish", "read")]
    uid = api.apikeys.all()[0].uid
    for method, path in (("GET", ""), ("POST", ""), ("GET", uid), ("PUT", uid), ("DELETE", uid)):
        for key, status in ((publisher, 403), (reader, 403), (None, 401), ("no key", 401)):
            await api.manage(method, f"/apikeys/{path}", {}, key=key, status=status)
    await api.manage("GET", "/apikeys", key=admin)


async def test_publishers_manage_their_datasets_only(api):
    """They see no others, change no others and make none; whether another exists is not told."""
    narrow, wide = await api.key("publish", datasets=["da_open"]), await api.key("publish")
    listed = await api.manage("GET", "/datasets", key=narrow)
    assert [one["uid"] for one in listed["results"]] == ["da_open"]
    assert (await api.manage("GET", "/datasets", key=wide))["total_count"] == 2
    await api.manage("PUT", "/datasets/da_open", {"on_error": "quarantine"}, key=narrow)
    for uid in ("da_shut", "da_none"):
        body = await api.manage("GET", f"/datasets/{uid}", key=narrow, status=403)
        assert body["error_code"] == "forbidden"
    for path in ("/datasets", "/datasets/da_open/copy"):
        await api.manage("POST", path, {"dataset_id": "new"}, key=narrow, status=403)
    await api.manage("POST", "/datasets", {"dataset_id": "new"}, key=wide, status=201)


async def test_readers_manage_nothing(api):
    """Not even the datasets that they may read."""
    key = await api.key("read", datasets=["da_open"])
    for method, path in (("GET", "/datasets"), ("GET", "/datasets/da_open"), ("POST", "/datasets")):
        await api.manage(method, path, {}, key=key, status=403)


PATHS = ("/shut", "/shut/records", f"/shut/records/{RECORD}")


@pytest.mark.parametrize("path", PATHS)
async def test_restricted_datasets_are_read_with_a_key_for_them(api, path):
    """401 without a key or with a wrong one, 403 with another's, as Explore says it."""
    body = await api.explore(path, key=None, status=401)
    assert body["error_code"] == "UnauthorizedAccess"
    await api.explore(path, key="no key", status=401)
    body = await api.explore(path, key=await api.key("read", datasets=["da_open"]), status=403)
    assert body["error_code"] == "ForbiddenAccess"
    status = 404 if path == PATHS[2] else 200  # there are no records
    for members in ({"datasets": ["da_shut"]}, {}):
        for scope in ("read", "publish"):
            await api.explore(path, key=await api.key(scope, **members), status=status)
    await api.explore(path, key=ADMIN, status=status)


async def test_open_datasets_are_read_by_everybody(api):
    """A key for something else does no harm; a wrong one is refused, as for all of Explore."""
    other = await api.key("read", datasets=["da_shut"])
    for key, status in ((None, 200), (other, 200), ("no key", 401)):
        await api.explore("/open/records", key=key, status=status)


async def test_the_catalog_lists_what_the_reader_may_read(api):
    """Restricted datasets are not there for others, and are not counted."""
    for key, names in (
        (None, ["open"]),
        (await api.key("read", datasets=["da_open"]), ["open"]),
        (await api.key("read", datasets=["da_shut"]), ["open", "shut"]),
        (ADMIN, ["open", "shut"]),
    ):
        listed = await api.explore(key=key)
        assert [one["dataset_id"] for one in listed["results"]] == names
        assert listed["total_count"] == len(names)


async def test_private_datasets_stay_unknown(api):
    """With any key: what is private is not part of Explore."""
    shut = api.catalog.get("da_shut")
    await api.catalog.write(replace(shut, private=True))
    for key in (None, await api.key("read"), ADMIN):
        await api.explore("/shut", key=key, status=404)


async def test_a_change_of_the_restriction_counts_at_once(api):
    """A dataset that becomes restricted is closed to anonymous readers with the answer to the change."""
    await api.manage("PUT", "/datasets/da_open", {"is_restricted": True})
    await api.explore("/open/records", key=None, status=401)
    await api.manage("PUT", "/datasets/da_open", {"is_restricted": False})
    await api.explore("/open/records", key=None)


async def test_keys_made_at_once_are_all_there(api):
    """Each has a document of its own, so they do not meet."""
    keys = await asyncio.gather(*(api.key("read") for _ in range(10)))
    assert len(set(keys)) == len(api.apikeys.all()) == 10
