"""The life of a dataset over HTTP: keys, publications, builds, quarantine, versions, the past; on twins."""

import base64
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.datasets import BuildState
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import (
    DATASET_VERSIONS,
    QUARANTINE,
    history_table,
    rows_table,
)
from headwater.domain.versions import stamp_at
from headwater.runtime.activity import MemoryActivity
from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

BASE = "/api/automation/v1.0"
EXPLORE = "/api/explore/v2.1/catalog/datasets"
KEY = "5e" * 28
BOOTSTRAP = [{"station": "A1", "level": 1.5}, {"station": "B2", "level": 2}]
NOW_US = 1_700_000_000_000_000
RETYPE = {"type": "type", "field": "level", "type_param": "text"}


class Api:
    """The management API as the owner of one dataset sees it; paths are below the dataset."""

    def __init__(self, client, app_parts):
        self.client = client
        self.catalog, self.schemas, self.store, self.producer, self.clock, self.activity = app_parts
        self.uid = self.resource = ""

    async def __call__(self, method, path, document=None, *, status=200):
        url = f"{BASE}/datasets/{self.uid}/{path}"
        headers = {"Authorization": f"apikey {KEY}"}
        async with self.client.request(method, url, json=document, headers=headers) as response:
            text = await response.text()
            assert response.status == status, text
            return orjson.loads(text) if text else None

    async def read(self, path, *, status=200):
        async with self.client.get(EXPLORE + path) as response:
            body = await response.json()
            assert response.status == status, body
            return body

    @property
    def dataset(self):
        return self.catalog.get(self.uid)

    async def write(self, **changes):
        """Play another service that changes the dataset."""
        await self.catalog.write(replace(self.dataset, **changes))


@asynccontextmanager
async def opened(**settings):
    catalog, schemas, store, producer = MemoryCatalog(), MemorySchemas(), MemoryStore(), MemoryProducer()
    clock, activity = ManualClock(NOW_US), MemoryActivity()
    await catalog.start()
    app = build(
        GatewaySettings(admin_key=Secret(KEY), **settings),
        producer=producer,
        catalog=catalog,
        store=store,
        clock=clock,
        schemas=schemas,
        activity=activity,
    )
    async with TestClient(TestServer(app)) as client:
        api = Api(client, (catalog, schemas, store, producer, clock, activity))
        headers = {"Authorization": f"apikey {KEY}"}
        made = await client.post(BASE + "/datasets/", json={"dataset_id": "tides"}, headers=headers)
        api.uid = (await made.json())["uid"]
        document = {"type": "realtime", "title": "realtime", "params": {"bootstrap": BOOTSTRAP}}
        resource = await api("POST", "resources/", document, status=201)
        api.resource = f"resources/{resource['uid']}"
        yield api


@pytest.fixture
async def api():
    async with opened(secret_key=Secret("k" * 40)) as api:
        await api.schemas.grow(api.uid, Schema({"station": {Rung.TEXT}, "level": {Rung.DOUBLE}}))
        yield api


@pytest.fixture
async def published(api):
    await api("POST", "publish/")
    return api


async def without_recovery(api):
    await api(
        "PUT", api.resource, {"type": "realtime", "params": {"recovery": False, "bootstrap": BOOTSTRAP}}
    )


async def test_renewed_key_overlaps_with_the_old_one(api):
    """For as long as the request asks, in the body or in the query; the answer shows the new key only."""
    first = await api("POST", f"{api.resource}/renew_api_key/", {"grace_seconds": 60})
    second = await api("POST", f"{api.resource}/renew_api_key/?grace_seconds=10")
    resource = api.dataset.resources[0]
    assert resource.opened_by(second["pushkey"], NOW_US + 10_000_000)
    assert resource.opened_by(first["pushkey"], NOW_US + 9_999_999)
    assert not resource.opened_by(first["pushkey"], NOW_US + 10_000_000)
    body = await api("POST", f"{api.resource}/renew_api_key/", {"grace_seconds": -1}, status=400)
    assert body["detail"] == {"field": "grace_seconds"}


