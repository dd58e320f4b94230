"""Which physical tables are there, and which of them are over?"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from headwater.domain.datasets import Build, Dataset
from headwater.domain.tables import (
    ARCHIVE,
    QUARANTINE,
    history_table,
    patches_history_table,
    patches_table,
    rows_table,
)
from headwater.runtime.health import Health
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.store import MemoryStore
from sinks.patience import Patience
from sinks.tables import Tables, generations_left

TABLE = rows_table("da_a", 1)
N = {"n:int": "Nullable(Int64)"}
M = {"m:int": "Nullable(Int64)"}


class CountingStore(MemoryStore):
    def __init__(self):
        super().__init__()
        self.ensured = []
        self.forgotten = []

    async def ensure_table(self, table, columns):
        await super().ensure_table(table, columns)
        self.ensured.append((table.name, dict(columns)))

    async def forget(self, dataset):
        await super().forget(dataset)
        self.forgotten.append(dataset)


@pytest.fixture
def store():
    return CountingStore()


@pytest.fixture
def dropping():
    """Run a Tables' dropping inside a `with`, and end it after."""
    tasks = []

    def start(tables):
        patience = Patience(Health(), first_s=0.001, longest_s=0.01)
        tasks.append(asyncio.create_task(tables.drop_what_is_over(patience)))

    yield start
    for task in tasks:
        task.cancel()


async def test_table_is_ensured_once_for_each_new_column(store, world):
    """The store is asked only for what it is not known to have."""
    tables = Tables(store, world.catalog)

    for columns in ([N], [N], [N, M], [M], []):
        await tables.ensure(TABLE, columns)

    assert store.ensured == [(TABLE.name, N), (TABLE.name, M)]


async def test_table_without_columns_is_ensured_once_too(store, world):
    """The quarantine table has all its columns from the start."""
    tables = Tables(store, world.catalog)

    for _ in range(2):
        await tables.ensure(QUARANTINE, ())

    assert store.ensured == [(QUARANTINE.name, {})]


async def test_failed_ensure_is_not_remembered(store, world):
    """What the store did not confirm is asked again."""
    tables = Tables(store, world.catalog)
    store.available = False
    with suppress(Exception):
        await tables.ensure(TABLE, [N])
    store.available = True

    await tables.ensure(TABLE, [N])

    assert store.ensured == [(TABLE.name, N)]


async def test_forgotten_table_is_ensured_again(store, world):
    """When the store contradicts, it is right."""
    tables = Tables(store, world.catalog)
    await tables.ensure(TABLE, [N])

    tables.forget(TABLE.name)
    await tables.ensure(TABLE, [M])
    await tables.ensure(TABLE, [N])

    assert store.ensured == [(TABLE.name, N), (TABLE.name, M), (TABLE.name, N)]


