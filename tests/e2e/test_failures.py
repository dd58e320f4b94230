"""Whatever dies in the middle of a load: what was acknowledged is there, once, and nothing else is."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from tests.assertions import assert_table_equals
from tests.e2e.load import Load
from tests.e2e.model import Model

KEY = ("station", "sequence")
KEYED, WHOLE = 40_000, 10_000  # acknowledged records: with a key, and with all fields as the key
MIDDLE = 12_000
LONG = 120_000

pytestmark = pytest.mark.timeout(150)


async def loads_of(api, name: str) -> list[Load]:
    """Return the loads of one case, each on a dataset of its own."""
    keyed = await api.open_dataset(f"{name}-keyed", key=KEY)
    whole = await api.open_dataset(f"{name}-whole")
    return [Load(api, keyed, Model(KEY), KEYED), Load(api, whole, Model(), WHOLE)]


@asynccontextmanager
async def middle_of(*loads: Load):
    """Run the loads; the block begins in the middle of the first and ends once all is acknowledged."""
    async with asyncio.TaskGroup() as group:
        for load in loads:
            group.create_task(load.run())
        await loads[0].reached(MIDDLE)
        assert loads[0].acknowledged < loads[0].total, "the load is over already"
        yield


async def kill_together(stack, *names: str) -> None:
    """Kill processes at the same moment and wait until all are back."""
    old = {name: stack.kill(name) for name in names}
    for name, pid in old.items():
        await stack.restarted(name, pid)


async def assert_tables_equal(api, *loads: Load) -> None:
    for load in loads:
        await assert_table_equals(api, load.dataset, load.model, within_s=40, note=load.note)


@pytest.mark.parametrize("name", ["processors", "sinks", "gateway", "store", "kafka"])
async def test_table_equals_model_after_a_kill(stack, api, name):
    """Deletes and overwrites mixed in; the load repeats what nobody acknowledged, as clients do."""
    loads = await loads_of(api, f"kill-{name}")
    async with middle_of(*loads):
        await kill_together(stack, name)
    await assert_tables_equal(api, *loads)


async def test_table_equals_model_when_sinks_die_with_their_hands_full(stack, api):
    """What they sent to a store that died with it is in no table, so none of it may count as done."""
    loads = await loads_of(api, "hands-full")
    async with middle_of(*loads):
        stack.pause("store")
    await kill_together(stack, "sinks", "store")
    await assert_tables_equal(api, *loads)


async def test_table_equals_model_after_many_kills(stack, api):
    """Again and again, whoever it hits: nobody gets the time to catch up."""
    dataset = await api.open_dataset("many-kills", key=KEY)
    load = Load(api, dataset, Model(KEY), LONG)
    chance = random.Random(load.seed)
    async with middle_of(load):
        while load.acknowledged < load.total:
            await kill_together(stack, chance.choice(["processors", "sinks", "store", "gateway"]))
    await assert_tables_equal(api, load)
