"""From a parcel to the end of its run."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from headwater.domain.tables import QUARANTINE, patch_type, rows_table
from headwater.runtime import metrics
from sinks.parcels import quarantine_parcel, rows_parcel

TABLE = rows_table("da_a", 1).name
MIB = 1024 * 1024


async def settle():
    """Let every task that can run come to its next wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def quarantined(world):
    """Return the rows of the quarantine table."""
    return list(world.store._tables[QUARANTINE.name].current())


async def test_rows_are_stored_told_and_their_run_finished(world, make_row, eventually):
    """The plain way: one run, one insert, one line of news."""
    await world.writer.put(rows_parcel(world.log.run(make_row("a", 5, 1), make_row("b", 6))))

    await eventually(lambda: world.log.finished == 2)
    assert await world.ids() == ["a", "b"]
    await eventually(world.applied)
    (news,) = world.applied()
    assert (news["dataset"], news["sources"], news["rows"], news["max_version"]) == ("da_a", ["0:0:2"], 2, 6)


async def test_run_is_not_finished_before_its_insert_is_durable(world, make_row, eventually):
    """The offset must not pass rows that only we have."""
    world.store.hold()
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await eventually(lambda: world.store.in_flight)
    await settle()
    assert (world.log.finished, world.applied()) == (0, [])

    world.store.release()

    await eventually(lambda: world.log.finished == 1)


async def test_rows_that_come_during_an_insert_leave_together(world, make_row, eventually):
    """One insert at a time for a table; the next takes all that waited."""
    world.store.hold()
    for number in range(10):
        await world.writer.put(rows_parcel(world.log.run(make_row(f"{number}"))))
    await settle()

    world.store.release()

    await eventually(lambda: world.log.finished == 10)
    assert [rows.count(b"\n") + 1 for _, rows, _ in world.store.inserts] == [1, 9]
    assert world.store.most_in_flight == 1


async def test_tables_are_written_to_at_the_same_time(world, make_row, eventually):
    """One slow table must not hold back the others."""
    world.store.hold()
    for dataset in ("da_a", "da_b", "da_c"):
        await world.writer.put(rows_parcel(world.log.run(make_row("x"), dataset=dataset)))

    await eventually(lambda: world.store.in_flight == 3)


async def test_full_buffer_makes_put_wait(make_world, make_row, eventually):
    """Memory stays bounded while the store is slow: nobody takes more from Kafka."""
    world = await make_world(buffer_max_bytes=MIB)
    world.store.hold()
    big = make_row("big") + b" " * (600 * 1024)
    for _ in range(2):
        await world.writer.put(rows_parcel(world.log.run(big)))
    waiting = asyncio.create_task(world.writer.put(rows_parcel(world.log.run(big))))
    await settle()
    assert not waiting.done()
    assert world.writer.buffered_bytes < 2 * MIB

    world.store.release()

    await waiting
    await eventually(lambda: world.log.finished == 3)


async def test_outage_loses_nothing_and_tells_nothing_early(world, make_row, eventually):
    """While the store is away runs stay unfinished; when it is back they are stored."""
    world.store.available = False
    before = metrics.RETRIES.labels(service="sinks", cause="store")._value.get()
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await eventually(lambda: metrics.RETRIES.labels(service="sinks", cause="store")._value.get() > before)
    assert world.log.finished == 0
    assert not world.health.ready

    world.store.available = True

    await eventually(lambda: world.log.finished == 1)
    assert await world.ids() == ["a"]
    assert world.health.ready


async def test_bad_rows_go_to_quarantine_and_the_others_to_their_table(world, make_row, by_name, eventually):
    """A bad record never blocks good ones; then the run is finished."""
    good = [make_row(f"{number:02}", 1, number) for number in range(20)]
    bad = [make_row("bad", 77, "many"), b"garbage"]
    before = metrics.STORED_ROWS._value.get()
    run = world.log.run(b",".join([*good[:7], bad[0], *good[7:]]), bad[1])
    await world.writer.put(rows_parcel(run))

    await eventually(lambda: world.log.finished == 2)

    assert len(await world.ids()) == 20
    assert metrics.STORED_ROWS._value.get() - before == 20
    rows = await quarantined(world)
    kept = {row["record"]: (row["_version"], row["resource"], row["_received_at"]) for row in rows}
    assert kept == {
        orjson.dumps(by_name(bad[0])).decode(): (77, "realtime", "2024-05-06 07:08:09.000010"),
        "garbage": (0, "", kept["garbage"][2]),
    }
    assert {row["dataset"] for row in rows} == {"da_a"}
    assert {orjson.loads(row["errors"])[0]["code"] for row in rows} == {"store_refused"}
    await eventually(world.applied)
    assert [news["rows"] for news in world.applied()] == [20]


