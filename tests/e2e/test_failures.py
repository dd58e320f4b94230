"""Whatever dies in the middle of a load: what was acknowledged is there, once, and nothing else is."""

import asyncio

import pytest

from tests.assertions import assert_table_equals
from tests.e2e.load import Load
from tests.e2e.model import Model

KEY = ("station", "sequence")
KEYED, WHOLE = 40_000, 10_000  # acknowledged records: with a key, and with all fields as the key
MIDDLE = 12_000

pytestmark = pytest.mark.timeout(150)


async def loads_of(api, name: str) -> list[Load]:
    """Return the loads of one case, each on a dataset of its own."""
    keyed = await api.open_dataset(f"{name}-keyed", key=KEY)
    whole = await api.open_dataset(f"{name}-whole")
    return [Load(api, keyed, Model(KEY), KEYED), Load(api, whole, Model(), WHOLE)]


async def kill_in_the_middle(stack, loads: list[Load], *names: str) -> None:
    """Run the loads, kill processes meanwhile; return when they are back and all is acknowledged."""
    async with asyncio.TaskGroup() as group:
        for load in loads:
            group.create_task(load.run())
        await loads[0].reached(MIDDLE)
        assert loads[0].acknowledged < KEYED, "the load is over already"
        old = {name: stack.kill(name) for name in names}
        for name, pid in old.items():
            await stack.restarted(name, pid)


async def assert_tables_equal(api, loads: list[Load]) -> None:
    for load in loads:
        await assert_table_equals(api, load.dataset, load.model, within_s=40, note=load.note)


@pytest.mark.parametrize("name", ["processors", "sinks", "gateway", "store", "kafka"])
async def test_table_equals_model_after_a_kill(stack, api, name):
    """Deletes and overwrites mixed in; the load repeats what nobody acknowledged, as clients do."""
    loads = await loads_of(api, f"kill-{name}")
    await kill_in_the_middle(stack, loads, name)
    await assert_tables_equal(api, loads)
