"""Flights through a transformation stack: records a second until all that are left are searchable.

Headwater and its peer (benchmarks/peers) do the same work. Both get one record a message from Kafka, which is
the figure to compare; Headwater also gets batches over HTTP. What is counted are the records that were sent,
cancelled flights included: leaving them out is part of the work.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

import aiohttp
import orjson

from benchmarks.expectations import ExpectationFailed, expect
from benchmarks.job import LoadProcess
from benchmarks.measures.visible import until_searchable
from benchmarks.peers.flights import FLIGHT_ID, PREFIX, TABLES, Record, Table, flights, processors, stored
from benchmarks.stacks.headwater import HeadwaterStack
from benchmarks.stacks.quix import QuixStack
from benchmarks.target import Target

FLIGHTS = f"{PREFIX}flights"
BATCH, CONNECTIONS = 500, 8
REFERENCE_BATCH = 2_000
WITHIN_S = 300.0
_JOINED = ("origin_name", "dest_name", "manufacturer", "temp", "distance_km", "dest_cell")


async def enrichment(stack: HeadwaterStack, records: int, warm_up: int) -> dict[str, Any]:
    """Return Headwater's records/s from Kafka and over HTTP; `records` counts all that were sent for it."""
    target = await headwater_target(stack)
    await _sent(target, 0, warm_up, 1)
    kafka = await _sent(target, warm_up, records, 1)
    http = await _sent(target, warm_up + records, records, BATCH)
    await check_enriched(target)
    return {"records": warm_up + 2 * records, "kafka": kafka, "http": http}


async def peer_enrichment(stack: QuixStack, records: int, warm_up: int) -> dict[str, Any]:
    """Return the peer's records/s from Kafka."""
    target = stack.target
    await _sent(target, 0, warm_up, 1)
    stack.check_alive()
    kafka = await _sent(target, warm_up, records, 1)
    await check_enriched(target)
    return {"records": warm_up + records, "kafka": kafka}


async def headwater_target(stack: HeadwaterStack) -> Target:
    """Make and fill the datasets that flights are joined with; return the empty dataset of flights."""
    for table in TABLES:
        await _fill(await _dataset(stack, table.dataset_id, table.id_fields, table.bootstrap), table)
    bootstrap = next(flight for flight in flights(1_000) if None not in flight.values())
    return await _dataset(stack, FLIGHTS, (FLIGHT_ID,), bootstrap, processors())


async def check_enriched(target: Target) -> None:
    """Raise ExpectationFailed unless flights were really enriched."""
    async with aiohttp.ClientSession() as session, session.get(_page_url(target)) as answer:
        found = orjson.loads(await answer.read())
    page = found[target.newest_key]
    expect(bool(page), f"{target.name}: no flight can be read")
    for name in _JOINED:
        expect(any(row.get(name) for row in page), f"{target.name}: no flight has {name}: {page[0]}")
    for row in page:
        right = row["dep_delay"] / (row["air_time"] / 60)
        expect(abs(row["delay_per_hour"] - right) < 1e-6, f"{target.name}: wrong delay_per_hour: {row}")


async def _sent(target: Target, first: int, records: int, batch: int) -> dict[str, Any]:
    """Send flights and return records/s from the first one sent until all are searchable."""
    expected = await asyncio.to_thread(stored, first + records)
    job = {
        "target": target.to_json(),
        "first": first,
        "records": records,
        "batch": batch,
        "connections": CONNECTIONS,
        "timeout_s": WITHIN_S,
    }
    async with LoadProcess("benchmarks.load.flights", job) as load:
        sent = await load.run(timeout_s=WITHIN_S)
    visible = await until_searchable(target, expected, within_s=WITHIN_S)
    return {
        "records": records,
        "accepted_per_s": round(records / (sent["last_ack"] - sent["started"])),
        "searchable_per_s": round(records / (visible - sent["started"])),
    }


async def _dataset(
    stack: HeadwaterStack,
    dataset_id: str,
    id_fields: tuple[str, ...],
    bootstrap: Record,
    stack_of: list[Record] | None = None,
) -> Target:
    """Make and publish a dataset with a unique key and a stack."""
    title = {"default": {"title": {"value": dataset_id}}}
    uid = (await stack.manage("/datasets/", {"dataset_id": dataset_id, "metadata": title}))["uid"]
    resource = await stack.manage(
        f"/datasets/{uid}/resources/",
        {"type": "realtime", "title": "realtime", "params": {"bootstrap": bootstrap}},
    )
    for field in id_fields:
        await stack.manage(
            f"/datasets/{uid}/fields/", {"type": "annotate", "field": field, "annotation": "id"}
        )
    for document in stack_of or ():
        await stack.manage(f"/datasets/{uid}/processors/", document)
    await stack.manage(f"/datasets/{uid}/publish/", {})
    return stack.target_of(dataset_id, resource["resource_id"], resource["pushkey"])


async def _fill(target: Target, table: Table) -> None:
    """Push the records of a reference table; they are searchable on return."""
    total = 0
    async with aiohttp.ClientSession() as session:
        for batch in _batches(table.records()):
            total += len(batch)
            async with session.post(target.push_url, data=orjson.dumps(batch)) as answer:
                if answer.status != 200:
                    raise ExpectationFailed(f"{target.name}: a push was answered {await answer.text()}")
    await until_searchable(target, total, within_s=WITHIN_S)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, REFERENCE_BATCH)):
        yield batch


def _page_url(target: Target) -> str:
    """Return where some flights can be read, in any order."""
    if target.newest_key == "data":
        return target.newest_url.replace("{offset}", "0")
    return target.count_url.replace("limit=0", "limit=10")