async def test_bad_rows_of_one_run_do_not_unfinish_their_neighbours(world, make_row, eventually):
    """Each run of a refused batch is finished by itself."""
    world.store.hold()
    await world.writer.put(rows_parcel(world.log.run(make_row("first"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("good"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("bad", 1, "x"))))
    world.store.release()

    await eventually(lambda: world.log.finished == 3)

    assert sorted(await world.ids()) == ["first", "good"]
    assert len(await quarantined(world)) == 1


async def test_value_that_cannot_be_cut_counts_as_one_refused_row(world, make_row, eventually):
    """What a header says of rows that nobody can find is not counted as stored."""
    before = metrics.STORED_ROWS._value.get()
    await world.writer.put(rows_parcel(world.log.run(make_row("a") + b",garbage", count="2")))

    await eventually(world.applied)

    assert len(await quarantined(world)) == 1
    assert metrics.STORED_ROWS._value.get() == before
    assert [news["rows"] for news in world.applied()] == [0]


async def test_rows_of_two_layouts_leave_in_an_insert_each(world, make_row, eventually):
    """A row's values have no names of their own: what leaves together has the same columns in one order."""
    n, m = '{"n:int":"Nullable(Int64)"}', '{"m:int":"Nullable(Int64)","n:int":"Nullable(Int64)"}'
    world.store.hold()
    for name, schema, cells in (("0", n, (0,)), ("1", m, (5, 1)), ("2", n, (2,)), ("3", m, (7, 3))):
        run = world.log.run(make_row(name, 1, *cells), schema=schema)
        await world.writer.put(rows_parcel(run))
    world.store.release()

    await eventually(lambda: world.log.finished == 4)

    first, *others = [(columns[5:], rows.count(b"\n") + 1) for _, rows, columns in world.store.inserts]
    assert first == (("n:int",), 1)
    assert sorted(others) == [(("m:int", "n:int"), 2), (("n:int",), 1)]
    rows = sorted(world.store._tables[TABLE].current(), key=lambda row: row["_id"])
    assert [(row["m:int"], row["n:int"]) for row in rows] == [(None, 0), (5, 1), (None, 2), (7, 3)]
    await eventually(lambda: len(world.applied()) == 3)
    assert sorted(tuple(news["sources"]) for news in world.applied()) == [
        ("0:0:1",),
        ("0:1:2", "0:3:4"),
        ("0:2:3",),
    ]


async def test_one_layout_does_not_wait_for_another_to_finish_its_runs(world, make_row, eventually):
    """Each insert finishes the runs that it stored, also when the next one of the batch takes long."""
    wider = '{"m:int":"Nullable(Int64)","n:int":"Nullable(Int64)"}'
    world.store.hold()
    await world.writer.put(rows_parcel(world.log.run(make_row("first"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("b", 1, 5, 6), schema=wider)))
    world.store.hold_at(3)
    world.store.release()

    await eventually(lambda: len(world.store.inserts) == 3)
    await settle()
    assert world.log.finished == 2

    world.store.release()

    await eventually(lambda: world.log.finished == 3)


async def test_refused_layout_does_not_touch_the_other(world, make_row, eventually):
    """Bad rows of one layout are looked for among its own."""
    wider = '{"m:int":"Nullable(Int64)","n:int":"Nullable(Int64)"}'
    world.store.hold()
    await world.writer.put(rows_parcel(world.log.run(make_row("first"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("bad", 9, "x"))))
    await world.writer.put(rows_parcel(world.log.run(make_row("good", 1, 5, 6), schema=wider)))
    world.store.release()

    await eventually(lambda: world.log.finished == 3)

    assert await world.ids() == ["first", "good"]
    (row,) = await quarantined(world)
    assert row["_version"] == 9
    assert len([columns for _, _, columns in world.store.inserts if columns and "m:int" in columns]) == 1


async def test_row_with_a_wrong_number_of_values_is_refused(world, make_row, eventually):
    """It is found among the others of its message."""
    rows = [make_row("a", 1, 5), make_row("b", 2, 5, 6), make_row("c", 3, 7)]
    await world.writer.put(rows_parcel(world.log.run(b",".join(rows))))

    await eventually(lambda: world.log.finished == 1)

    assert await world.ids() == ["a", "c"]
    (row,) = await quarantined(world)
    assert (row["_version"], row["record"].encode()) == (2, rows[1])


async def test_quarantine_waits_out_an_outage(world, make_row, eventually):
    """A refused row is durable in quarantine before its run is finished."""
    refuse, insert = world.store.insert, world.store.insert

    async def fail_once(table, rows, columns=None):
        if table == QUARANTINE.name and world.store.available:
            world.store.available = False
            asyncio.get_running_loop().call_later(0.02, setattr, world.store, "available", True)
        await insert(table, rows, columns)

    world.store.insert = fail_once
    await world.writer.put(rows_parcel(world.log.run(make_row("bad", 1, "x"))))
    await eventually(lambda: not world.store.available)
    assert world.log.finished == 0
    world.store.insert = refuse

    await eventually(lambda: world.log.finished == 1)
    assert len(await quarantined(world)) == 1


async def test_column_that_vanished_is_added_again(world, make_row, eventually):
    """Somebody restored the store from an older state: no row is refused for that."""
    await world.writer.put(rows_parcel(world.log.run(make_row("a", 1))))
    await eventually(lambda: world.log.finished == 1)
    await world.store.drop_table(TABLE)
    await world.store.ensure_table(rows_table("da_a", 1), {})

    await world.writer.put(rows_parcel(world.log.run(make_row("b", 2))))

    await eventually(lambda: world.log.finished == 2)
    assert await world.ids() == ["b"]
    assert QUARANTINE.name not in await world.store.tables()


async def test_table_that_vanished_is_made_again(world, make_row, eventually):
    """An unknown table is made, unless its generation is over."""
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await eventually(lambda: world.log.finished == 1)
    await world.store.drop_table(TABLE)

    await world.writer.put(rows_parcel(world.log.run(make_row("b"))))

    await eventually(lambda: world.log.finished == 2)
    assert await world.ids() == ["b"]


async def test_rows_of_a_past_generation_are_discarded_and_counted(world, make_row, eventually):
    """Late rows must not bring a dropped table back; they are finished, and who waits for them is told."""
    await world.add_dataset(generation=2)
    discarded = metrics.DISCARDED_RECORDS.labels(rule="earlier_generation")
    before = discarded._value.get()

    await world.writer.put(rows_parcel(world.log.run(make_row("a"), make_row("b"), generation=1)))
    await world.writer.put(rows_parcel(world.log.run(make_row("c"), generation=2)))

    await eventually(lambda: world.log.finished == 3)
    assert discarded._value.get() - before == 2
    assert await world.store.tables() == ["d_a_g2"]
    await eventually(lambda: len(world.applied()) == 2)
    told = {news["generation"]: (news["rows"], news["sources"]) for news in world.applied()}
    assert told == {1: (0, ["0:0:2"]), 2: (1, ["0:2:3"])}


async def test_generation_that_ends_during_an_outage_is_discarded(world, make_row, eventually):
    """What waits for the store is asked again before each attempt."""
    dataset = await world.add_dataset()
    world.store.available = False
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await settle()
    await world.catalog.write(replace(dataset, generation=2))

    world.store.available = True

    await eventually(lambda: world.log.finished == 1)
    assert await world.store.tables() == []


async def test_refused_records_of_processors_are_stored_in_quarantine(world, eventually):
    """The quarantine topic's lines are rows of the quarantine table."""
    await world.writer.put(refused(world, "da_a"))

    await eventually(lambda: world.log.finished == 1)
    assert len(await quarantined(world)) == 1


def refused(world, dataset, **headers):
    """Return a parcel with one refused record of a dataset."""
    line = orjson.dumps({"dataset": dataset, "_version": 1, "position": 0, "record": "{", "errors": "[]"})
    return quarantine_parcel(
        world.log.run(line, dataset=dataset, schema=None, topic="headwater.quarantine", **headers)
    )


async def test_refused_records_are_told_of_too(world, eventually):
    """Who waits for a push to be through learns of its end, whichever it was; each dataset gets its news."""
    before = metrics.STORED_ROWS._value.get()
    world.store.hold()
    await world.writer.put(refused(world, "da_a", source="3:0:1", part="0"))
    await world.writer.put(refused(world, "da_a", source="3:1:2"))
    await world.writer.put(refused(world, "da_b", source="3:2:3"))
    await world.writer.put(refused(world, "", source="3:3:4"))
    await settle()
    assert world.applied() == []

    world.store.release()

    await eventually(lambda: len(world.applied()) == 3)
    assert [(news["dataset"], news["sources"], news["rows"]) for news in world.applied()] == [
        ("da_a", [], 0),
        ("da_a", ["3:1:2"], 0),
        ("da_b", ["3:2:3"], 0),
    ]
    assert world.applied()[0]["parts"] == ["3:0:1:0"]
    assert metrics.STORED_ROWS._value.get() == before


PATCH_SCHEMA = orjson.dumps({"n:int": patch_type("Nullable(Int64)")}).decode()


async def test_patches_are_stored_in_their_own_table(world, eventually):
    """Of each field the last value counts, in any order; the rows table is not touched."""
    moment = "2024-05-06 07:08:09.000010"
    for version, cell in ((5, [5, 50]), (4, [4, 40]), (6, None)):
        patch = orjson.dumps(["a", version, [version, "realtime"], [version, moment], cell])
        run = world.log.run(
            patch, schema=PATCH_SCHEMA, routed={"target": "patches"}, version=str(version), count="1"
        )
        await world.writer.put(rows_parcel(run))

    await eventually(lambda: world.log.finished == 3)

    assert await world.store.tables() == ["d_a_g1_p"]
    (patch,) = world.store._tables["d_a_g1_p"].rows.values()
    assert (patch["_patched"], list(patch["n:int"])) == (6, [5, 50])


async def test_refused_patch_waits_in_quarantine(world, eventually):
    """What can be read of it is kept by name."""
    patch = orjson.dumps(["a", 5, [5, "realtime"], [5, "2024-05-06 07:08:09.000010"], [5, "many"]])
    run = world.log.run(patch, schema=PATCH_SCHEMA, routed={"target": "patches"}, count="1")
    await world.writer.put(rows_parcel(run))

    await eventually(lambda: world.log.finished == 1)

    (row,) = await quarantined(world)
    assert (row["_version"], row["resource"], row["op"], row["code"]) == (
        5,
        "realtime",
        "merge",
        "store_refused",
    )
    assert row["_received_at"] == "2024-05-06 07:08:09.000010"


async def test_history_keeps_what_the_table_replaces(world, make_row, eventually):
    """The same rows go to both; a run is finished when both have them."""
    world.store.hold_at(2)
    runs = [world.log.run(make_row("a", version, version), routed={"history": "1"}) for version in (1, 2)]
    await world.writer.put(rows_parcel(runs[0]))
    await eventually(lambda: len(world.store.inserts) == 2)
    await settle()
    assert world.log.finished == 0

    world.store.release()
    await world.writer.put(rows_parcel(runs[1]))

    await eventually(lambda: world.log.finished == 2)
    assert [table for table, _, _ in world.store.inserts] == ["d_a_g1_h", "d_a_g1"] * 2
    assert [row["n:int"] for row in world.store._tables["d_a_g1_h"].rows.values()] == [1, 2]
    assert [row["n:int"] for row in world.store._tables["d_a_g1"].rows.values()] == [2]


async def test_rows_with_and_without_history_do_not_mix(world, make_row, eventually):
    """A message says itself whether its rows are kept."""
    world.store.hold()
    for name, routed in (("a", {}), ("b", {"history": "1"}), ("c", {})):
        await world.writer.put(rows_parcel(world.log.run(make_row(name), routed=routed)))
    world.store.release()

    await eventually(lambda: world.log.finished == 3)
    assert sorted(await world.ids()) == ["a", "b", "c"]
    assert [row["_id"] for row in world.store._tables["d_a_g1_h"].rows.values()] == ["b"]


async def test_unaddressed_rows_end_in_quarantine(world, make_row, eventually):
    """Rows for no table are kept one by one, with the reason; how each begins is known without a schema."""
    rows = [make_row("a", 5), make_row("b", 6, deleted=1), b"garbage"]
    counter = metrics.QUARANTINED_RECORDS.labels(code="unaddressed")
    before = counter._value.get()
    run = world.log.run(rows[0] + b"," + rows[1], rows[2], b"", dataset="")
    await world.writer.put_unaddressed(run, "no dataset named")

    await eventually(lambda: world.log.finished == 3)
    kept = sorted(await quarantined(world), key=lambda row: row["_version"])
    assert [(row["_version"], row["resource"], row["op"]) for row in kept] == [
        (0, "", "upsert"),
        (5, "realtime", "upsert"),
        (6, "realtime", "delete"),
    ]
    assert [row["record"].encode() for row in kept] == [rows[2], *rows[:2]]
    assert {row["dataset"] for row in kept} == {"_unrouted"}
    assert {orjson.loads(row["errors"])[0]["message"] for row in kept} == {"no dataset named"}
    assert counter._value.get() - before == 3


async def test_empty_values_are_finished_without_rows(world, eventually):
    """A message may carry nothing."""
    await world.writer.put(rows_parcel(world.log.run(b"", b"")))

    await eventually(lambda: world.log.finished == 2)
    assert await world.ids() == []


async def test_news_that_cannot_be_told_does_not_hold_the_offset(make_world, make_row, eventually):
    """Kafka's trouble with the applied topic is no reason not to commit."""
    world = await make_world(stop_timeout_s=0.01)
    world.producer.available = False
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))

    await eventually(lambda: world.log.finished == 1)


async def test_closing_finishes_what_is_in_flight(world, make_row, eventually):
    """A stop costs no repeat when the store is quick."""
    world.store.hold()
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))
    await eventually(lambda: world.store.in_flight)
    closing = asyncio.create_task(world.writer.close())
    await settle()

    world.store.release()
    await closing

    assert world.log.finished == 1


