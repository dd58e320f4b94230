"""What happens to what Faust hands over?"""

import asyncio
from types import SimpleNamespace

import pytest

from headwater.domain.tables import QUARANTINE
from headwater.runtime.store import Relation
from sinks.agent import take_quarantine, take_rows


async def events(*runs):
    """Yield runs as Faust's events."""
    for run in runs:
        yield SimpleNamespace(value=run)


async def test_every_run_of_the_records_topic_is_stored(world, make_row, eventually):
    """Runs of several datasets go to their own tables."""
    runs = [world.log.run(make_row(name), dataset=f"da_{name}") for name in "abc"]

    await take_rows(events(*runs), world.writer)

    await eventually(lambda: world.log.finished == 3)
    assert sorted(await world.store.tables()) == ["d_a_g1", "d_b_g1", "d_c_g1"]


async def test_unreadable_headers_do_not_end_the_agent(world, make_row, eventually):
    """An exception that leaves an agent would stop the partition: the rows go to quarantine instead."""
    runs = [world.log.run(make_row("x"), schema="{"), world.log.run(make_row("a"))]

    await take_rows(events(*runs), world.writer)

    await eventually(lambda: world.log.finished == 2)
    assert await world.ids() == ["a"]
    assert await world.store.count(Relation(table=QUARANTINE.name)) == 1


@pytest.mark.parametrize("count", [None, "some"])
async def test_rows_that_nobody_counted_are_kept(world, make_row, eventually, count):
    """They are not guessed into a table: each waits in quarantine, with all that can be read of it."""
    rows = [make_row("a", 5), make_row("b", 6)]

    await take_rows(events(world.log.run(b",".join(rows), count=count)), world.writer)

    await eventually(lambda: world.log.finished == 1)
    assert await world.store.tables() == [QUARANTINE.name]
    kept = list(world.store._tables[QUARANTINE.name].current())
    assert [(row["_version"], row["resource"]) for row in kept] == [(5, "realtime"), (6, "realtime")]
    assert [row["record"].encode() for row in kept] == rows


async def test_runs_of_the_quarantine_topic_go_to_its_table(world, eventually):
    """One table holds the refused records of all datasets."""
    line = b'{"dataset":"da_a","_version":1,"position":0,"record":"{","errors":"[]"}'

    await take_quarantine(events(world.log.run(line)), world.writer)

    await eventually(lambda: world.log.finished == 1)
    assert await world.store.count(Relation(table=QUARANTINE.name)) == 1


async def test_agent_stops_taking_while_the_buffer_is_full(make_world, make_row, eventually):
    """Backpressure reaches Kafka through the agent that waits."""
    world = await make_world(buffer_max_bytes=1024 * 1024)
    world.store.hold()
    big = make_row("a") + b" " * 700_000
    taken = []

    async def counted():
        for number in range(6):
            taken.append(number)
            yield SimpleNamespace(value=world.log.run(big))

    taking = asyncio.create_task(take_rows(counted(), world.writer))
    await eventually(lambda: world.store.in_flight)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(taken) == 3

    world.store.release()
    await taking
    await eventually(lambda: world.log.finished == 6)