async def test_keys_have_scopes_labels_and_an_end(api):
    """A key is shown once; the list tells of it and not the key."""
    wanted = {"scopes": ["delete"], "label": "cleaner", "expires_at": "2023-11-15T00:00:00Z"}
    made = await api("POST", f"{api.resource}/keys/", wanted, status=201)
    assert (made["scopes"], made["label"], made["expires_at"]) == (
        ["delete"],
        "cleaner",
        "2023-11-15T00:00:00+00:00",
    )
    assert made["push_url"].endswith(made["pushkey"])
    listed = (await api("GET", f"{api.resource}/keys"))["results"]
    assert [one["label"] for one in listed] == ["cleaner", ""]
    assert "pushkey" not in listed[0]
    await api("DELETE", f"{api.resource}/keys/{made['uid']}", status=204)
    await api("DELETE", f"{api.resource}/keys/{made['uid']}", status=404)
    assert (await api("GET", f"{api.resource}/keys"))["total_count"] == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": "push"}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"label": ""}, "label"),
        ({"key": "mine"}, "key"),
    ],
)
async def test_wrong_key_is_named(api, document, field):
    """Nothing is made."""
    body = await api("POST", f"{api.resource}/keys/", document, status=400)
    assert body["detail"] == {"field": field}
    assert len(api.dataset.resources[0].keys) == 1


async def test_signing_secret_is_shown_once_and_kept_sealed(api):
    """`whsec_` and 32 bytes in base64; the catalog does not hold it."""
    secret = (await api("POST", f"{api.resource}/signing_secret/", status=201))["signing_secret"]
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    sealed = api.dataset.resources[0].signing_secret
    assert sealed
    assert secret not in sealed
    answer = await api("GET", api.resource)
    assert answer["is_signed"]
    assert "signing_secret" not in answer
    await api("DELETE", f"{api.resource}/signing_secret/", status=204)
    assert not (await api("GET", api.resource))["is_signed"]


async def test_without_the_operators_key_no_secret_can_be_made():
    """The sentence says what is missing."""
    async with opened() as api:
        body = await api("POST", f"{api.resource}/signing_secret/", status=503)
        assert "HEADWATER_SECRET_KEY" in body["message"]


async def test_breaking_change_waits_for_publication_and_is_then_built(published):
    """The stack shows it at once; status tells that it waits, and then how far the build is."""
    api = published
    await api("POST", "fields/", RETYPE, status=201)
    assert (await api("GET", "fields/"))["total_count"] == 1
    assert api.dataset.fields == ()
    status = await api("GET", "status/")
    assert (status["status"], status["params"]["has_draft"]) == ("idle", True)
    assert "publish" in status["message"]
    assert await api("POST", "publish/") == {"detail": "ok"}
    uid = api.dataset.build.uid
    assert (await api("GET", "status/"))["status"] == "queued"
    await api.write(build=replace(api.dataset.build, state=BuildState.FILLING))
    api.activity.write(f"build/{api.uid}", {"build": uid, "replayed": 5, "total": 9, "at_us": 1})
    status = await api("GET", "status/")
    assert (status["status"], status["previous"], status["next"]) == ("processing", "idle", "idle")
    assert status["params"]["progress"] == {"state": "filling", "replayed": 5, "total": 9}
    body = await api("POST", "publish/", status=400)
    assert body["error_code"] == "invalid_dataset_status"
    assert body["message"].endswith("status is 'processing' but must be one of 'idle, error'")
    await api("POST", "fields/", RETYPE, status=400)
    assert await api("POST", "abort/") == {"detail": "ok"}
    assert (api.dataset.build, len(api.dataset.draft)) == (None, 1)
    await api("POST", "abort/", status=400)


async def test_renaming_counts_at_once(published):
    """Nothing stored changes by it."""
    item = {"type": "rename", "from_name": "level", "to_name": "height"}
    await published("POST", "fields/", item, status=201)
    assert (len(published.dataset.fields), published.dataset.draft) == (1, None)


async def test_build_without_a_whole_archive_must_be_accepted(published):
    """409 says of which resource; then 200 with a warning."""
    api = published
    await without_recovery(api)
    await api("POST", "fields/", RETYPE, status=201)
    body = await api("POST", "publish/", status=409)
    assert body["error_code"] == "conflict"
    assert "'realtime'" in body["message"]
    answer = await api("POST", "publish/", {"accept_loss": True})
    assert "'realtime'" in answer["warning"]
    assert api.dataset.build


