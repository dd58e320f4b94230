"""Rows that the store moves and removes by itself, on the twin and on ClickHouse."""

import orjson
import pytest

from headwater.domain.tables import PATCHED, history_table, patches_table, rows_table
from headwater.domain.types import FieldType
from headwater.runtime.store import ReadField, Relation, Select

OLD, NEW = rows_table("da_a", 1), rows_table("da_a", 2)
OLD_PATCHES, NEW_PATCHES = patches_table("da_a", 1), patches_table("da_a", 2)
TEXT = "Nullable(String)"
PAIR = f"SimpleAggregateFunction(max, Tuple(UInt64, {TEXT}))"
CITY = ReadField("city", FieldType.TEXT, ("city:text",))
MOMENT = "2024-05-06 07:08:09.000010"


async def put(store, record_id, version, resource, city, *, deleted=0, table=OLD.name):
    columns = ("_id", "_version", "_deleted", "_resource", "_received_at", "city:text")
    values = orjson.dumps([record_id, version, deleted, resource, MOMENT, city])
    await store.insert(table, values, columns)


async def merge(store, record_id, version, resource, city, *, table=OLD_PATCHES.name):
    columns = ("_id", "_patched", "_resource", "_received_at", "city:text")
    pairs = ([version, value] for value in (resource, MOMENT, city))
    await store.insert(table, orjson.dumps([record_id, version, *pairs]), columns)


async def cities(store, table=NEW.name, **options):
    rows = await store.select(Select(relation=Relation(table=table, **options), fields=(CITY,)))
    return {one["_id"]: (one["_version"], one["city"]) for one in rows}


@pytest.fixture
async def old(store):
    await store.ensure_table(OLD, {"city:text": TEXT})
    await store.ensure_table(OLD_PATCHES, {"city:text": PAIR})
    return store


async def test_copied_rows_are_those_of_the_resources_that_are_named(old):
    """Present rows with all their columns; the target is made if it is not there; again is harmless."""
    await put(old, "a", 1, "x'`", "old")
    await put(old, "a", 2, "x'`", "Basel")
    await put(old, "b", 2, "y", "Bern")
    await put(old, "c", 2, "z", "Zug")

    for _ in range(2):
        await old.copy_rows(OLD.name, NEW.name, ("x'`", "y"))

    assert await cities(old) == {"a": (2, "Basel"), "b": (2, "Bern")}


async def test_copy_keeps_what_the_target_knows_better(old):
    """The greater version counts, and the target's own columns stay."""
    await old.ensure_table(NEW, {"city:text": TEXT, "n:int": "Nullable(Int64)"})
    await put(old, "a", 3, "x", "newer", table=NEW.name)
    await put(old, "a", 2, "x", "older")
    await put(old, "b", 2, "x", "Bern")

    await old.copy_rows(OLD.name, NEW.name, ("x",))

    assert await cities(old) == {"a": (3, "newer"), "b": (2, "Bern")}


async def test_copy_grows_a_target_that_lacks_columns(old):
    """No value is lost because its column was not there yet."""
    await old.ensure_table(NEW, {})
    await put(old, "a", 2, "x", "Basel")

    await old.copy_rows(OLD.name, NEW.name, ("x",))

    assert await cities(old) == {"a": (2, "Basel")}


async def test_copy_takes_tombstones_along(old):
    """What was deleted stays deleted when an older row of it comes later, and its patches stay hidden."""
    await merge(old, "a", 2, "x", "merged")
    await put(old, "a", 3, "x", None, deleted=1)

    await old.copy_rows(OLD.name, NEW.name, ("x",))
    await old.copy_rows(OLD_PATCHES.name, NEW_PATCHES.name, ("x",))
    await put(old, "a", 1, "x", "late", table=NEW.name)

    assert await cities(old) == {}
    assert await cities(old, patches=NEW_PATCHES.name) == {}


async def test_patches_copy_as_rows_do(old):
    """By the resource of the last merge."""
    for record_id, resource in (("a", "x"), ("b", "y")):
        await put(old, record_id, 1, resource, "old")
        await merge(old, record_id, 2, resource, "new")

    for source, target in ((OLD, NEW), (OLD_PATCHES, NEW_PATCHES)):
        await old.copy_rows(source.name, target.name, ("x",))

    assert await cities(old, patches=NEW_PATCHES.name) == {"a": (2, "new")}


async def test_histories_copy_with_every_version(old):
    """The past of the records that stay is kept."""
    history = history_table("da_a", 1)
    await old.ensure_table(history, {"city:text": TEXT})
    for version, deleted in ((1, 0), (2, 1), (3, 0)):
        await put(old, "a", version, "x", f"v{version}", deleted=deleted, table=history.name)

    await old.copy_rows(history.name, "d_a_g2_h", ("x",))

    story = [await cities(old, as_of=version, history="d_a_g2_h") for version in (1, 2, 3)]
    assert story == [{"a": (1, "v1")}, {}, {"a": (3, "v3")}]


async def test_copy_of_nothing_makes_nothing(store):
    """A source that is not there is empty; no resources have no rows."""
    await store.copy_rows("nowhere", NEW.name, ("x",))
    await store.ensure_table(OLD, {})
    await store.copy_rows(OLD.name, NEW.name, ())

    assert list(await store.tables()) == [OLD.name]


async def test_rows_before_a_version_are_deleted(old):
    """At once, tombstones too, and repeatedly; what arrives later counts."""
    await put(old, "a", 1, "x", "Basel")
    await put(old, "b", 4, "x", "Bern", deleted=1)
    await put(old, "c", 5, "x", "Chur")

    for _ in range(2):
        await old.delete_rows_before(OLD.name, 5)

    assert await cities(old, OLD.name) == {"c": (5, "Chur")}
    await put(old, "b", 3, "x", "Bern")
    assert await cities(old, OLD.name) == {"b": (3, "Bern"), "c": (5, "Chur")}
    assert await cities(old, OLD.name, since=5) == {"c": (5, "Chur")}


async def test_patches_before_a_version_are_deleted_by_their_own_column(old):
    """Those of records that were merged since keep what counts."""
    await merge(old, "a", 1, "x", "Basel")
    await merge(old, "b", 1, "x", "Bern")
    await merge(old, "b", 6, "x", "Biel")

    await old.delete_rows_before(OLD_PATCHES.name, 5, PATCHED)

    assert await cities(old, OLD.name, patches=OLD_PATCHES.name) == {"b": (6, "Biel")}


async def test_deleting_from_a_table_that_is_not_there_is_harmless(store):
    """There is nothing to delete."""
    await store.delete_rows_before("nowhere", 5)
