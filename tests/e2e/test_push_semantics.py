"""Waiting, repeating, merging and synchronising through everything: HTTP, Kafka, the store, and back."""

import asyncio
import random
from io import BytesIO

import aiohttp
import orjson
import pytest

from tests.assertions import eventually

pytestmark = pytest.mark.timeout(200)

WAIT = {"wait": "true", "timeout": "20"}
SYNC = {"sync": "true", "timeout": "20"}


async def send(api, dataset, body, *, tail="push/", key=None, **query):
    """Push, with an idempotency key if there is one; return (status, answer)."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await api.request(
        "POST", api.path(dataset, tail), data=BytesIO(orjson.dumps(body)), headers=headers, params=query
    )
    return answer.status, answer.body


async def levels(api, dataset):
    """Return what readers see: level by station."""
    return {one["station"]: one.get("level") for one in await api.records(dataset, "station")}


async def test_what_was_waited_for_can_be_found(api):
    """Read your writes: pushes, deletions, small and large, without a pause between answer and search."""
    dataset = await api.open_dataset("waited", key=["station"])
    visible = (200, {"status": "ok", "visible": True})
    for number in range(10):
        assert await send(api, dataset, {"station": f"s{number}", "level": number}, **WAIT) == visible
        assert await api.total_count(dataset) == number + 1
    many = [{"station": f"m{number}", "level": number, "note": "x" * 100} for number in range(20_000)]
    assert await send(api, dataset, many, **WAIT) == visible
    assert await api.total_count(dataset) == 20_010
    assert await send(api, dataset, many, tail="delete/", **WAIT) == visible
    assert await levels(api, dataset) == {f"s{number}": number for number in range(10)}


async def test_what_becomes_nothing_or_is_quarantined_keeps_nobody_waiting(api):
    """A deletion of something unknown, and a record that its dataset refuses, are settled as well."""
    dataset = await api.open_dataset("settled", key=["station"], bootstrap={"station": 1})
    status, answer = await send(api, dataset, {"station": "no number"}, **WAIT)
    assert (status, answer["visible"]) == (200, True)
    status, answer = await send(api, dataset, {"station": 7}, tail="delete/", **WAIT)
    assert (status, answer["visible"]) == (200, True)
    assert await api.total_count(dataset) == 0


async def test_merged_fields_are_seen_beside_the_others(api):
    """A merge changes what it names; a push replaces; a deletion hides what was merged before it."""
    dataset = await api.open_dataset("merged", key=["station"])
    await send(
        api, dataset, [{"station": "A", "level": 1, "note": "old"}, {"station": "B", "level": 2}], **WAIT
    )
    await send(
        api, dataset, [{"station": "A", "level": 5}, {"station": "C", "level": 9}], merge="true", **WAIT
    )
    assert await levels(api, dataset) == {"A": 5, "B": 2, "C": 9}
    first = (await api.records(dataset, "station"))[0]
    assert first["note"] == "old"

    await send(api, dataset, {"station": "A", "level": 6}, **WAIT)
    await send(api, dataset, {"station": "C"}, tail="delete/", **WAIT)
    assert await levels(api, dataset) == {"A": 6, "B": 2}


async def test_repeated_pushes_store_nothing_new(stack, api):
    """Also when the gateway was killed in between and something newer was stored meanwhile."""
    dataset = await api.open_dataset("repeated", key=["station"])
    assert await send(api, dataset, {"station": "A", "level": 1}, key="first", **WAIT) == (
        200,
        {"status": "ok", "visible": True},
    )
    await send(api, dataset, {"station": "A", "level": 2}, key="second", **WAIT)
    assert (await send(api, dataset, {"station": "A", "level": 1}, key="first", **WAIT))[0] == 200
    assert await levels(api, dataset) == {"A": 2}
    old = stack.kill("gateway")
    await stack.restarted("gateway", old)

    assert await send(api, dataset, {"station": "A", "level": 1}, key="first", **WAIT) == (
        200,
        {"status": "ok", "visible": True},
    )
    assert await levels(api, dataset) == {"A": 2}
    assert (await send(api, dataset, {"station": "B"}, key="first"))[0] == 422


async def test_sync_makes_the_dataset_exactly_the_set(api):
    """Adds, changes and deletes by one request; what is pushed afterwards stays."""
    dataset = await api.open_dataset("synced", key=["station"])
    await send(api, dataset, [{"station": f"s{number}", "level": 0} for number in range(500)], **WAIT)
    wanted = [{"station": f"s{number}", "level": number} for number in range(0, 1000, 2)]
    assert await send(api, dataset, wanted, **SYNC) == (200, {"status": "ok", "records": 500, "deleted": 250})
    assert await levels(api, dataset) == {one["station"]: one["level"] for one in wanted}
    await send(api, dataset, {"station": "new", "level": 1}, **WAIT)
    assert await api.total_count(dataset) == 501

    assert await send(api, dataset, [], **SYNC) == (200, {"status": "ok", "records": 0, "deleted": 501})
    assert await levels(api, dataset) == {}


@pytest.mark.parametrize("victim", ["gateway", "processors", "sinks", "store"])
async def test_sync_repeated_until_it_succeeds_ends_right_through_a_crash(stack, api, victim):
    """Until it has succeeded, readers see the old records or all of the set; then exactly the set."""
    dataset = await api.open_dataset(f"synced-{victim}", key=["station"])
    before = {f"s{number}": 0 for number in range(1000)}
    after = {f"s{number}": 1 for number in range(500, 3000)}
    await send(api, dataset, [{"station": name, "level": level} for name, level in before.items()], **WAIT)
    body = [{"station": name, "level": level} for name, level in after.items()]

    async def synced():
        try:
            status, answer = await send(api, dataset, body, key="the set", **SYNC)
        except (aiohttp.ClientError, TimeoutError):
            raise AssertionError("nobody answered") from None
        assert status == 200, answer

    syncing = asyncio.create_task(eventually(synced, within_s=120))
    await asyncio.sleep(random.uniform(0, 0.3))
    old = stack.kill(victim)
    await stack.restarted(victim, old)
    await syncing

    assert await levels(api, dataset) == after