async def test_closing_leaves_unfinished_what_the_store_does_not_take_in_time(make_world, make_row):
    """A stop during an outage ends in bounded time; the runs are read again by whoever comes next."""
    world = await make_world(stop_timeout_s=0.01)
    world.store.available = False
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))

    await world.writer.close()
    await world.writer.close()

    assert world.log.finished == 0


async def test_closed_writer_takes_nothing(make_world, make_row):
    """What is put after the end stays unfinished with whoever put it."""
    world = await make_world()
    await world.writer.close()
    putting = asyncio.create_task(world.writer.put(rows_parcel(world.log.run(make_row("a")))))
    await settle()

    assert not putting.done()
    putting.cancel()


async def test_defect_of_ours_fails_the_health_check(world, make_row, eventually):
    """A batch that fails for a reason nobody foresaw is neither dropped nor retried for ever: restart."""

    async def broken(_table, _rows, _columns):
        raise ZeroDivisionError

    world.store.insert = broken
    await world.writer.put(rows_parcel(world.log.run(make_row("a"))))

    await eventually(lambda: world.health.failure)
    assert world.log.finished == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_writers_and_a_replay_converge(make_world, make_row, eventually, order):
    """Two sinks that store the same runs in any order leave the same rows."""
    world, other = await make_world(), await make_world()
    other.writer._store = other.tables._store = world.store
    versions = [make_row("a", 1, 1), make_row("a", 2, 2)]
    for one, place in zip((world, other), order, strict=True):
        await one.writer.put(rows_parcel(one.log.run(versions[place])))
        await one.writer.put(rows_parcel(one.log.run(*versions)))

    await eventually(lambda: world.log.finished == other.log.finished == 3)

    (row,) = world.store._tables[TABLE].current()
    assert (row["_version"], row["n:int"]) == (2, 2)


async def test_refusal_of_a_quarantine_row_is_quarantined_in_its_turn(world, eventually):
    """Even a broken line of the quarantine topic is kept."""
    await world.writer.put(quarantine_parcel(world.log.run(b"garbage", topic="headwater.quarantine")))

    await eventually(lambda: world.log.finished == 1)
    (row,) = await quarantined(world)
    assert row["record"] == "garbage"
