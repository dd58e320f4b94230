"""The Documents port, by the catalog: one suite on the twin and on the compacted topic of a real Kafka."""

import asyncio
import uuid
from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset, FieldItem, PushKey, Resource
from headwater.domain.errors import BrokerUnavailable, Conflict
from headwater.runtime.catalog import KafkaCatalog
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.settings import KafkaSettings
from tests.contract.worlds import KafkaWorld, MemoryWorld

WAIT_S = 20.0


@pytest.fixture(params=["memory", "kafka"])
async def world(request):
    if request.param == "memory":
        world = MemoryWorld(MemoryCatalog)
    else:
        world = KafkaWorld(request.getfixturevalue("broker").bootstrap, "catalog", KafkaCatalog)
        await world.start()
    yield world
    await world.close()


def dataset(dataset_id="flights", uid=None, **changes):
    return Dataset(
        uid=uid or f"da_{uuid.uuid4().hex[:12]}", dataset_id=dataset_id, title=dataset_id, **changes
    )


async def until(catalog, holds):
    """Wait until the catalog fulfils a condition, checked at each of its changes."""
    done = asyncio.Event()
    catalog.subscribe(lambda _old, _new: done.set() if holds() else None)
    if not holds():
        await asyncio.wait_for(done.wait(), WAIT_S)


async def attempt(catalog, changed):
    """Write and return the result, or the Conflict."""
    try:
        return await catalog.write(changed)
    except Conflict as conflict:
        return conflict


async def test_what_was_written_is_read_back_whole(world):
    """On return the catalog shows the change, with the next revision and every part of the document."""
    catalog = await world.open()
    assert catalog.ready
    resource = Resource(
        uid="re_1",
        resource_id="realtime",
        title="t",
        keys=(PushKey(uid="pk_1", hash="ab"),),
        params={"bootstrap": [{"a": 1.5}]},
    )
    item = FieldItem(uid="df_1", type="annotate", params={"field": "a", "annotation": "id", "args": []})
    written = await catalog.write(dataset(resources=(resource,), fields=(item,), published=True))
    assert written.revision == 1
    assert catalog.get(written.uid) == catalog.find("flights") == written
    assert list(catalog.all()) == [written]


async def test_unknown_names_are_nothing(world):
    """There is no error for what does not exist."""
    catalog = await world.open()
    assert catalog.get("da_none") is None
    assert catalog.find("none") is None
    assert list(catalog.all()) == []


async def test_stale_revision_is_a_conflict(world):
    """A change made from an earlier revision changes nothing."""
    catalog = await world.open()
    first = await catalog.write(dataset())
    second = await catalog.write(replace(first, title="second"))
    with pytest.raises(Conflict, match="revision 1"):
        await catalog.write(replace(first, title="stale"))
    assert catalog.get(first.uid) == second


async def test_taken_dataset_id_is_a_conflict(world):
    """Neither a new dataset nor a rename can take the name of a live dataset."""
    catalog = await world.open()
    await catalog.write(dataset("a"))
    other = await catalog.write(dataset("b"))
    with pytest.raises(Conflict, match="taken"):
        await catalog.write(dataset("a"))
    with pytest.raises(Conflict, match="taken"):
        await catalog.write(replace(other, dataset_id="a"))
    assert [one.dataset_id for one in catalog.all()] == ["a", "b"]


async def test_delete_frees_the_name(world):
    """A deleted dataset is gone, its name can be taken, and its uid does not come back."""
    catalog = await world.open()
    first = await catalog.write(dataset())
    await catalog.delete(first)
    assert catalog.get(first.uid) is None
    assert catalog.find("flights") is None
    again = await catalog.write(dataset())
    assert catalog.find("flights") == again
    with pytest.raises(Conflict):
        await catalog.write(replace(first, dataset_id="other"))


async def test_delete_from_a_stale_revision_is_a_conflict(world):
    """Whoever deletes must have seen what is deleted."""
    catalog = await world.open()
    first = await catalog.write(dataset())
    second = await catalog.write(replace(first, title="newer"))
    with pytest.raises(Conflict):
        await catalog.delete(first)
    assert catalog.get(first.uid) == second


async def test_of_concurrent_changes_exactly_one_wins(world):
    """Several processes change one revision at once: one succeeds, all others know that they did not."""
    catalogs = [await world.open() for _ in range(3)]
    base = await catalogs[0].write(dataset())
    for catalog in catalogs:
        await until(catalog, lambda catalog=catalog: catalog.get(base.uid) is not None)
    results = await asyncio.gather(
        *(attempt(catalog, replace(base, title=f"t{n}")) for n, catalog in enumerate(catalogs))
    )
    won = [one for one in results if isinstance(one, Dataset)]
    assert len(won) == 1
    for catalog in catalogs:
        await until(catalog, lambda catalog=catalog: catalog.get(base.uid) == won[0])


async def test_of_concurrent_creations_under_one_name_exactly_one_wins(world):
    """The dataset_id belongs to the first on the log; the others never come to be, also for a late reader."""
    catalogs = [await world.open() for _ in range(3)]
    results = await asyncio.gather(*(attempt(catalog, dataset("same")) for catalog in catalogs))
    won = [one for one in results if isinstance(one, Dataset)]
    assert len(won) == 1
    late = await world.open()
    assert list(late.all()) == won


async def test_late_starter_sees_the_same(world):
    """A catalog that starts later knows everything when its start returns."""
    early = await world.open()
    kept = [await early.write(dataset(f"d{n}")) for n in range(5)]
    await early.delete(kept.pop())
    kept[0] = await early.write(replace(kept[0], published=True))
    late = await world.open()
    assert late.ready
    assert list(late.all()) == list(early.all()) == kept


async def test_subscribers_get_old_and_new(world):
    """Every change that counts is told once, in order, also to other processes."""
    writer, reader = await world.open(), await world.open()
    seen = []
    reader.subscribe(lambda old, new: seen.append((old, new)))
    first = await writer.write(dataset())
    second = await writer.write(replace(first, title="second"))
    await attempt(writer, replace(first, title="stale"))
    await writer.delete(second)
    await until(reader, lambda: len(seen) == 3)
    assert seen == [(None, first), (first, second), (second, None)]


async def test_write_fails_within_bounds_when_the_log_is_away(world):
    """Without the log the answer is BrokerUnavailable, nothing has changed, and reading goes on."""
    catalog = await world.open()
    first = await catalog.write(dataset())
    await world.cut_off()
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(BrokerUnavailable):
            await catalog.write(replace(first, title="lost"))
        with pytest.raises(BrokerUnavailable):
            await catalog.delete(first)
    assert catalog.get(first.uid) == first


async def test_closing_twice_is_harmless(world):
    """Whoever cleans up need not know what was cleaned up before."""
    catalog = await world.open()
    await catalog.close()
    await catalog.close()
    assert not catalog.ready


async def test_start_fails_within_bounds_without_a_broker():
    """A catalog that cannot know what exists does not start."""
    kafka = KafkaSettings(bootstrap="127.0.0.1:1", produce_timeout_s=1)
    catalog = KafkaCatalog(kafka, KafkaProducer(kafka))
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(BrokerUnavailable):
            await catalog.start()
    assert not catalog.ready
