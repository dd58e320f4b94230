"""From a run of topic raw to its place in the archive."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from headwater.domain.datasets import PushKey, Resource, hash_pushkey
from headwater.domain.tables import ARCHIVE
from headwater.runtime.clock import ManualClock, SystemClock
from headwater.runtime.store import RowsRefused
from sinks import archive
from sinks.archive import CHECK, Archiver

RESOURCE = Resource(
    uid="re_a", resource_id="door", title="Door", keys=(PushKey(uid="pk_a", hash=hash_pushkey("k" * 56)),)
)


@pytest.fixture
async def make_archiver(make_world):
    """Make archivers with a world of their own, and close them at the end."""
    archivers = []

    async def make(*, clock=SystemClock(), busy=asyncio.Event(), **settings):  # noqa: B008
        world = await make_world(**{"archive_max_age_s": 0.02, **settings})
        archiver = Archiver(
            world.settings,
            store=world.store,
            tables=world.tables,
            catalog=world.catalog,
            health=world.health,
            clock=clock,
            is_busy=busy.is_set,
        )
        archivers.append(archiver)
        world.dataset = await world.add_dataset(published=True, resources=(RESOURCE,))
        return world, archiver

    yield make
    for archiver in archivers:
        await archiver.close()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def bodies(world, dataset="da_a"):
    """Return what is archived of a dataset, in order."""
    found = await world.store.archived(dataset, after=None, limit=1000, max_bytes=10**9)
    return [message.body for message in found]


async def test_messages_are_archived_after_a_while_and_then_finished(make_archiver, raw_run, eventually):
    """Those of several runs together, in one insert."""
    world, archiver = await make_archiver()
    runs = [raw_run(b'{"a":%d}' % number, first=number, queue=world.log.queue) for number in range(3)]

    async def events():
        for run in runs:
            yield SimpleNamespace(value=run)

    await archiver.take(events())
    await settle()
    assert (world.log.finished, world.store.binary_inserts) == (0, 0)

    await eventually(lambda: world.log.finished == 3)
    assert await bodies(world) == [b'{"a":0}', b'{"a":1}', b'{"a":2}']
    assert world.store.binary_inserts == 1


async def test_full_batch_does_not_wait(make_archiver, raw_run):
    """Its bound in bytes comes before its age."""
    world, archiver = await make_archiver(archive_max_age_s=60, archive_max_bytes=1024)

    await archiver.put(raw_run(b"[" + b" " * 2000 + b"]", queue=world.log.queue))

    assert world.log.finished == 1
    assert len(await bodies(world)) == 1


async def test_what_is_not_kept_is_finished_at_once(make_archiver, raw_run):
    """Recovery is off, a replay, a dataset that nobody knows."""
    world, archiver = await make_archiver()
    off = replace(RESOURCE, uid="re_b", resource_id="off", params={"recovery": False})
    await world.catalog.write(world.dataset.with_resource(off))
    others = ({"resource": "off"}, {"origin": "replay"}, {"dataset": "da_x", "native": True})
    for number, facts in enumerate(others):
        await archiver.put(raw_run(b"{}", first=number, queue=world.log.queue, **facts))

    assert world.log.finished == 3
    assert await world.store.tables() == []


async def test_outage_of_the_store_leaves_runs_unfinished(make_archiver, raw_run, eventually):
    """They are archived when it is back; what the health says of the row path is not touched."""
    world, archiver = await make_archiver()
    world.store.available = False
    await archiver.put(raw_run(b"{}", queue=world.log.queue))
    await eventually(lambda: not world.health.is_ok(CHECK))
    assert (world.log.finished, world.health.is_ok("store")) == (0, True)

    world.store.available = True

    await eventually(lambda: world.log.finished == 1)
    assert world.health.is_ok(CHECK)


async def test_table_that_refuses_our_rows_is_an_outage(make_archiver, raw_run, eventually):
    """No message can cause it, so none is given up: an operator mends the table."""
    world, archiver = await make_archiver()
    insert = world.store.insert_binary

    async def refuse(*_):
        raise RowsRefused("no such column")

    world.store.insert_binary = refuse
    await archiver.put(raw_run(b"{}", queue=world.log.queue))
    await eventually(lambda: not world.health.is_ok(CHECK))
    assert world.log.finished == 0

    world.store.insert_binary = insert

    await eventually(lambda: world.log.finished == 1)


async def test_table_that_vanished_is_made_again(make_archiver, raw_run, eventually):
    """As every other table is."""
    world, archiver = await make_archiver()
    await archiver.put(raw_run(b"[1]", queue=world.log.queue))
    await eventually(lambda: world.log.finished == 1)
    await world.store.drop_table(ARCHIVE.name)

    await archiver.put(raw_run(b"[2]", first=1, queue=world.log.queue))

    await eventually(lambda: world.log.finished == 2)
    assert await bodies(world) == [b"[2]"]


async def test_repeated_run_is_archived_once(make_archiver, raw_run, eventually):
    """A message's place is part of its key."""
    world, archiver = await make_archiver()
    for queue in (None, world.log.queue):
        await archiver.put(raw_run(b"{}", queue=queue))
    await eventually(lambda: world.log.finished == 1)

    assert await bodies(world) == [b"{}"]