async def test_dropping_what_cannot_come_back_is_said(published):
    """Truncate and unpublish warn, and do it; with a whole archive there is nothing to say."""
    api = published
    assert await api("POST", "truncate/") == {"detail": "ok"}
    assert (api.dataset.generation, api.dataset.published) == (2, True)
    await without_recovery(api)
    assert "warning" in await api("POST", "truncate/")
    assert "warning" in await api("POST", "unpublish/")
    assert await api("POST", "unpublish/") == {"detail": "ok"}
    body = await api("POST", "truncate/", status=400)
    assert body["message"].endswith("status is 'unpublished' but must be one of 'published'")


async def test_recovery_answers_the_resource_and_builds(published):
    """It needs a published dataset, and one build at a time."""
    api = published
    assert (await api("POST", f"{api.resource}/recover/"))["resource_id"] == "realtime"
    assert api.dataset.build.recovers == api.dataset.resources[0].uid
    await api("POST", f"{api.resource}/recover/", status=400)
    await api("POST", "unpublish/")
    body = await api("POST", f"{api.resource}/recover/", status=400)
    assert body["error_code"] == "invalid_dataset_status"


async def test_archive_is_scratched_up_to_now(published):
    """What comes later is archived again."""
    api = published
    answer = await api("POST", f"{api.resource}/delete_recover_data/")
    assert answer["resource_id"] == "realtime"
    assert api.dataset.resources[0].archived_since > api.dataset.since_version
    await api("POST", f"{api.resource}/clean_cache/", status=204)
    await api("POST", "publish_metadata/")


async def test_history_of_a_published_dataset_is_built(published):
    """Switched on by a PUT; restricted counts at once."""
    answer = await published("PUT", "", {"history": True, "is_restricted": True})
    assert (answer["history"], answer["is_restricted"]) == (False, True)
    assert published.dataset.build.history


async def test_copy_has_the_configuration_and_no_keys(published):
    """Under the name that was asked for, or one made from the title."""
    await published("POST", "fields/", RETYPE, status=201)
    copy = await published("POST", "copy/", {"dataset_id": "tides-2", "title": "Tides again"}, status=201)
    assert (copy["dataset_id"], copy["title"], copy["is_published"]) == ("tides-2", "Tides again", False)
    made = published.catalog.get(copy["uid"])
    assert (len(made.fields), made.resources[0].keys) == (1, ())
    await published("POST", "copy/", {"dataset_id": "tides-2"}, status=409)
    assert (await published("POST", "copy/", status=201))["dataset_id"] == "tides-copy"
    assert (await published("POST", "copy/", status=201))["dataset_id"] == "tides-copy-1"


async def test_previews_show_samples_under_the_stack(api):
    """Of a resource, of one that is not saved, of the fields, and of a stack to try."""
    rows = [{"station": "A1", "level": 1.5}, {"station": "B2", "level": 2}]
    assert (await api("GET", f"{api.resource}/preview/"))["rows"] == rows
    unsaved = {"type": "realtime", "params": {"bootstrap": {"level": "7,5", "other": True}}}
    answer = await api("POST", "resources/preview/", unsaved)
    assert answer["rows"] == [{"station": None, "level": 7.5, "other": True}]
    assert (await api("GET", "fields/preview/"))["rows"] == rows
    tried = await api("POST", "fields/preview/", {"fields": [RETYPE]})
    assert [row["level"] for row in tried["rows"]] == ["1.5", "2"]
    assert tried["is_breaking"] is False
    await api("POST", "publish/")
    assert (await api("POST", "fields/preview/", {"fields": [RETYPE]}))["is_breaking"] is True
    assert api.dataset.fields == ()
    await api("POST", "fields/preview/", {"fields": [{"type": "nonsense"}]}, status=400)
    await api("POST", "fields/preview/", {"fields": [5]}, status=400)
    await api("POST", "fields/preview/", {}, status=400)


async def refuse(api, count, *, code="invalid_value", record=None, step=0):
    """Play the processors: put refused records into quarantine."""
    await api.store.ensure_table(QUARANTINE, {})
    rows = [
        {
            "dataset": api.uid,
            "_version": stamp_at(NOW_US) + 100 + number,  # after the publication
            "position": 0,
            "resource": "realtime",
            "op": "upsert",
            "_received_at": "2023-11-14 22:13:20.000000",
            "record": record or orjson.dumps({"level": f"bad {number}"}).decode(),
            "errors": orjson.dumps(
                [{"processor": "type", "field": "level", "code": code, "message": "is not a number"}]
            ).decode(),
            "code": code,
            "step": step,
            "_deleted": 0,
        }
        for number in range(count)
    ]
    await api.store.insert(QUARANTINE.name, b"\n".join(map(orjson.dumps, rows)))
    return [f"{row['_version']}-0" for row in rows]


