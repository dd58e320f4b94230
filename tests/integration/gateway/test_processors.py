"""The stack of a dataset over HTTP: what may be saved, when it counts, and what it would do."""

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.apikeys import APIKEYS
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import ARCHIVE
from headwater.runtime.activity import MemoryActivity
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret
from tests.gateway_parts import direct_workbench

BASE = "/api/automation/v1.0"
KEY = "5e" * 28
BOOTSTRAP = {"city": "Basel", "n": 3, "d": 2}
REPLACE = {"type": "string_replace", "field": "city", "old": "a", "new": "o"}
RATIO = {"type": "expression", "expression": "= n / d", "output_field": "ratio"}


class Api:
    """The management API as a person with the key sees it, and one dataset in it."""

    def __init__(self, client, catalog, schemas, store):
        self.client, self.catalog, self.schemas, self.store = client, catalog, schemas, store
        self.uid = ""

    async def __call__(self, method, path, document=None, *, status=200):
        headers = {"Authorization": f"apikey {KEY}"}
        async with self.client.request(method, BASE + path, json=document, headers=headers) as response:
            text = await response.text()
            assert response.status == status, text
            return await response.json() if text else None

    async def of(self, method, path, document=None, *, status=200):
        """Ask about the dataset."""
        return await self(method, f"/datasets/{self.uid}{path}", document, status=status)

    async def refused(self, document, field):
        body = await self.of("POST", "/processors/", document, status=400)
        assert (body["error_code"], body["detail"]) == ("validation_error", {"field": field})
        return body["message"]

    async def types(self):
        return [one["type"] for one in (await self.of("GET", "/processors/"))["results"]]


def make_app(workbench=direct_workbench, activity=None):
    catalog, schemas, store = MemoryCatalog(), MemorySchemas(), MemoryStore()
    app = build(
        GatewaySettings(admin_key=Secret(KEY)),
        producer=MemoryProducer(),
        catalog=catalog,
        store=store,
        clock=ManualClock(),
        schemas=schemas,
        apikeys=(apikeys := MemoryDocuments(APIKEYS)),
        activity=activity,
        workbench=workbench and workbench(catalog, schemas),
    )
    app.on_startup.append(lambda _: apikeys.start())
    return app, catalog, schemas, store


@pytest.fixture
async def api():
    activity = MemoryActivity()
    app, catalog, schemas, store = make_app(activity=activity)
    await catalog.start()
    async with TestClient(TestServer(app)) as client:
        api = Api(client, catalog, schemas, store)
        api.activity = activity
        made = await api("POST", "/datasets/", {"dataset_id": "rivers"}, status=201)
        api.uid = made["uid"]
        resource = {"type": "realtime", "params": {"bootstrap": BOOTSTRAP}}
        await api.of("POST", "/resources/", resource, status=201)
        yield api


async def test_the_registry_tells_all_that_a_user_interface_needs(api):
    """All kinds at once, with parameters, labels, types and defaults."""
    told = await api("GET", "/processors/types")
    kinds = {one["type"]: one for one in told["results"]}
    assert told["total_count"] == len(kinds)
    replace = kinds["string_replace"]
    assert (replace["category"], replace["label"]) == ("text", "Replace text")
    assert "replace_text" in replace["aliases"]
    parameters = {one["name"]: one for one in replace["parameters"]}
    [expression, output] = kinds["expression"]["parameters"]
    assert (expression["type"], expression["mandatory"]) == ("expression", True)
    assert (output["type"], output["label"]) == ("output", "Output field")
    flag = {name: value for name, value in parameters["all_fields"].items() if name != "help"}
    assert flag == {
        "name": "all_fields",
        "label": "All fields",
        "type": "flag",
        "mandatory": False,
        "default": False,
    }


async def test_processors_are_added_at_the_end_and_changed_in_place(api):
    """Each has a uid of its own, and its parameters beside its type and label."""
    first = await api.of("POST", "/processors/", REPLACE, status=201)
    assert first == {"uid": first["uid"], "label": "Replace text", **REPLACE}
    assert first["uid"].startswith("pr_")
    second = await api.of("POST", "/processors/", {**RATIO, "label": "Share"}, status=201)
    assert await api.types() == ["string_replace", "expression"]
    changed = await api.of("PUT", f"/processors/{first['uid']}/", {**REPLACE, "new": "u"})
    assert (changed["uid"], changed["new"]) == (first["uid"], "u")
    assert await api.of("GET", f"/processors/{first['uid']}/") == changed
    await api.of("DELETE", f"/processors/{first['uid']}/", status=204)
    assert (await api.of("GET", "/processors/"))["results"] == [second]
    await api.of("GET", f"/processors/{first['uid']}/", status=404)


