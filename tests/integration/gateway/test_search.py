"""Explore v2.1 over HTTP, on the in-memory twins."""

from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import CLICKHOUSE_TYPES, physical_column, rows_table
from headwater.domain.types import FieldType
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret, StoreSettings

BASE = "/api/explore/v2.1"
KEY = "5e" * 28
SINCE = 1_700_000_000_000_000 << 12
STATIONS = Dataset(
    uid="da_1",
    dataset_id="stations",
    title="Stations",
    metadata={"default": {"title": {"value": "Stations"}, "keyword": {"value": ["water"]}}},
    published=True,
    since_version=SINCE,
    fields=(
        FieldItem(uid="df_1", type="type", params={"field": "place", "type_param": "geo_point_2d"}),
        FieldItem(uid="df_2", type="annotate", params={"field": "city", "annotation": "facet", "args": []}),
        FieldItem(uid="df_3", type="rename", params={"from_name": "n", "to_name": "level"}),
    ),
)
SCHEMA = Schema(
    {
        "city": {Rung.TEXT},
        "n": {Rung.INT, Rung.DOUBLE},
        "seen": {Rung.DATETIME},
        "place": {Rung.GEO_POINT},
        "shape": {Rung.GEO_SHAPE},
        "tags": {Rung.TEXTS},
    }
)
SHAPE = {"coordinates": [7.6, 47.5], "type": "Point"}


def column(name, kind):
    return physical_column(name, FieldType(kind))


def row(number, version=1, deleted=0, **columns):
    system = {
        "_id": f"{number:040x}",
        "_version": SINCE + version,
        "_deleted": deleted,
        "_resource": "realtime",
        "_received_at": "2023-11-14 22:13:20.000000",
    }
    return orjson.dumps({**system, **columns})


ROWS = [
    row(
        1,
        **{
            column("city", "text"): "Basel",
            column("n", "int"): 3,
            column("seen", "datetime"): "2014-01-27 04:15:00.000000",
            column("place", "geo_point_2d"): {"lat": 47.5, "lon": 7.6},
            column("shape", "geo_shape"): orjson.dumps(SHAPE).decode(),
            column("tags", "text"): "x;y",
        },
    ),
    row(2, **{column("city", "text"): "Bern", column("n", "double"): 1.5}),
    row(3, **{column("city", "text"): "Chur"}),
    row(4, **{column("city", "text"): "gone"}),
    row(4, version=2, deleted=1),
]


class Explore:
    """The API as an anonymous reader sees it."""

    def __init__(self, client, catalog, store, schemas):
        self.client, self.catalog, self.store, self.schemas = client, catalog, store, schemas

    async def __call__(self, path, *, status=200, **keywords):
        async with self.client.get(BASE + path, **keywords) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def refused(self, path, code, message=None, *, status=400, **keywords):
        body = await self(path, status=status, **keywords)
        assert body["error_code"] == code
        assert body["status"] == "error"
        assert body["error"] == body["message"]
        if message is not None:
            assert body["message"] == message
        return body


@asynccontextmanager
async def serving(store):
    """Serve one published dataset with ROWS from a store."""
    catalog, schemas = MemoryCatalog(), MemorySchemas()
    await catalog.start()
    await catalog.write(STATIONS)
    await schemas.grow("da_1", SCHEMA)
    kinds = [(name, rung.field_type) for name, rungs in SCHEMA.items() for rung in rungs]
    columns = {physical_column(name, kind): CLICKHOUSE_TYPES[kind] for name, kind in kinds}
    await store.ensure_table(rows_table("da_1", 1), columns)
    await store.insert(rows_table("da_1", 1).name, b"\n".join(ROWS))
    app = build(
        GatewaySettings(admin_key=Secret(KEY)),
        producer=MemoryProducer(),
        catalog=catalog,
        store=store,
        clock=ManualClock(),
        schemas=schemas,
    )
    async with TestClient(TestServer(app)) as client:
        yield Explore(client, catalog, store, schemas)


@pytest.fixture
async def explore():
    async with serving(MemoryStore()) as explore:
        yield explore


RECORDS = "/catalog/datasets/stations/records"


@pytest.mark.parametrize("path", [RECORDS, RECORDS + "/"])
async def test_records_are_shown_by_type(explore, path):
    """Every field is there, null where it has no value; deleted records are not."""
    body = await explore(path)
    assert body["total_count"] == 3
    by_city = {one["city"]: one for one in body["results"]}
    assert set(by_city) == {"Basel", "Bern", "Chur"}
    assert by_city["Basel"] == {
        "city": "Basel",
        "level": 3,
        "seen": "2014-01-27T04:15:00+00:00",
        "place": {"lon": 7.6, "lat": 47.5},
        "shape": {"type": "Feature", "geometry": SHAPE, "properties": {}},
        "tags": ["x", "y"],
    }
    empty = {"level": None, "seen": None, "place": None, "shape": None, "tags": None}
    assert by_city["Chur"] == {"city": "Chur", **empty}