def sent(api, topic):
    return [message for message in api.producer.messages if message.topic.endswith(topic)]


async def store_ends(api):
    """Play the sinks: store what was sent to the quarantine topic."""
    for message in sent(api, "quarantine"):
        await api.store.insert(QUARANTINE.name, message.value)


async def test_refused_records_are_listed_filtered_and_counted(published):
    """The newest first; status has the newest hundred and counts by reason."""
    api = published
    ids = await refuse(api, 3)
    page = await api("GET", "quarantine/?limit=2")
    assert [one["id"] for one in page["results"]] == [ids[2], ids[1]]
    assert page["total_count"] == 3
    assert page["next"]
    assert page["results"][0]["record"] == {"level": "bad 2"}
    assert (await api("GET", f"quarantine/{ids[0]}/"))["errors"][0]["field"] == "level"
    for query, found in [
        ("code=invalid_value", 3),
        ("code=other", 0),
        ("field=level&resource=realtime", 3),
        ("field=other", 0),
        ("since=2023-11-14T22:13:20Z", 3),
        ("until=2023-11-14T22:13:20Z", 0),
    ]:
        assert len((await api("GET", f"quarantine/?{query}"))["results"]) == found, query
    await api("GET", "quarantine/?since=yesterday", status=400)
    status = await api("GET", "status/")
    assert status["params"]["errors"] == {"invalid_value": 3}
    assert status["params"]["errors_count"] == 3
    assert status["records_errors"][0]["quarantine_id"] == ids[2]
    assert status["records_errors"][0]["message"] == "is not a number"


async def test_mended_record_is_replayed_as_the_record_that_it_was(published):
    """Its entry is gone once both messages are stored; a second refusal would show it again."""
    api = published
    [entry] = await refuse(api, 1)
    answer = await api("POST", f"quarantine/{entry}/replay/", {"record": {"level": 3}})
    assert answer["replayed"] == 1
    [raw] = sent(api, "raw")
    assert orjson.loads(raw.value) == [{"level": 3}]
    assert (raw.header("version"), raw.header("attempt")) == (entry.removesuffix("-0"), "1")
    await store_ends(api)
    await api("GET", f"quarantine/{entry}/", status=404)
    await refuse(api, 1, step=2)
    await api("POST", f"quarantine/{entry}/replay/")
    assert sent(api, "raw")[1].header("attempt") == "2"


async def test_many_are_replayed_at_once(published):
    """By id or by filter; what is no object is left for mending."""
    api = published
    ids = await refuse(api, 250)
    assert (await api("POST", "quarantine/replay/", {"ids": ids[:2]}))["replayed"] == 2
    await store_ends(api)
    answer = await api("POST", "quarantine/replay/", {"all": True, "code": "invalid_value"})
    assert answer == {"detail": "ok", "replayed": 248, "skipped": 0, "more": False}
    await store_ends(api)
    assert (await api("GET", "quarantine/"))["total_count"] == 0
    assert len({raw.header("version") for raw in sent(api, "raw")}) == 250
    await refuse(api, 1, record="{broken", step=2)
    answer = await api("POST", "quarantine/replay/", {"all": True})
    assert (answer["replayed"], answer["skipped"]) == (0, 1)
    await api("POST", f"quarantine/{ids[0]}/replay/", status=400)
    await api("POST", "quarantine/replay/", {}, status=400)
    await api("POST", "quarantine/replay/", {"ids": ["x"]}, status=404)


async def test_record_of_an_earlier_life_is_not_replayed(published):
    """It would be discarded, and its entry with it; nor is one of a dataset that takes none."""
    api = published
    [entry] = await refuse(api, 1)
    api.clock.advance(1)
    await api("POST", "truncate/")
    body = await api("POST", f"quarantine/{entry}/replay/", status=409)
    assert "emptied" in body["message"]
    assert (await api("POST", "quarantine/replay/", {"all": True}))["skipped"] == 1
    await api("POST", "unpublish/")
    await api("POST", f"quarantine/{entry}/replay/", status=400)
    await api("POST", "quarantine/replay/", {"all": True}, status=400)
    assert sent(api, "raw") == []