async def test_a_whole_stack_is_replaced_at_once(api):
    """Which is how one changes the order, or goes back; known uids stay."""
    first = await api.of("POST", "/processors/", REPLACE, status=201)
    second = await api.of("POST", "/processors/", RATIO, status=201)
    again = await api.of("PUT", "/processors/", {"processors": [second, first, RATIO]})
    uids = [one["uid"] for one in again["results"]]
    assert uids[:2] == [second["uid"], first["uid"]]
    assert len(set(uids)) == 3
    body = await api.of("PUT", "/processors/", {"processors": [first, {"type": "expression"}]}, status=400)
    assert body["detail"] == {"field": "processors[1].expression"}
    assert [one["uid"] for one in (await api.of("GET", "/processors/"))["results"]] == uids


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"type": "no_such"}, "type", "no processor"),
        ({"field": "city"}, "type", "no processor"),
        ({**REPLACE, "speed": 1}, "speed", "unknown parameter"),
        ({**REPLACE, "field": "town"}, "field", "no field 'town'"),
        ({**REPLACE, "field": "no name"}, "field", "technical name"),
        ({"type": "string_replace", "old": "a"}, "field", "mandatory"),
        ({**REPLACE, "all_fields": "maybe"}, "all_fields", "true or false"),
        ({**RATIO, "expression": "= n / ("}, "expression", "column"),
        ({**RATIO, "expression": "= no_such(n)"}, "expression", "no_such"),
        (
            {"type": "replace_via_regexp", "field": "city", "regular_expression": "("},
            "regular_expression",
            "position",
        ),
        ({"type": "normalize_date", "field": "city", "date_format": ""}, "date_format", "directive"),
    ],
)
async def test_what_cannot_work_is_not_saved(api, document, field, says):
    """400 with the parameter's name, and a sentence that helps."""
    assert says in await api.refused(document, field)
    assert await api.types() == []


async def test_fields_that_an_earlier_processor_makes_are_known(api):
    """In the order of the stack."""
    later = {"type": "copy_field", "field_to_copy": "ratio", "new_field": "share"}
    assert "no field 'ratio'" in await api.refused(later, "field_to_copy")
    await api.of("POST", "/processors/", RATIO, status=201)
    await api.of("POST", "/processors/", later, status=201)


async def test_a_missing_plug_in_is_named(api):
    """A processor that could never work is not saved."""
    geocode = {"type": "geocode_with_arcgis", "address": "city", "output_field": "place"}
    body = await api.of("POST", "/processors/", geocode, status=400)
    assert "is not set up" in body["message"]


async def test_another_stack_of_a_dataset_with_records_waits_for_its_publication(api):
    """As every change that makes other rows does."""
    await api.of("POST", "/publish/")
    await api.schemas.grow(api.uid, Schema({"city": {Rung.TEXT}}))
    await api.of("POST", "/processors/", REPLACE, status=201)
    dataset = api.catalog.get(api.uid)
    assert (dataset.processors, len(dataset.draft_processors)) == ((), 1)
    assert (await api.of("GET", "/status/"))["params"]["has_draft"] is True
    assert await api.types() == ["string_replace"]
    await api.of("POST", "/publish/")
    build = api.catalog.get(api.uid).build
    assert [one.type for one in build.processors] == ["string_replace"]


async def test_a_copy_has_the_same_stack(api):
    """Under uids of its own."""
    mine = await api.of("POST", "/processors/", REPLACE, status=201)
    copy = await api.of("POST", "/copy/", status=201)
    [theirs] = (await api("GET", f"/datasets/{copy['uid']}/processors/"))["results"]
    assert {**theirs, "uid": ""} == {**mine, "uid": ""}
    assert theirs["uid"] != mine["uid"]


async def test_a_preview_shows_the_records_before_and_after_each_processor(api):
    """Of a stack that is not saved, on the samples, with the rows as readers would see them."""
    told = await api.of("POST", "/preview/", {"processors": [REPLACE, RATIO]})
    assert told["records"] == [BOOTSTRAP]
    first, second = told["steps"]
    assert [row["record"]["city"] for row in first["before"] + first["after"]] == ["Basel", "Bosel"]
    assert second["after"] == [{"index": 0, "record": {**BOOTSTRAP, "city": "Bosel", "ratio": 1.5}}]
    assert told["rows"] == [{"city": "Bosel", "n": 3, "d": 2, "ratio": 1.5}]
    assert [one["type"] for one in told["fields"]] == ["text", "int", "int", "double"]
    assert await api.types() == []


async def test_a_preview_shows_errors_and_what_is_left_out(api):
    """By the record's position and the processor."""
    skip = {"type": "skip_records", "field": "city", "value_to_skip": "Bern"}
    records = [{**BOOTSTRAP, "d": 0}, {**BOOTSTRAP, "city": "Bern"}, BOOTSTRAP]
    told = await api.of("POST", "/preview/", {"processors": [RATIO, skip], "records": records})
    ratio, skipping = told["steps"]
    assert [(one["index"], "zero" in one["message"]) for one in ratio["errors"]] == [(0, True)]
    assert [row["index"] for row in ratio["after"]] == [1, 2]
    assert [row["index"] for row in skipping["after"]] == [2]
    assert told["discarded"] == {"skipped": 1}
    assert len(told["rows"]) == 1


