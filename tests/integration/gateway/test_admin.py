"""The management API over HTTP, on the in-memory twins."""

import asyncio
import re
from io import BytesIO

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.schema import Rung, Schema
from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

BASE = "/api/automation/v1.0"
KEY = "5e" * 28
TITLED = {"metadata": {"default": {"title": {"value": "Flights 2013"}}}}
REALTIME = {"type": "realtime", "title": "realtime", "params": {"bootstrap": {"station": "A1", "level": 1.5}}}


class Api:
    """The API as a person with the key sees it."""

    def __init__(self, client, log, catalog, schemas):
        self.client, self.log, self.catalog, self.schemas = client, log, catalog, schemas
        self.headers = {"Authorization": f"apikey {KEY}"}

    async def __call__(self, method, path, document=None, *, status=200, **keywords):
        keywords.setdefault("headers", self.headers)
        async with self.client.request(method, BASE + path, json=document, **keywords) as response:
            text = await response.text()
            assert response.status == status, text
            return await response.json() if text else None

    async def dataset(self, dataset_id="flights"):
        return await self("POST", "/datasets/", {"dataset_id": dataset_id}, status=201)

    async def resource(self, uid, **changes):
        return await self("POST", f"/datasets/{uid}/resources/", {**REALTIME, **changes}, status=201)

    async def refused(self, method, path, document=None, *, field=None, status=400, **keywords):
        body = await self(method, path, document, status=status, **keywords)
        assert body["status"] == "error"
        assert body["error"] == body["message"]
        if field is not None:
            assert body["error_code"] == "validation_error"
            assert body["detail"] == {"field": field}
        return body


@pytest.fixture
async def api():
    log = MemoryLog()
    catalog, schemas = MemoryCatalog(log), MemorySchemas()
    await catalog.start()
    app = build(
        GatewaySettings(admin_key=Secret(KEY)),
        producer=MemoryProducer(),
        catalog=catalog,
        store=MemoryStore(),
        clock=ManualClock(),
        schemas=schemas,
    )
    async with TestClient(TestServer(app)) as client:
        yield Api(client, log, catalog, schemas)


@pytest.mark.parametrize("scheme", ["apikey", "Apikey", "APIKEY", "Bearer", "bearer"])
async def test_key_opens_in_any_spelling_of_the_scheme(api, scheme):
    """Clients write the scheme in several ways."""
    await api("GET", "/datasets", headers={"Authorization": f"{scheme} {KEY}"})


async def test_key_may_come_in_the_query(api):
    """`?apikey=` is accepted, and not repeated in the URLs of the other pages."""
    await api.dataset("a")
    await api.dataset("b")
    page = await api("GET", f"/datasets/?apikey={KEY}&limit=1", headers={})
    assert page["next"].endswith(f"{BASE}/datasets/?limit=1&offset=1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "apikey"},
        {"Authorization": "apikey wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"apikey {KEY[:-1]}"},
        {"Authorization": "apikey \udcff\udcfe"},
    ],
)
@pytest.mark.parametrize("path", ["/datasets/", "/datasets/da_x/", "/datasets/da_x/resources/re_x/"])
async def test_nothing_opens_without_the_right_key(api, headers, path):
    """Who has no key learns nothing, not even what exists."""
    body = await api.refused("GET", path, status=401, headers=headers)
    assert body["error_code"] == "unauthorized"
    assert body["trace_id"]


async def test_dataset_is_created_and_read(api):
    """The answer of the creation and of every later read is the dataset."""
    document = {"dataset_id": "flights", **TITLED}
    made = await api("POST", "/datasets/", document, status=201)
    assert re.fullmatch(r"da_[0-9a-f]{12}", made["uid"])
    assert made["dataset_id"] == "flights"
    assert made["is_published"] is False
    assert made["metadata"] == TITLED["metadata"]
    assert made["revision"] == 1
    assert await api("GET", f"/datasets/{made['uid']}/") == made
    assert await api("GET", f"/datasets/{made['uid']}") == made


async def test_dataset_without_id_is_named_after_its_title(api):
    """A slug of the title, numbered when it is taken."""
    names = [(await api("POST", "/datasets", TITLED, status=201))["dataset_id"] for _ in range(3)]
    assert names == ["flights-2013", "flights-2013-1", "flights-2013-2"]


async def test_taken_dataset_id_is_a_conflict(api):
    """Two datasets cannot have one name."""
    await api.dataset("flights")
    body = await api.refused("POST", "/datasets/", {"dataset_id": "flights"}, status=409)
    assert body["error_code"] == "conflict"
    assert "taken" in body["message"]