async def test_refused_records_are_dropped(published):
    """One, or all that match; nothing is sent through the stack."""
    api = published
    ids = await refuse(api, 5)
    await api("DELETE", f"quarantine/{ids[0]}/", status=204)
    await store_ends(api)
    answer = await api("DELETE", "quarantine/?all=true&field=level")
    assert answer["deleted"] == 4
    await store_ends(api)
    assert (await api("GET", "quarantine/"))["total_count"] == 0
    assert sent(api, "raw") == []


async def test_status_answers_while_the_store_is_away(published):
    """What is not known is null."""
    published.store.available = False
    status = await published("GET", "status/")
    assert (status["status"], status["params"]["errors_count"]) == ("idle", None)


async def test_status_tells_what_came_in_and_what_failed(published):
    """By resource; a failed build is an error until the next one."""
    api = published
    line = {"started_at_us": 1, "at_us": NOW_US, "records": 7, "quarantined": 2}
    api.activity.write(f"in/{api.uid}/realtime/p1", line)
    await api.write(failure="the archive cannot be read")
    status = await api("GET", "status/")
    assert status["params"]["resources"]["realtime"] == {
        "last_received_at": "2023-11-14T22:13:20+00:00",
        "records": 7,
        "quarantined": 2,
    }
    assert (status["status"], status["message"]) == ("error", "the archive cannot be read")


async def test_versions_are_listed_shown_and_restored(published):
    """Newest first; a breaking restoration waits as any breaking change does."""
    api = published
    await api.store.ensure_table(DATASET_VERSIONS, {})
    document = {
        "title": "Tides then",
        "metadata": {"default": {"title": {"value": "Tides then"}}},
        "fields": [{"uid": "df_1", **RETYPE}],
        "on_error": "quarantine",
        "history": False,
        "restricted": False,
        "resources": [],
    }
    rows = [
        {
            "dataset": api.uid,
            "revision": revision,
            "saved_at": f"2023-11-14 22:13:2{revision}.000000",
            "document": orjson.dumps(document).decode(),
        }
        for revision in (1, 2)
    ]
    await api.store.insert(DATASET_VERSIONS.name, b"\n".join(map(orjson.dumps, rows)))
    page = await api("GET", "versions/")
    assert page["results"][0] == {
        "uid": "ch_2",
        "revision": 2,
        "saved_at": "2023-11-14T22:13:22+00:00",
    }
    assert page["total_count"] == 2
    assert (await api("GET", "versions/ch_1/"))["fields"][0]["type"] == "type"
    answer = await api("POST", "versions/ch_1/restore/")
    assert (answer["title"], answer["on_error"]) == ("Tides then", "quarantine")
    assert (api.dataset.fields, len(api.dataset.draft)) == ((), 1)
    for name in ("ch_9", "9", "ch_x", "ch_"):
        await api("GET", f"versions/{name}/", status=404)


async def test_past_is_read_as_of_a_moment(published):
    """Of a dataset that keeps history; of another it is refused."""
    api = published
    await api.read("/tides/records?as_of=2023-11-14T22:13:20Z", status=400)
    await api.write(history=True)
    then, now = stamp_at(NOW_US), stamp_at(NOW_US + 10_000_000)
    row = {"_id": "a" * 40, "_deleted": 0, "_resource": "realtime", "station:text": "A1"}
    columns = {"station:text": "Nullable(String)", "level:double": "Nullable(Float64)"}
    versions = [
        {**row, "_version": then, "_received_at": "2023-11-14 22:13:20.000000", "level:double": 1.0},
        {**row, "_version": now, "_received_at": "2023-11-14 22:13:30.000000", "level:double": 2.0},
    ]
    for table in (rows_table(api.uid, 1), history_table(api.uid, 1)):
        await api.store.ensure_table(table, columns)
        await api.store.insert(table.name, b"\n".join(map(orjson.dumps, versions)))
    assert (await api.read("/tides/records"))["results"][0]["level"] == 2.0
    past = await api.read("/tides/records?as_of=2023-11-14T22:13:25Z")
    assert (past["total_count"], past["results"][0]["level"]) == (1, 1.0)
    one = await api.read(f"/tides/records/{'a' * 40}?as_of={then}")
    assert one["level"] == 1.0
    assert (await api.read("/tides/records?as_of=2023-11-14T00:00:00Z"))["total_count"] == 0
