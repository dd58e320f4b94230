"""What does nobody need any more?"""

import asyncio
from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset, Resource
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import UnknownTable
from sinks import housekeeping
from sinks.housekeeping import Housekeeper, expired
from sinks.patience import Patience

DAY_US = 24 * 3600 * 1_000_000
NOW_US = 1_714_979_289_000_000


class NotingStore(MemoryStore):
    """A store in memory that notes what it was told to delete."""

    def __init__(self):
        super().__init__()
        self.deleted = []

    async def delete_rows_before(self, table, version, column="_version"):
        self._check_available()
        self.deleted.append((table, column, version))

    async def delete_archived(self, dataset, resource, before_version):
        self._check_available()
        self.deleted.append((dataset, resource, before_version))
        raise UnknownTable("nobody archived anything yet")


@pytest.fixture
async def keep_house():
    """Start a housekeeper over a store and a catalog; end it after the test."""
    tasks = []

    async def start(*, interval_s=600.0, log=None):
        store, catalog = NotingStore(), MemoryCatalog(log)
        housekeeper = Housekeeper(
            store,
            catalog,
            clock=ManualClock(NOW_US),
            patience=Patience(Health(), first_s=0.001, longest_s=0.01),
            garbage_interval_s=interval_s,
        )
        await catalog.start()
        tasks.append(asyncio.create_task(housekeeper.run()))
        await settle()
        return store, catalog

    yield start
    for task in tasks:
        task.cancel()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def resource(resource_id="door", **facts):
    return Resource(uid="re_" + resource_id, resource_id=resource_id, title=resource_id, **facts)


def dataset(**facts):
    return Dataset(uid="da_a", dataset_id="a", title="A", **facts)


async def test_what_a_sync_left_behind_is_deleted(keep_house, eventually):
    """Rows and patches of the present generation; nobody reads them any more."""
    store, catalog = await keep_house()
    first = await catalog.write(dataset(generation=3, last_generation=3))

    await catalog.write(replace(first, sync_version=77))

    await eventually(lambda: len(store.deleted) == 2)
    assert store.deleted == [("d_a_g3", "_version", 77), ("d_a_g3_p", "_patched", 77)]


async def test_syncs_that_follow_each_other_are_tidied_up_together(keep_house, eventually):
    """A deletion costs the store much; of those within the interval the last counts."""
    store, catalog = await keep_house(interval_s=0.05)
    present = await catalog.write(dataset())
    for version in range(1, 6):
        present = await catalog.write(replace(present, sync_version=version))
        await settle()
    assert [version for *_, version in store.deleted] == [1, 1]

    await eventually(lambda: len(store.deleted) == 4)
    assert [version for *_, version in store.deleted[2:]] == [5, 5]


async def test_sync_before_the_start_is_tidied_up(keep_house, eventually):
    """Whoever should have done it died."""
    log = MemoryLog()
    writer = MemoryCatalog(log)
    await writer.start()
    await writer.write(dataset(sync_version=5))

    store, _ = await keep_house(log=log)

    await eventually(lambda: len(store.deleted) == 2)


async def test_deleted_archive_is_deleted_at_once(keep_house, eventually):
    """The owner asked for it; that nothing is there is no failure."""
    store, catalog = await keep_house()
    first = await catalog.write(dataset(resources=(resource(), resource("other"))))

    await catalog.write(first.with_resource(resource(archived_since=99)))

    await eventually(lambda: store.deleted)
    await settle()
    assert store.deleted == [("da_a", "door", 99)]


async def test_old_archive_is_deleted_every_day(keep_house, eventually, monkeypatch):
    """From the start on, so that a restart does not put it off."""
    monkeypatch.setattr(housekeeping, "DAY_S", 0.01)
    store, catalog = await keep_house()
    await catalog.write(dataset(resources=(resource(params={"recovery_retention_days": 2}),)))

    await eventually(lambda: len(store.deleted) >= 2)
    assert set(store.deleted) == {("da_a", "door", stamp_at(NOW_US - 2 * DAY_US))}


async def test_tidying_waits_for_the_store(keep_house, eventually):
    """Nothing is forgotten in an outage."""
    store, catalog = await keep_house()
    store.available = False
    await catalog.write(dataset(sync_version=5))
    await settle()

    store.available = True

    await eventually(lambda: len(store.deleted) == 2)


async def test_dataset_deleted_meanwhile_is_left_alone(keep_house):
    """Its tables are dropped whole."""
    store, catalog = await keep_house()
    present = await catalog.write(dataset(sync_version=5))
    await catalog.delete(present)

    await settle()

    assert store.deleted == []


@pytest.mark.parametrize(
    ("facts", "before"),
    [
        ({}, None),
        ({"params": {"recovery_retention_days": None}}, None),
        ({"params": {"recovery_retention_days": 0}}, None),
        ({"params": {"recovery_retention_days": "7"}}, None),
        ({"params": {"recovery_retention_days": True}}, None),
        ({"params": {"recovery_retention_days": 7}}, stamp_at(NOW_US - 7 * DAY_US)),
        ({"params": {"recovery_retention_days": 7, "recovery": False}}, stamp_at(NOW_US - 7 * DAY_US)),
        ({"params": {"recovery_retention_days": 10**9}}, None),
        ({"archived_since": 5}, 5),
        ({"archived_since": 5, "params": {"recovery_retention_days": 7}}, stamp_at(NOW_US - 7 * DAY_US)),
        ({"archived_since": 2**63, "params": {"recovery_retention_days": 7}}, 2**63),
    ],
)
def test_archive_is_kept_as_long_as_its_owner_wants(facts, before):
    """For good unless a number of days is set; what the owner deleted is gone whatever the days are."""
    found = list(expired(dataset(resources=(resource(**facts),)), NOW_US))

    assert found == ([] if before is None else [("door", before)])