async def test_deleted_dataset_is_not_archived_behind_its_deletion(make_archiver, raw_run, eventually):
    """What waits for the store is asked again before the insert."""
    world, archiver = await make_archiver()
    await archiver.put(raw_run(b"{}", queue=world.log.queue))
    await world.catalog.delete(world.dataset)

    await eventually(lambda: world.log.finished == 1)

    assert await world.store.tables() == []


async def test_catalog_that_is_behind_is_waited_for(make_archiver, raw_run, eventually, monkeypatch):
    """The first records after a dataset was made are kept, although we hear of it after them."""
    monkeypatch.setattr(archive, "LOOK_EVERY_S", 0.001)
    world, archiver = await make_archiver()
    world.catalog.age_s = 3600
    putting = asyncio.create_task(
        archiver.put(raw_run(b"{}", dataset="da_b", revision=1, queue=world.log.queue))
    )
    await settle()
    assert not putting.done()

    await world.add_dataset("da_b", published=True, resources=(RESOURCE,))
    await putting

    await eventually(lambda: world.log.finished == 1)
    assert await bodies(world, "da_b") == [b"{}"]


async def test_dataset_that_a_new_catalog_has_not_was_deleted(make_archiver, raw_run, monkeypatch):
    """A catalog heard of after the run came knows all that the gateway knew: nothing to wait for."""
    monkeypatch.setattr(archive, "LOOK_EVERY_S", 0.001)
    world, archiver = await make_archiver()

    await archiver.put(raw_run(b"{}", dataset="da_b", revision=1, queue=world.log.queue))

    assert world.log.finished == 1


async def test_message_of_an_earlier_dataset_of_that_name_is_not_kept(make_archiver, raw_run):
    """The gateway knew a later revision than this dataset has: it meant another one, deleted since."""
    world, archiver = await make_archiver()

    await archiver.put(raw_run(b"{}", revision=9, queue=world.log.queue))

    assert world.log.finished == 1
    assert await world.store.tables() == []


async def test_old_catalog_does_not_decide_about_producers(make_archiver, raw_run, monkeypatch):
    """A key may have been withdrawn since it was last heard of."""
    monkeypatch.setattr(archive, "LOOK_EVERY_S", 0.001)
    world, archiver = await make_archiver()
    world.catalog.age_s = 3600
    putting = asyncio.create_task(archiver.put(raw_run(b"{}", native=True, queue=world.log.queue)))
    await settle()
    assert not putting.done()

    await world.catalog.write(world.dataset.with_resource(replace(RESOURCE, keys=())))
    world.catalog.age_s = 0.0
    await putting

    assert world.log.finished == 1
    assert await world.store.tables() == []


async def test_full_batch_stops_the_taking_while_the_store_is_away(make_archiver, raw_run):
    """Memory stays bounded: what is not taken waits on the log."""
    world, archiver = await make_archiver(archive_max_bytes=1024)
    world.store.available = False
    putting = asyncio.create_task(archiver.put(raw_run(b"[" + b" " * 2000 + b"]", queue=world.log.queue)))
    await settle()
    assert not putting.done()

    world.store.available = True
    await putting
    assert world.log.finished == 1


async def test_closing_leaves_unfinished_what_is_not_archived(make_archiver, raw_run):
    """It is read again by whoever comes next."""
    world, archiver = await make_archiver()
    world.store.available = False
    await archiver.put(raw_run(b"{}", queue=world.log.queue))

    await archiver.close()
    await archiver.close()

    assert world.log.finished == 0


async def test_defect_of_ours_fails_the_health_check(make_archiver, raw_run, eventually):
    """A batch that fails for a reason nobody foresaw is neither dropped nor retried for ever: restart."""
    world, archiver = await make_archiver()

    async def broken(*_):
        raise ZeroDivisionError

    world.store.insert_binary = broken
    await archiver.put(raw_run(b"{}", queue=world.log.queue))

    await eventually(lambda: world.health.failure)
    assert world.log.finished == 0


async def test_rows_go_first_for_a_while(make_archiver, raw_run, eventually, monkeypatch):
    """While many rows are on their way runs wait, but not beyond the age that is set."""
    monkeypatch.setattr(archive, "LOOK_EVERY_S", 0.001)
    clock, busy = ManualClock(raw_run(b"{}").messages[0].timestamp_ms * 1000), asyncio.Event()
    busy.set()
    world, archiver = await make_archiver(clock=clock, busy=busy, archive_yield_s=20)
    run = raw_run(b"{}", queue=world.log.queue)

    async def events():
        yield SimpleNamespace(value=run)

    taking = asyncio.create_task(archiver.take(events()))
    await settle()
    assert not taking.done()
    clock.advance(21)
    await taking

    await eventually(lambda: world.log.finished == 1)
    assert await bodies(world) == [b"{}"]