async def test_datasets_are_listed_in_pages(api):
    """total_count, next, previous and results; the URLs lead from page to page."""
    for name in "abc":
        await api.dataset(name)
    page = await api("GET", "/datasets/?limit=2")
    assert [one["dataset_id"] for one in page["results"]] == ["a", "b"]
    assert (page["total_count"], page["previous"]) == (3, None)
    following = await api("GET", page["next"].split(BASE)[1])
    assert [one["dataset_id"] for one in following["results"]] == ["c"]
    assert following["next"] is None
    first = await api("GET", following["previous"].split(BASE)[1])
    assert first["results"] == page["results"]
    empty = await api("GET", "/datasets/?limit=0")
    assert (empty["total_count"], empty["results"], empty["next"]) == (3, [], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("offset=-1", "offset"),
        ("offset=%C2%B2", "offset"),
        ("offset=99999999999999999999999", "offset"),
    ],
)
async def test_bad_pages_are_refused(api, query, field):
    """The error names the parameter."""
    await api.refused("GET", f"/datasets/?{query}", field=field)


async def test_dataset_is_changed_by_put(api):
    """What the document does not mention stays; what was read can be sent back."""
    made = await api.dataset()
    changed = await api("PUT", f"/datasets/{made['uid']}/", {**made, **TITLED, "on_error": "quarantine"})
    assert changed["title"] == "Flights 2013"
    assert changed["on_error"] == "quarantine"
    assert changed["revision"] == 2
    again = await api("PUT", f"/datasets/{made['uid']}/", {"dataset_id": "renamed"})
    assert again["title"] == "Flights 2013"
    assert again["dataset_id"] == "renamed"


async def test_put_from_an_outdated_revision_is_a_conflict(api):
    """Who sends a revision wants to overwrite nothing newer."""
    made = await api.dataset()
    await api("PUT", f"/datasets/{made['uid']}/", TITLED)
    body = await api.refused("PUT", f"/datasets/{made['uid']}/", made, status=409)
    assert body["error_code"] == "conflict"


async def test_dataset_id_changes_only_while_unpublished(api):
    """It is part of the push URL."""
    made = await api.dataset()
    path = f"/datasets/{made['uid']}/"
    await api("POST", path + "publish/")
    body = await api.refused("PUT", path, {"dataset_id": "renamed"})
    assert body["error_code"] == "invalid_dataset_status"
    assert body["error_key"] == "InvalidDatasetStatusPreconditionException"
    expected = "Invalid precondition, dataset status is 'published' but must be one of 'unpublished'"
    assert body["message"] == expected
    await api("PUT", path, {"dataset_id": "flights", **TITLED})
    await api("POST", path + "unpublish/")
    assert (await api("PUT", path, {"dataset_id": "renamed"}))["dataset_id"] == "renamed"


async def test_deleted_dataset_is_gone_and_its_name_free(api):
    """204, then 404, then the name can be taken."""
    made = await api.dataset()
    await api("DELETE", f"/datasets/{made['uid']}/", status=204)
    body = await api.refused("GET", f"/datasets/{made['uid']}/", status=404)
    assert body["error_code"] == "not_found"
    await api.refused("DELETE", f"/datasets/{made['uid']}/", status=404)
    await api.dataset()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "publish/"),
        ("POST", "unpublish/"),
        ("POST", "publish_metadata/"),
        ("POST", "truncate/"),
        ("POST", "abort/"),
        ("POST", "copy/"),
        ("GET", "status/"),
        ("GET", "versions/"),
        ("GET", "versions/ch_1/"),
        ("POST", "versions/ch_1/restore/"),
        ("GET", "quarantine/"),
        ("DELETE", "quarantine/"),
        ("POST", "quarantine/replay/"),
        ("GET", "quarantine/1-0/"),
        ("DELETE", "quarantine/1-0/"),
        ("POST", "quarantine/1-0/replay/"),
        ("GET", "resources/"),
        ("POST", "resources/"),
        ("GET", "resources/re_x/"),
        ("PUT", "resources/re_x/"),
        ("DELETE", "resources/re_x/"),
        ("POST", "resources/re_x/enable/"),
        ("POST", "resources/re_x/disable/"),
        ("POST", "resources/preview/"),
        ("POST", "resources/re_x/renew_api_key/"),
        ("POST", "resources/re_x/recover/"),
        ("POST", "resources/re_x/delete_recover_data/"),
        ("POST", "resources/re_x/clean_cache/"),
        ("GET", "resources/re_x/preview/"),
        ("GET", "resources/re_x/keys/"),
        ("DELETE", "resources/re_x/keys/pk_x/"),
        ("DELETE", "resources/re_x/signing_secret/"),
        ("GET", "fields/"),
        ("POST", "fields/"),
        ("GET", "fields/preview/"),
        ("GET", "fields/df_x/"),
        ("PUT", "fields/df_x/"),
        ("DELETE", "fields/df_x/"),
    ],
)
async def test_what_does_not_exist_is_404_everywhere(api, method, path):
    """No verb on an unknown dataset is anything but not found."""
    document = {"type": "delete", "field": "a"} if "fields" in path else REALTIME if "res" in path else {}
    body = await api.refused(method, f"/datasets/da_none/{path}", document, status=404)
    assert body["error_code"] == "not_found"


