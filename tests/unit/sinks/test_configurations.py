"""How was a dataset configured before?"""

import asyncio
from dataclasses import replace

import orjson
import pytest

from headwater.domain.datasets import Build, Dataset, FieldItem, PushKey, Resource
from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.store import MemoryStore
from sinks import configurations
from sinks.configurations import Configurations, configuration
from sinks.patience import Patience
from sinks.tables import Tables

NOW_US = 1_714_979_289_000_010
NOW = "2024-05-06 07:08:09.000010"
KEY = PushKey(uid="pk_a", hash="deadbeef" * 8)
SEALED = "sealed"
RESOURCE = Resource(
    uid="re_a", resource_id="door", title="Door", keys=(KEY,), signing_secret=SEALED, params={"x": 1}
)
DATASET = Dataset(uid="da_a", dataset_id="a", title="A", resources=(RESOURCE,))


@pytest.fixture
async def write_down():
    """Start a writer of configurations over a store and a log; end it after the test."""
    tasks = []

    async def start(store, log, *, now_us=NOW_US):
        catalog = MemoryCatalog(log)
        tables = Tables(store, catalog)
        patience = Patience(Health(), first_s=0.001, longest_s=0.01)
        writer = Configurations(store, catalog, tables, clock=ManualClock(now_us), patience=patience)
        await catalog.start()
        task = asyncio.create_task(writer.run())
        tasks.append(task)
        await settle()
        return catalog, task

    yield start
    for task in tasks:
        task.cancel()


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


async def saved(store):
    """Return {revision: (saved at, title)} of what is kept."""
    versions = await store.dataset_versions("da_a", 100, 0)
    documents = {revision: await store.dataset_version("da_a", revision) for revision, _ in versions}
    return {revision: (moment, documents[revision]["title"]) for revision, moment in versions}


async def until_saved(store, count):
    async with asyncio.timeout(5):
        while len(await saved(store)) < count:  # noqa: ASYNC110 - the effect has no event
            await asyncio.sleep(0.001)


async def test_each_configuration_is_kept_once(write_down):
    """A revision that configures nothing is none: what the system notes for itself changes all the time."""
    store = MemoryStore()
    catalog, _ = await write_down(store, MemoryLog())
    first = await catalog.write(DATASET)
    noted = await catalog.write(replace(first, generation=2, last_generation=2, sync_version=9, patched=True))
    await catalog.write(replace(noted, title="B"))
    await settle()

    assert await saved(store) == {1: (NOW, "A"), 3: (NOW, "B")}


async def test_restart_leaves_what_is_kept_as_it_was(write_down):
    """The catalog's log is read again at every start; the moment is that of the first sight."""
    store, log = MemoryStore(), MemoryLog()
    catalog, task = await write_down(store, log)
    await catalog.write(replace(await catalog.write(DATASET), title="B"))
    await settle()
    task.cancel()

    await write_down(store, log, now_us=NOW_US + 10**9)

    assert await saved(store) == {1: (NOW, "A"), 2: (NOW, "B")}


async def test_change_while_no_sink_ran_is_kept(write_down):
    """Later, with the moment at which it was read."""
    store, log = MemoryStore(), MemoryLog()
    catalog = MemoryCatalog(log)
    await catalog.start()
    await catalog.write(replace(await catalog.write(DATASET), title="B"))

    await write_down(store, log)

    assert await saved(store) == {1: (NOW, "A"), 2: (NOW, "B")}


async def test_compacted_log_does_not_repeat_a_configuration(write_down):
    """The last line may be all that is left; it configures what an earlier one did."""
    store, log = MemoryStore(), MemoryLog()
    catalog, task = await write_down(store, log)
    await catalog.write(replace(await catalog.write(DATASET), generation=2, last_generation=2))
    await settle()
    task.cancel()
    del log.lines[0]

    await write_down(store, log)

    assert list(await saved(store)) == [1]


async def test_outage_is_waited_out(write_down):
    """In order, with the moments at which they came."""
    store = MemoryStore()
    catalog, _ = await write_down(store, MemoryLog())
    store.available = False
    await catalog.write(replace(await catalog.write(DATASET), title="B"))
    await settle()
    store.available = True

    await until_saved(store, 2)
    assert sorted(await saved(store)) == [1, 2]


async def test_deleted_dataset_has_no_past(write_down):
    """Nothing is written behind its deletion."""
    store = MemoryStore()
    catalog, _ = await write_down(store, MemoryLog())
    store.available = False
    await catalog.delete(await catalog.write(DATASET))
    store.available = True
    await settle()

    assert await store.dataset_versions("da_a", 10, 0) == []


async def test_what_waits_is_bounded(write_down, monkeypatch):
    """While the store is away memory does not grow with every change."""
    monkeypatch.setattr(configurations, "MAX_WAITING", 3)
    store = MemoryStore()
    catalog, _ = await write_down(store, MemoryLog())
    store.available = False
    present = await catalog.write(DATASET)
    for number in range(10):
        present = await catalog.write(replace(present, title=f"{number}"))
    store.available = True

    await until_saved(store, 3)
    await settle()
    assert len(await saved(store)) == 3


def test_configuration_has_no_secret():
    """Neither keys, nor what they hash to, nor what seals them; nor a build."""
    item = FieldItem(uid="df_a", type="rename", params={"from": "a", "to": "b"})
    build = Build(uid="bu_a", generation=2, fields=(), history=True)
    document = configuration(replace(DATASET, fields=(item,), build=build, restricted=True, history=True))

    assert document == {
        "title": "A",
        "metadata": {},
        "processors": [],
        "fields": [{"uid": "df_a", "type": "rename", "from": "a", "to": "b"}],
        "on_error": "null",
        "on_processor_error": "quarantine",
        "history": True,
        "restricted": True,
        "resources": [
            {
                "uid": "re_a",
                "resource_id": "door",
                "title": "Door",
                "type": "realtime",
                "enabled": True,
                "params": {"x": 1},
            }
        ],
    }
    text = orjson.dumps(document)
    assert not any(secret in text for secret in (b"deadbeef", b"sealed", b"pk_a", b"bu_a"))