async def test_only_generations_before_the_catalogs_are_over(world):
    """The current one counts, and a later one that our catalog has not heard of yet."""
    await world.add_dataset(generation=3)

    assert [world.tables.is_over("da_a", generation) for generation in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


async def test_dataset_that_the_catalog_does_not_know_is_not_over(world):
    """Perhaps our catalog is behind: what is not known to be over must be stored."""
    assert not world.tables.is_over("da_new", 1)


async def test_deleted_dataset_is_over(world):
    """All its generations are."""
    dataset = await world.add_dataset()
    await world.catalog.delete(dataset)

    assert world.tables.is_over("da_a", 1)
    assert world.tables.is_over("da_a", 2)


async def test_deletion_is_learnt_from_the_log_at_the_start(store):
    """A sink that was not there when a dataset was deleted knows it after reading the catalog."""
    shared = MemoryLog()
    writer = MemoryCatalog(shared)
    await writer.start()
    await writer.delete(await writer.write(Dataset(uid="da_a", dataset_id="a", title="A")))

    catalog = MemoryCatalog(shared)
    tables = Tables(store, catalog)
    await catalog.start()

    assert tables.is_over("da_a", 1)


async def test_left_generation_is_dropped(world, dropping, eventually):
    """The new generation's table and other datasets' tables stay."""
    dataset = await world.add_dataset()
    await world.add_dataset("da_b")
    for table in (TABLE, rows_table("da_b", 1), QUARANTINE):
        await world.tables.ensure(table, ())
    dropping(world.tables)

    await world.catalog.write(replace(dataset, generation=2))
    await world.tables.ensure(rows_table("da_a", 2), ())

    await eventually(lambda: TABLE.name not in world.store._tables)
    assert sorted(await world.store.tables()) == ["d_a_g2", "d_b_g1", "quarantine"]


async def test_deleted_dataset_is_dropped(world, dropping, eventually):
    """Its present table is over too."""
    dataset = await world.add_dataset()
    await world.tables.ensure(TABLE, ())
    dropping(world.tables)

    await world.catalog.delete(dataset)

    await eventually(lambda: TABLE.name not in world.store._tables)


async def test_shared_tables_forget_a_deleted_dataset(store, world, dropping, eventually):
    """What was archived and configured goes with it; nobody may write there meanwhile."""
    tables = Tables(store, world.catalog)
    dataset = await world.add_dataset()
    dropping(tables)

    async with tables.lock(ARCHIVE.name):
        await world.catalog.delete(dataset)
        assert tables.is_deleted("da_a")
        for _ in range(20):
            await asyncio.sleep(0)
        assert store.forgotten == []

    await eventually(lambda: store.forgotten == ["da_a"])


BUILD = Build(uid="bu_a", generation=2, fields=(), history=True)


async def test_generation_being_built_is_not_over(world):
    """It is filled beside the present one, until it is complete or given up."""
    dataset = await world.add_dataset(build=BUILD, last_generation=2)
    assert not world.tables.is_over("da_a", 2)

    await world.catalog.write(replace(dataset, build=None))

    assert world.tables.is_over("da_a", 2)
    assert not world.tables.is_over("da_a", 1)


async def test_all_tables_of_an_aborted_build_are_dropped(world, dropping, eventually):
    """Rows, patches and the histories of both; the present generation's stay."""
    dataset = await world.add_dataset(build=BUILD, last_generation=2)
    for generation in (1, 2):
        for table in (rows_table, patches_table, history_table, patches_history_table):
            await world.tables.ensure(table("da_a", generation), ())
    dropping(world.tables)

    await world.catalog.write(replace(dataset, build=None))

    await eventually(lambda: len(world.store._tables) == 4)
    assert sorted(await world.store.tables()) == ["d_a_g1", "d_a_g1_h", "d_a_g1_p", "d_a_g1_ph"]


async def test_left_generation_stays_a_while_for_late_readers(world, dropping, eventually):
    """Who has not heard of the switch yet still reads whole records."""
    tables = Tables(world.store, world.catalog, drop_after_s=0.05)
    dataset = await world.add_dataset()
    await tables.ensure(TABLE, ())
    dropping(tables)

    await world.catalog.write(replace(dataset, generation=2))
    assert tables.is_over("da_a", 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert TABLE.name in world.store._tables

    await eventually(lambda: TABLE.name not in world.store._tables)


def dataset(**facts):
    return Dataset(uid="da_a", dataset_id="a", title="A", **facts)


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (dataset(), dataset(), []),
        (dataset(), dataset(generation=2, last_generation=2), [1]),
        (dataset(), dataset(generation=3), [1, 2]),
        (dataset(), dataset(build=BUILD, last_generation=2), []),
        (dataset(build=BUILD, last_generation=2), dataset(last_generation=2), [2]),
        (dataset(build=BUILD, last_generation=2), dataset(generation=2, last_generation=2, build=BUILD), [1]),
        (dataset(build=BUILD, last_generation=2), dataset(generation=3, last_generation=3), [1, 2]),
        (dataset(generation=2, last_generation=2, build=BUILD), dataset(generation=2, last_generation=2), []),
        (dataset(last_generation=2), None, [1]),
        (dataset(build=BUILD, last_generation=2), None, [1, 2]),
    ],
)
def test_generations_that_a_change_leaves(old, new, left):
    """Each is named once: by the change that leaves it."""
    assert generations_left(old, new) == left


async def test_tables_that_were_over_before_the_start_are_dropped(world, dropping, eventually):
    """Whoever should have dropped them died. What the catalog does not know at all is left alone."""
    names = ["d_a_g1", "d_a_g2", "d_a_g2_ph", "d_a_g3", "d_a_g3_h", "d_unknown_g1", "somebody_elses"]
    for name in names:
        await world.store.ensure_table(replace(TABLE, name=name), {})
    await world.add_dataset(generation=3)

    dropping(world.tables)

    await eventually(lambda: "d_a_g2" not in world.store._tables)
    await eventually(lambda: len(world.store._tables) == 4)
    assert sorted(await world.store.tables()) == ["d_a_g3", "d_a_g3_h", "d_unknown_g1", "somebody_elses"]


async def test_drop_waits_for_the_write_in_flight(world, dropping, eventually):
    """A drop between ensuring and inserting would be undone by the insert."""
    dataset = await world.add_dataset()
    await world.tables.ensure(TABLE, ())
    dropping(world.tables)

    async with world.tables.lock(TABLE.name):
        await world.catalog.write(replace(dataset, generation=2))
        for _ in range(20):
            await asyncio.sleep(0)
        assert TABLE.name in await world.store.tables()

    await eventually(lambda: TABLE.name not in world.store._tables)


async def test_drop_outlasts_an_outage(world, dropping, eventually):
    """A table is dropped when the store is back."""
    dataset = await world.add_dataset()
    await world.tables.ensure(TABLE, ())
    world.store.available = False
    dropping(world.tables)
    await world.catalog.delete(dataset)
    await asyncio.sleep(0)

    world.store.available = True

    await eventually(lambda: TABLE.name not in world.store._tables)


async def test_locks_are_forgotten(world):
    """Memory does not grow with the number of tables."""
    async with world.tables.lock("t"):
        pass

    assert world.tables._locks == {}