async def test_unknown_parts_of_a_dataset_are_404(api):
    """Nor do the parts of a dataset come into being by being named."""
    uid = (await api.dataset())["uid"]
    await api.refused("GET", f"/datasets/{uid}/resources/re_none/", status=404)
    await api.refused("PUT", f"/datasets/{uid}/resources/re_none/", REALTIME, status=404)
    await api.refused("DELETE", f"/datasets/{uid}/resources/re_none/", status=404)
    await api.refused("GET", f"/datasets/{uid}/fields/df_none/", status=404)
    await api.refused("DELETE", f"/datasets/{uid}/fields/df_none/", status=404)
    item = {"type": "delete", "field": "a"}
    await api.refused("PUT", f"/datasets/{uid}/fields/df_none/", item, status=404)


async def test_publishing_opens_and_a_second_publication_starts_empty(api):
    """Publish after unpublish is a new generation; a repeated publish changes nothing."""
    uid = (await api.dataset())["uid"]
    assert await api("POST", f"/datasets/{uid}/publish/") == {"detail": "ok"}
    first = api.catalog.get(uid)
    assert (first.published, first.generation) == (True, 1)
    assert first.since_version > 0
    await api("POST", f"/datasets/{uid}/publish/")
    assert api.catalog.get(uid) == first
    assert await api("POST", f"/datasets/{uid}/unpublish/") == {"detail": "ok"}
    assert api.catalog.get(uid).published is False
    await api("POST", f"/datasets/{uid}/publish/")
    second = api.catalog.get(uid)
    assert (second.published, second.generation) == (True, 2)
    assert second.since_version > first.since_version


async def test_status_says_whether_it_is_published(api):
    """Clients poll it until it is idle."""
    uid = (await api.dataset())["uid"]
    before = await api("GET", f"/datasets/{uid}/status/")
    assert (before["status"], before["is_published"]) == ("idle", False)
    await api("POST", f"/datasets/{uid}/publish/")
    after = await api("GET", f"/datasets/{uid}/status/")
    assert (after["status"], after["is_published"], after["records_errors"]) == ("idle", True, [])
    assert after["since"] == "2023-11-14T22:13:20+00:00"


async def test_resource_shows_its_key_once(api):
    """Creation shows key and URL; reads show the path only; the catalog keeps a hash only."""
    dataset = await api.dataset()
    path = f"/datasets/{dataset['uid']}/resources/"
    made = await api.resource(dataset["uid"])
    assert re.fullmatch(r"re_[0-9a-f]{12}", made["uid"])
    assert made["resource_id"] == "realtime"
    assert re.fullmatch(r"[0-9a-f]{56}", made["pushkey"])
    push_path = "/api/push/1.0/flights/realtime/push/"
    assert made["push_url"].endswith(f"{push_path}?pushkey={made['pushkey']}")
    assert made["push_url"].startswith("http://127.0.0.1:")
    assert made["params"]["bootstrap"] == REALTIME["params"]["bootstrap"]
    assert made["params"]["unknown_fields"] == "evolve"
    read = await api("GET", f"{path}{made['uid']}/")
    assert read["push_path"] == push_path
    assert not {"pushkey", "push_url", "keys"} & set(read)
    assert (await api("GET", path))["results"] == [read]
    kept = api.catalog.get(dataset["uid"]).resources[0]
    assert kept.opened_by(made["pushkey"], 0)
    assert made["pushkey"] not in str(kept)


async def test_resources_are_named_after_their_titles_and_numbered(api):
    """realtime, realtime0, realtime1; other titles as slugs."""
    uid = (await api.dataset())["uid"]
    for _ in range(3):
        await api.resource(uid)
    await api.resource(uid, title="Temps réel")
    await api.resource(uid, title=None)
    names = [one["resource_id"] for one in (await api("GET", f"/datasets/{uid}/resources"))["results"]]
    assert names == ["realtime", "realtime0", "realtime1", "temps_reel", "realtime2"]


async def test_renewed_key_replaces_the_old_one(api):
    """The answer shows the new key; the old one stops."""
    uid = (await api.dataset())["uid"]
    made = await api.resource(uid)
    renewed = await api("POST", f"/datasets/{uid}/resources/{made['uid']}/renew_api_key/")
    assert renewed["pushkey"] != made["pushkey"]
    assert renewed["push_url"].endswith(renewed["pushkey"])
    kept = api.catalog.get(uid).resources[0]
    assert kept.opened_by(renewed["pushkey"], 0)
    assert not kept.opened_by(made["pushkey"], 0)