async def test_a_preview_takes_the_first_records_that_came_in(api):
    """Twenty at most; samples only where there are none."""
    rows = [
        {
            "dataset": api.uid,
            "resource": "realtime",
            "op": "upsert",
            "version": number,
            "count": 1,
            "received_at": "2026-01-01 00:00:00.000000",
            "partition": 0,
            "offset": number,
            "body": orjson.dumps({"city": f"C{number}", "n": number, "d": 1}).decode(),
        }
        for number in range(1, 31)
    ]
    await api.store.ensure_table(ARCHIVE, {})
    names = [name for name in rows[0] if name in ARCHIVE.columns]
    values = b",".join(orjson.dumps([row[name] for name in names]) for row in rows)
    await api.store.insert(ARCHIVE.name, values, names)
    told = await api.of("POST", "/preview/", {"processors": [REPLACE]})
    assert [one["n"] for one in told["records"]] == list(range(1, 21))


async def test_a_preview_of_nonsense_says_which_processor(api):
    """And which parameter of it."""
    body = await api.of(
        "POST", "/preview/", {"processors": [REPLACE, {**RATIO, "expression": "= ("}]}, status=400
    )
    assert body["detail"] == {"field": "processors[1].expression"}
    body = await api.of("POST", "/preview/", {"records": [1]}, status=400)
    assert body["detail"] == {"field": "records"}


async def test_without_processors_nothing_is_saved():
    """Nobody else knows what a processor is; the caller may try again."""
    app, catalog, schemas, store = make_app(workbench=None)
    await catalog.start()
    async with TestClient(TestServer(app)) as client:
        api = Api(client, catalog, schemas, store)
        api.uid = (await api("POST", "/datasets/", {"dataset_id": "a"}, status=201))["uid"]
        body = await api.of("POST", "/processors/", REPLACE, status=503)
        assert body["error_code"] == "processors_unavailable"


async def test_nobody_joins_what_they_may_not_read(api):
    """A stack would copy the records of a restricted dataset into one that others read."""
    secret = await api("POST", "/datasets/", {"dataset_id": "secret", "restricted": True}, status=201)
    resource = {"type": "realtime", "params": {"bootstrap": {"city": "Basel", "name": "x"}}}
    await api("POST", f"/datasets/{secret['uid']}/resources/", resource, status=201)
    join = {
        "type": "join_dataset",
        "dataset": "secret",
        "local_key": ["city"],
        "remote_key": ["city"],
        "output_fields": ["name"],
    }
    scoped = {"scopes": ["publish"], "datasets": [api.uid]}
    key = (await api("POST", "/apikeys/", scoped, status=201))["apikey"]
    headers = {"Authorization": f"apikey {key}"}
    for path, document in (("processors", join), ("preview", {"processors": [join]})):
        url = f"{BASE}/datasets/{api.uid}/{path}/"
        async with api.client.post(url, json=document, headers=headers) as response:
            assert response.status == 403, await response.text()
    await api.of("POST", "/processors/", join, status=201)


async def test_before_anybody_knows_the_records_any_field_may_be_named(api):
    """Configured fields alone do not say what else will come."""
    made = await api("POST", "/datasets/", {"dataset_id": "unknown"}, status=201)
    path = f"/datasets/{made['uid']}"
    await api("POST", f"{path}/fields/", {"type": "annotate", "field": "id", "annotation": "id"}, status=201)
    await api("POST", f"{path}/processors/", REPLACE, status=201)


async def test_a_preview_may_read_fields_that_only_its_records_have(api):
    """Which is how one tries a stack for records that are still to come."""
    later = {"type": "copy_field", "field_to_copy": "later", "new_field": "again"}
    told = await api.of("POST", "/preview/", {"processors": [later], "records": [{"later": 1}]})
    assert told["rows"][0]["again"] == 1
    assert "no field 'later'" in await api.refused(later, "field_to_copy")


async def test_a_stack_counts_at_once_until_the_first_record_came(api):
    """Afterwards also one that let nobody see what came waits for the publication that makes it again."""
    await api.of("POST", "/publish/")
    for document in (REPLACE, RATIO):
        await api.of("POST", "/processors/", document, status=201)
    assert api.catalog.get(api.uid).draft_processors is None
    facts = {"started_at_us": 1, "at_us": 2, "records": 1, "quarantined": 0}
    api.activity.write(f"in/{api.uid}/realtime/p-1", facts)
    await api.of("POST", "/processors/", REPLACE, status=201)
    assert len(api.catalog.get(api.uid).draft_processors) == 3


async def test_a_uid_that_is_none_is_a_new_processor(api):
    """Whatever JSON it is."""
    listed = {"processors": [{**REPLACE, "uid": uid} for uid in ([], {"a": 1}, 5, None, "pr_unheard_of")]}
    again = await api.of("PUT", "/processors/", listed)
    uids = [one["uid"] for one in again["results"]]
    assert len(set(uids)) == 5
    assert all(uid.startswith("pr_") and uid != "pr_unheard_of" for uid in uids)