async def test_pages_are_stable_and_complete(explore):
    """Walking through with offset shows every record once, in the same order each time."""
    whole = (await explore(RECORDS))["results"]
    walked = [(await explore(f"{RECORDS}?limit=1&offset={n}"))["results"] for n in range(4)]
    assert [one for page in walked for one in page] == whole
    assert walked[3] == []


async def test_limit_zero_counts(explore):
    """Only total_count matters."""
    assert await explore(RECORDS + "?limit=0") == {"total_count": 3, "results": []}


async def test_limit_minus_one_is_the_largest(explore):
    """As many as may be asked for at once."""
    assert len((await explore(RECORDS + "?limit=-1"))["results"]) == 3


@pytest.mark.parametrize(
    ("order", "cities"),
    [
        ("level", ["Bern", "Basel", "Chur"]),
        ("level asc", ["Bern", "Basel", "Chur"]),
        ("level desc", ["Basel", "Bern", "Chur"]),
        ("`city` DESC", ["Chur", "Bern", "Basel"]),
        ("tags, city desc", ["Basel", "Chur", "Bern"]),
    ],
)
async def test_records_are_ordered_by_fields(explore, order, cities):
    """Ascending unless told otherwise, nulls last both ways, several fields after each other."""
    body = await explore(RECORDS, params={"order_by": order})
    assert [one["city"] for one in body["results"]] == cities


async def test_moments_are_shown_in_the_zone_asked_for(explore):
    """The offset is that of the zone at the moment."""
    body = await explore(RECORDS + "?timezone=Europe/Paris&order_by=seen&lang=de&unknown=1")
    assert body["results"][0]["seen"] == "2014-01-27T05:15:00+01:00"


async def test_bad_parameters_are_refused(explore):
    """With the documented codes and sentences."""
    await explore.refused(
        RECORDS + "?limit=101",
        "InvalidRESTParameterError",
        "Invalid value for limit API parameter: 101 was found but -1 <= limit <= 100 is expected.",
    )
    await explore.refused(
        RECORDS + "?limit=100&offset=9950",
        "InvalidRESTParameterError",
        "Invalid value for sum of offset + limit API parameter: 10050 was found but <= 10000 is expected.",
    )
    await explore(RECORDS + "?limit=100&offset=9900")
    await explore.refused(
        RECORDS + "?order_by=nonsense",
        "ODSQLError",
        "ODSQL query is malformed: Unknown field: nonsense. Clause(s) containing the error(s): order_by.",
    )
    await explore.refused(RECORDS + "?timezone=Mars/Olympus", "InvalidRESTParameterError")


@pytest.mark.parametrize("name", ["select", "where", "group_by", "refine", "exclude"])
async def test_what_is_not_built_is_refused_not_ignored(explore, name):
    """An answer without the filter would be wrong."""
    body = await explore.refused(f"{RECORDS}?{name}=x", "InvalidRESTParameterError")
    assert name in body["message"]


async def test_single_record_is_flat(explore):
    """The record object itself, with and without slash."""
    for slash in ("", "/"):
        body = await explore(f"{RECORDS}/{2:040x}{slash}")
        assert (body["city"], body["level"]) == ("Bern", 1.5)


@pytest.mark.parametrize("record_id", [f"{4:040x}", f"{9:040x}", "short", "x" * 40, "%00"])
async def test_record_that_does_not_exist_is_404(explore, record_id):
    """Also a deleted one, and one that could be none."""
    body = await explore.refused(f"{RECORDS}/{record_id}", "NotFoundResource", status=404)
    assert body["message"].startswith("The requested record ")


async def test_dataset_object(explore):
    """Metadata, fields with annotations, and how many records there are."""
    body = await explore("/catalog/datasets/stations")
    assert (body["dataset_id"], body["dataset_uid"], body["has_records"]) == ("stations", "da_1", True)
    metas = body["metas"]["default"]
    assert (metas["title"], metas["records_count"], metas["keyword"]) == ("Stations", 3, ["water"])
    assert metas["modified"] == "2023-11-14T22:13:20+00:00"
    assert body["features"] == ["analyze", "timeserie", "geo"]
    fields = {one["name"]: one for one in body["fields"]}
    assert fields["city"] == {
        "name": "city",
        "label": "city",
        "type": "text",
        "description": None,
        "annotations": {"facet": []},
    }
    assert fields["level"]["type"] == "double"
    assert fields["tags"]["annotations"] == {"multivalued": [";"]}