async def test_resource_is_switched_changed_and_deleted(api):
    """disable, enable, PUT and DELETE; key and resource_id stay."""
    uid = (await api.dataset())["uid"]
    made = await api.resource(uid)
    path = f"/datasets/{uid}/resources/{made['uid']}"
    assert (await api("POST", path + "/disable"))["enabled"] is False
    assert (await api("POST", path + "/enable/"))["enabled"] is True
    read = await api("GET", path)
    changed = await api("PUT", path, {**read, "title": "other", "params": {"unknown_fields": "drop"}})
    assert (changed["title"], changed["resource_id"]) == ("other", "realtime")
    assert changed["params"]["unknown_fields"] == "drop"
    assert api.catalog.get(uid).resources[0].opened_by(made["pushkey"], 0)
    await api("DELETE", path, status=204)
    assert (await api("GET", f"/datasets/{uid}/resources/"))["total_count"] == 0


async def test_field_items_make_a_stack(api):
    """Items are appended, replaced in their place and removed."""
    uid = (await api.dataset())["uid"]
    path = f"/datasets/{uid}/fields"
    first = await api("POST", path, {"type": "type", "field": "level", "type_param": "double"}, status=201)
    second = await api(
        "POST", path + "/", {"type": "annotate", "field": "id", "annotation": "id"}, status=201
    )
    assert re.fullmatch(r"df_[0-9a-f]{12}", first["uid"])
    assert second == {
        "uid": second["uid"],
        "type": "annotate",
        "field": "id",
        "annotation": "id",
        "args": [],
    }
    changed = {**first, "type_param": "int"}
    assert await api("PUT", f"{path}/{first['uid']}/", changed) == changed
    assert await api("GET", f"{path}/{first['uid']}") == changed
    assert (await api("GET", path))["results"] == [changed, second]
    await api("DELETE", f"{path}/{first['uid']}", status=204)
    assert (await api("GET", path))["results"] == [second]


async def test_rename_to_a_name_in_use_is_refused(api):
    """Readers could not tell two fields of one name apart; inferred fields count too."""
    uid = (await api.dataset())["uid"]
    await api.schemas.grow(uid, Schema({"a": {Rung.INT}, "b": {Rung.TEXT}}))
    item = {"type": "rename", "from_name": "a", "to_name": "b"}
    body = await api.refused("POST", f"/datasets/{uid}/fields/", item, field="to_name")
    assert "'b'" in body["message"]
    assert api.catalog.get(uid).fields == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_request"),
        (b"{", "bad_request"),
        (b"\xff", "bad_request"),
        (b'{"a":' * 600 + b"1" + b"}" * 600, "bad_request"),
        (b"[1]", "validation_error"),
        (b"null", "validation_error"),
    ],
)
async def test_bodies_that_are_no_json_object_are_refused(api, body, code):
    """400 in the envelope, whatever the content type says."""
    response = await api.client.post(BASE + "/datasets/", data=body, headers=api.headers)
    assert response.status == 400
    assert (await response.json())["error_code"] == code


async def test_body_over_the_limit_is_refused(api):
    """413, after reading no more than the limit."""
    response = await api.client.post(
        BASE + "/datasets/", data=BytesIO(b" " * (3 * 1024 * 1024)), headers=api.headers
    )
    assert response.status == 413


async def test_dataset_document_cannot_grow_without_end(api):
    """Many large parts of one dataset are refused before they are too large for the log."""
    uid = (await api.dataset())["uid"]
    large = {"type": "realtime", "params": {"bootstrap": {"text": "x" * 900_000}}}
    for _ in range(4):
        await api("POST", f"/datasets/{uid}/resources/", large, status=201)
    await api.refused("POST", f"/datasets/{uid}/resources/", large, field="dataset")


async def test_other_verbs_and_paths_are_json_errors(api):
    """Also what does not exist is answered in the envelope."""
    body = await api.refused("PATCH", "/datasets/", {}, status=405)
    assert body["error_code"] == "method_not_allowed"
    body = await api.refused("GET", "/nonsense/", status=404)
    assert body["error_code"] == "not_found"


async def test_without_the_log_changes_are_503(api):
    """Reads go on; changes say that they may be repeated."""
    uid = (await api.dataset())["uid"]
    api.log.available = False
    body = await api.refused("POST", f"/datasets/{uid}/publish/", status=503)
    assert body["error_code"] == "unavailable"
    await api("GET", f"/datasets/{uid}/")


async def test_change_is_made_again_when_another_gateway_was_first(api):
    """Two gateways add resources to one dataset at the same time: both are there."""
    uid = (await api.dataset())["uid"]
    await asyncio.gather(*(api.resource(uid) for _ in range(8)))
    resources = (await api("GET", f"/datasets/{uid}/resources/"))["results"]
    assert len({one["resource_id"] for one in resources}) == 8