async def test_catalog_lists_what_can_be_read(explore):
    """Unpublished and private datasets are not there; the order is stable and can be chosen."""
    await explore.catalog.write(Dataset(uid="da_2", dataset_id="a", title="Z", published=True))
    await explore.catalog.write(Dataset(uid="da_3", dataset_id="b", title="b"))
    await explore.catalog.write(Dataset(uid="da_4", dataset_id="c", title="c", published=True, private=True))
    body = await explore("/catalog/datasets/")
    assert body["total_count"] == 2
    assert [one["dataset_id"] for one in body["results"]] == ["a", "stations"]
    ordered = await explore("/catalog/datasets?order_by=title&limit=1")
    assert [one["dataset_id"] for one in ordered["results"]] == ["stations"]
    assert ordered["total_count"] == 2
    await explore.refused("/catalog/datasets?order_by=nonsense", "ODSQLError")
    assert (await explore("/catalog/datasets?limit=10&offset=29990"))["results"] == []
    await explore.refused("/catalog/datasets?limit=11&offset=29990", "InvalidRESTParameterError")


@pytest.mark.parametrize("rest", ["", "/records", f"/records/{1:040x}"])
async def test_hidden_datasets_are_404_like_missing_ones(explore, rest):
    """Who may not read a dataset does not learn that it exists."""
    await explore.catalog.write(Dataset(uid="da_3", dataset_id="closed", title="b"))
    await explore.catalog.write(
        Dataset(uid="da_4", dataset_id="private", title="c", published=True, private=True)
    )
    for name in ("closed", "private", "missing"):
        await explore.refused(
            f"/catalog/datasets/{name}{rest}",
            "NotFoundResource",
            f"The requested dataset {name} does not exist.",
            status=404,
        )


async def test_dataset_without_a_table_is_empty(explore):
    """Nothing was stored yet: that is no error, and declared fields are shown."""
    fields = (FieldItem(uid="df_1", type="type", params={"field": "a", "type_param": "int"}),)
    await explore.catalog.write(
        Dataset(uid="da_2", dataset_id="fresh", title="f", published=True, fields=fields)
    )
    assert await explore("/catalog/datasets/fresh/records") == {"total_count": 0, "results": []}
    body = await explore("/catalog/datasets/fresh")
    assert (body["has_records"], body["metas"]["default"]["records_count"]) == (False, 0)
    assert [one["name"] for one in body["fields"]] == ["a"]


@pytest.mark.parametrize("path", [RECORDS, f"{RECORDS}/{1:040x}", "/catalog/datasets"])
async def test_store_that_is_away_is_503(explore, path):
    """Searches may be repeated; the answer says when."""
    explore.store.available = False
    response = await explore.client.get(BASE + path)
    assert response.status == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert (await response.json())["error_code"] == "unavailable"


@pytest.mark.parametrize("path", ["/", "/nonsense", "/catalog", "/catalog/datasets/stations/nonsense/x"])
async def test_unknown_paths(explore, path):
    """404 with the documented code."""
    await explore.refused(path, "NotFoundURI", "The requested URI does not exist.", status=404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_other_verbs_are_405(explore, method):
    """The path exists, the verb does not; Allow names those that do."""
    response = await explore.client.request(method, BASE + RECORDS)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert (await response.json())["error_code"] == "MethodNotAllowed"


async def test_head_and_options_are_answered(explore):
    """HEAD as GET without body; OPTIONS as browsers ask before they read."""
    head = await explore.client.head(BASE + RECORDS)
    assert (head.status, await head.read()) == (200, b"")
    options = await explore.client.options(BASE + RECORDS)
    assert options.status == 204
    assert options.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert options.headers["Access-Control-Max-Age"] == "1000"


@pytest.mark.parametrize("path", [RECORDS, "/nonsense", RECORDS + "?limit=101"])
async def test_browsers_of_any_origin_may_read_every_answer(explore, path):
    """Errors too, else a page cannot show them."""
    response = await explore.client.get(BASE + path)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Link" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Content-Type"].startswith("application/json")


async def test_key_must_be_right_when_there_is_one(explore):
    """A wrong key is 401, not anonymous access; the right one reads."""
    wrong = {"Authorization": "Apikey wrong"}
    await explore.refused(RECORDS, "UnauthorizedAccess", status=401, headers=wrong)
    await explore.refused(RECORDS + "?apikey=wrong", "UnauthorizedAccess", status=401)
    await explore(RECORDS, headers={"Authorization": f"Apikey {KEY}"})


@pytest.mark.parametrize(
    "path",
    [
        RECORDS,
        RECORDS + "?order_by=level desc, city&limit=2&offset=1",
        RECORDS + "?order_by=seen&timezone=Asia/Tokyo",
        f"{RECORDS}/{2:040x}",
        "/catalog/datasets",
    ],
)
async def test_answers_from_clickhouse_are_the_same(explore, clickhouse, unique, path):
    """What the twin shows is what the real store shows."""
    store = ClickHouseStore(StoreSettings(url=clickhouse.url, database=unique))
    await store.start()
    try:
        async with serving(store) as real:
            assert await real(path) == await explore(path)
    finally:
        await store.close()
