"""Relations of the Store port: merged, synchronised and past records, on the twin and on ClickHouse."""

import random

import orjson
import pytest

from headwater.domain.tables import (
    CLICKHOUSE_TYPES,
    PATCHED,
    SYNC_MARK,
    history_table,
    patch_type,
    patches_history_table,
    patches_table,
    physical_column,
    rows_table,
)
from headwater.domain.types import FieldType
from headwater.runtime.store import ReadField, Relation, RowsRefused, Select, UnknownTable

ROWS, PATCHES = rows_table("da_test", 1), patches_table("da_test", 1)
HISTORY, PATCHES_HISTORY = history_table("da_test", 1), patches_history_table("da_test", 1)
CITY, SIZE, WIDE = "city:text", "size:int", "size:double"
NOW = Relation(table=ROWS.name, patches=PATCHES.name)
FIELDS = (
    ReadField("city", FieldType.TEXT, (CITY,)),
    ReadField("size", FieldType.DOUBLE, (SIZE, WIDE)),
)


def at(version):
    return f"2024-05-06 07:08:09.{version:06}"


def row(record_id, version, *, deleted=0, **cells):
    cells = {CITY if name == "city" else SIZE: value for name, value in cells.items()}
    return {
        "_id": record_id,
        "_version": version,
        "_deleted": deleted,
        "_resource": "realtime",
        "_received_at": at(version),
        **cells,
    }


def patch(record_id, version, **cells):
    columns = {"city": CITY, "size": SIZE, "wide": WIDE}
    return {
        "_id": record_id,
        "_patched": version,
        "_resource": [version, "realtime"],
        "_received_at": [version, at(version)],
        **{columns.get(name, name): [version, value] for name, value in cells.items()},
    }


def past(version, **options):
    return Relation(
        table=ROWS.name,
        as_of=version,
        history=HISTORY.name,
        patches_history=PATCHES_HISTORY.name,
        **options,
    )


async def put(store, *writes):
    """Store rows and patches where sinks store them when the dataset keeps its history."""
    for write in writes:
        line = orjson.dumps(write)
        names = (PATCHES, PATCHES_HISTORY) if PATCHED in write else (ROWS, HISTORY)
        for table in names:
            await store.insert(table.name, line)


async def read(store, relation=NOW, fields=FIELDS, **options):
    return await store.select(Select(relation=relation, fields=fields, **options))


async def values(store, relation=NOW, **options):
    return {one["_id"]: (one["city"], one["size"]) for one in await read(store, relation, **options)}


@pytest.fixture
async def tables(store):
    """A store with all four tables of a generation, each with three columns."""
    columns = {
        physical_column(name, kind): CLICKHOUSE_TYPES[kind]
        for name, kind in (("city", FieldType.TEXT), ("size", FieldType.INT), ("size", FieldType.DOUBLE))
    }
    pairs = {name: patch_type(kind) for name, kind in columns.items()}
    for table in (ROWS, HISTORY):
        await store.ensure_table(table, columns)
    for table in (PATCHES, PATCHES_HISTORY):
        await store.ensure_table(table, pairs)
    return store


async def test_newer_patch_overlays_its_fields_and_leaves_the_others(tables):
    """A merge says nothing about the fields that it does not name."""
    await put(tables, row("a", 1, city="Basel", size=1), row("b", 1, city="Bern"), patch("a", 2, size=5))

    assert await values(tables) == {"a": ("Basel", 5.0), "b": ("Bern", None)}


async def test_patch_older_than_the_row_does_not_count(tables):
    """A push overwrites the whole record, whatever was merged before; the order of arrival is nothing."""
    await put(tables, patch("a", 2, size=5), row("a", 3, city="Basel"), patch("a", 1, city="Zug"))

    assert await values(tables) == {"a": ("Basel", None)}


@pytest.mark.parametrize("seed", range(3))
async def test_patches_meet_in_any_order_and_any_number(tables, seed):
    """Of each field the newest patch counts, alone."""
    writes = [
        row("a", 3, city="Basel", size=1),
        patch("a", 2, city="old"),
        patch("a", 5, city="Bern"),
        patch("a", 4, city="Zug", size=4),
        patch("a", 6, wide=0.5),
    ]
    writes += writes[1:3]
    random.Random(seed).shuffle(writes)
    await put(tables, *writes)

    (found,) = await read(tables)

    assert found == {"_id": "a", "_version": 6, "_received_at": at(6), "city": "Bern", "size": 0.5}


async def test_newest_patch_of_any_of_a_fields_columns_is_its_value(tables):
    """A field that widened and was patched as the narrower type again has that value, not the wider one."""
    await put(tables, row("a", 1, size=1), patch("a", 2, wide=2.5), patch("a", 3, size=3))

    assert await values(tables) == {"a": (None, 3.0)}


async def test_null_in_a_patch_sets_null(tables):
    """It is a value as others are: newer than the row's, and older than what is merged later."""
    await put(tables, row("a", 1, city="Basel", size=1), patch("a", 2, wide=None, city=None))
    assert await values(tables) == {"a": (None, None)}

    await put(tables, patch("a", 3, size=7))
    assert await values(tables) == {"a": (None, 7.0)}


async def test_record_that_was_only_merged_exists(tables):
    """With the fields that were merged, counted and found by its id."""
    await put(tables, patch("a", 2, city="Basel"), row("b", 1, city="Bern"))

    assert await values(tables) == {"a": ("Basel", None), "b": ("Bern", None)}
    assert await tables.count(NOW) == 2
    assert await values(tables, record_id="a") == {"a": ("Basel", None)}


async def test_deletion_hides_the_patches_before_it_and_not_those_after(tables):
    """Who was deleted and merged into again has what was merged since, and nothing of before."""
    await put(
        tables,
        row("a", 1, city="Basel"),
        patch("a", 2, size=2),
        row("a", 3, deleted=1),
        row("b", 3, deleted=1),
        patch("b", 2, city="Bern", size=2),
        patch("b", 4, city="Zug"),
    )

    assert await values(tables) == {"b": ("Zug", None)}
    assert await tables.count(NOW) == 1


async def test_deletion_that_a_newer_row_replaced_needs_not_be_known(tables):
    """The row that came after hides what the deletion hid."""
    await put(
        tables,
        patch("a", 2, size=2),
        row("a", 3, deleted=1),
        row("a", 4, city="Basel"),
        patch("a", 1, size=1),
    )

    assert await values(tables) == {"a": ("Basel", None)}


async def test_version_and_moment_are_those_of_the_newest_write(tables):
    """Readers who go by version see a merge as they see a push."""
    await put(tables, row("a", 4, city="x"), patch("a", 5, size=1), row("b", 4), patch("b", 3, size=1))

    found = {one["_id"]: (one["_version"], one["_received_at"]) for one in await read(tables)}

    assert found == {"a": (5, at(5)), "b": (4, at(4))}


async def test_merged_records_sort_and_page_with_the_others(tables):
    """A page neither skips nor repeats, whichever table a record comes from."""
    for number in range(0, 20, 2):
        await put(tables, row(f"{number:02}", 1, size=number), patch(f"{number + 1:02}", 2, size=number + 1))
    await put(tables, patch("04", 2, size=100))

    pages = [
        await read(tables, order_by=(("size", True),), limit=8, offset=offset) for offset in (0, 8, 16, 24)
    ]

    sizes = [one["size"] for page in pages for one in page]
    assert sizes == [100, *(number for number in range(19, -1, -1) if number != 4)]


async def test_patches_convert_as_rows_do(tables):
    """A declared type reads every column's values, merged or not."""
    await put(tables, row("a", 1, city="7", size=3), patch("a", 2, wide=2.75), patch("b", 2, city="x"))
    fields = (
        ReadField("n", FieldType.INT, (CITY,)),
        ReadField("t", FieldType.TEXT, (SIZE, WIDE)),
        ReadField("c", FieldType.INT, (SIZE, WIDE)),
    )

    found = {one["_id"]: (one["n"], one["t"], one["c"]) for one in await read(tables, fields=fields)}

    assert found == {"a": (7, "2.75", 2), "b": (None, None, None)}


async def test_values_of_every_type_can_be_merged(store):
    """Points, too, whose columns cannot be null, and their nulls."""
    cells = {
        "b:boolean": False,
        "i:int": -(2**63),
        "d:double": 0.1,
        "day:date": "1900-01-01",
        "at:datetime": "2299-12-31 23:59:59.999999",
        "t:text": 'línea\n"\\\t🌊\u0000',
        "p:geo_point_2d": {"lat": -33.5, "lon": 151.25},
        "s:geo_shape": '{"type":"Point","coordinates":[1,2]}',
        "j:json_blob": '{"a":null}',
        "f:file": '{"content":"","content-type":"x/y"}',
    }
    kinds = {name: FieldType(name.split(":")[1]) for name in cells}
    columns = {name: CLICKHOUSE_TYPES[kind] for name, kind in kinds.items()}
    await store.ensure_table(ROWS, columns)
    await store.ensure_table(PATCHES, {name: patch_type(kind) for name, kind in columns.items()})
    await store.insert(ROWS.name, orjson.dumps(row("b", 1) | cells))
    patches = [patch("a", 2, **cells), patch("b", 2, **dict.fromkeys(cells))]
    await store.insert(PATCHES.name, b",".join(map(orjson.dumps, patches)))
    fields = tuple(ReadField(name.split(":")[0], kind, (name,)) for name, kind in kinds.items())

    one, other = await read(store, fields=fields)

    assert one == {"_id": "a", "_version": 2, "_received_at": at(2)} | {
        name.split(":")[0]: value for name, value in cells.items()
    }
    assert {other[field.name] for field in fields} == {None}


async def test_arrays_of_patches_may_leave_fields_out(tables):
    """A null in the place of a pair says that the record did not name the field."""
    columns = ("_id", "_patched", "_resource", "_received_at", CITY, SIZE)
    await put(tables, row("a", 1, city="Basel", size=1))
    arrays = [["a", 2, [2, "r"], [2, at(2)], None, [2, 9]], ["b", 2, [2, "r"], [2, at(2)], [2, "Bern"], None]]

    await tables.insert(PATCHES.name, b",".join(map(orjson.dumps, arrays)), columns)

    assert await values(tables) == {"a": ("Basel", 9.0), "b": ("Bern", None)}


@pytest.mark.parametrize("pair", [[2], [2, "x", "y"], ["two", "x"], [-1, "x"], "x", [2, 5.5, 1]])
async def test_patch_whose_pair_cannot_be_read_refuses_the_insert(tables, pair):
    """A pair is a version and a value of the column's type; no patch of the insert is stored."""
    lines = [orjson.dumps(patch("a", 2, city="x")), orjson.dumps({**patch("b", 2), CITY: pair})]

    with pytest.raises(RowsRefused):
        await tables.insert(PATCHES.name, b"\n".join(lines))

    assert await values(tables) == {}


async def test_floor_hides_rows_and_patches_below_it(tables):
    """What a synchronisation did not send is gone: rows, and fields that were merged before."""
    await put(
        tables,
        row("a", 1, city="Basel"),
        row("b", 5, city="Bern"),
        patch("c", 4, city="Zug"),
        patch("d", 4, city="Chur"),
        patch("d", 6, size=1),
        row("e", 2, city="Uri"),
        patch("e", 6, size=2),
    )

    relation = Relation(table=ROWS.name, patches=PATCHES.name, since=5)
    assert await values(tables, relation) == {"b": ("Bern", None), "d": (None, 1.0), "e": (None, 2.0)}
    assert await tables.count(relation) == 3
    plain = Relation(table=ROWS.name, since=5)
    assert await values(tables, plain) == {"b": ("Bern", None)}
    assert await values(tables, plain, record_id="a") == {}
    assert await tables.count(plain) == 1


async def test_row_below_the_floor_does_not_come_back_when_a_newer_one_is_deleted(tables):
    """The floor looks at the row that counts."""
    await put(tables, row("a", 4, city="Basel"), row("a", 6, deleted=1))

    assert await values(tables, Relation(table=ROWS.name, since=3)) == {}


async def test_past_is_what_was_there_then(tables):
    """Pushes, merges and deletes after the version did not happen yet."""
    await put(
        tables,
        row("a", 2, city="Basel", size=1),
        patch("a", 4, size=4),
        row("b", 3, city="Bern"),
        row("b", 5, deleted=1),
        patch("b", 6, city="Zug"),
        row("a", 7, city="Chur"),
    )

    story = {version: await values(tables, past(version)) for version in range(1, 8)}

    a2, a4, a7 = ("Basel", 1.0), ("Basel", 4.0), ("Chur", None)
    assert story == {
        1: {},
        2: {"a": a2},
        3: {"a": a2, "b": ("Bern", None)},
        4: {"a": a4, "b": ("Bern", None)},
        5: {"a": a4},
        6: {"a": a4, "b": ("Zug", None)},
        7: {"a": a7, "b": ("Zug", None)},
    }
    assert [await tables.count(past(version)) for version in (1, 4, 5)] == [0, 2, 1]
    assert await values(tables, past(4), record_id="b") == {"b": ("Bern", None)}


async def test_past_without_patches_is_read_from_the_rows_alone(tables):
    """A dataset in which nothing was ever merged has no table of patches."""
    await put(tables, row("a", 2, city="Basel"), row("b", 3, deleted=1), row("a", 4, city="Bern"))
    relation = Relation(table=ROWS.name, as_of=3, history=HISTORY.name)

    (found,) = await read(tables, relation)

    assert found == {"_id": "a", "_version": 2, "_received_at": at(2), "city": "Basel", "size": None}


async def test_floor_counts_in_the_past_from_its_own_version_on(tables):
    """Before the synchronisation the records that it removed were there."""
    await put(tables, row("a", 2, city="Basel"), row("b", 6, city="Bern"))

    assert await values(tables, past(4, since=5)) == {"a": ("Basel", None)}
    assert await values(tables, past(6, since=5)) == {"b": ("Bern", None)}


async def test_floor_of_the_past_is_that_of_the_synchronisation_before(tables):
    """The dataset knows its last floor alone; the history has a mark of each."""
    await put(
        tables,
        row("a", 2, city="Basel"),
        patch("c", 3, size=3),
        row("b", 5, city="Bern"),
        row(SYNC_MARK, 5, deleted=1),
        patch("a", 6, size=6),
        row("b", 8, city="Bern"),
        row(SYNC_MARK, 8, deleted=1),
    )

    story = {version: await values(tables, past(version, since=8)) for version in (4, 6, 8)}

    assert story == {
        4: {"a": ("Basel", None), "c": (None, 3.0)},
        6: {"a": (None, 6.0), "b": ("Bern", None)},
        8: {"b": ("Bern", None)},
    }
    assert [await tables.count(past(version, since=8)) for version in (4, 6, 8)] == [2, 2, 1]
    rows_alone = Relation(table=ROWS.name, as_of=6, history=HISTORY.name, since=8)
    assert await values(tables, rows_alone) == {"b": ("Bern", None)}


async def test_tables_and_columns_that_are_not_there_yet_are_empty(store):
    """A merge may be a dataset's first write, and a table of patches has only the fields that were merged."""
    with pytest.raises(UnknownTable):
        await store.count(NOW)
    assert await values(store, past(9)) == {}
    assert await store.count(past(9)) == 0

    await store.ensure_table(PATCHES, {CITY: patch_type(CLICKHOUSE_TYPES[FieldType.TEXT])})
    await store.insert(PATCHES.name, orjson.dumps(patch("a", 2, city="Basel")))
    assert await values(store) == {"a": ("Basel", None)}
    assert await store.count(NOW) == 1

    await store.ensure_table(ROWS, {SIZE: CLICKHOUSE_TYPES[FieldType.INT]})
    await store.insert(ROWS.name, orjson.dumps(row("a", 1, size=3)))
    assert await values(store, order_by=(("size", True),)) == {"a": ("Basel", 3.0)}

    await store.drop_table(PATCHES.name)
    assert await values(store) == {"a": (None, 3.0)}


@pytest.mark.parametrize("name", ["a`b", "a\\b", "a'b", "_id", "", "x/y", "a\0b", "{x:String}", "ü 🌊"])
async def test_hostile_names_and_values_pass_through_composed_relations(store, name):
    """No character in a name or a value is code."""
    column = f"{name}:text"
    kind = CLICKHOUSE_TYPES[FieldType.TEXT]
    for table, columns in (
        (ROWS, {column: kind}),
        (HISTORY, {column: kind}),
        (PATCHES, {column: patch_type(kind)}),
        (PATCHES_HISTORY, {column: patch_type(kind)}),
    ):
        await store.ensure_table(table, columns)
    await put(store, row(name, 1) | {column: "old"}, patch(name, 2, **{column: name}))
    await put(store, row("other", 1) | {column: name})
    fields = (ReadField(name or "f", FieldType.TEXT, (column,)),)

    for relation in (NOW, past(9)):
        (found,) = await read(store, relation, fields, record_id=name)
        assert found[name or "f"] == name
        assert len(await read(store, relation, fields, order_by=((name or "f", True),))) == 2


async def test_any_writes_in_any_order_read_as_the_last_of_each_field(tables):
    """The overlay is that of a dictionary to which the writes are applied in the order of their versions."""
    chance = random.Random(4)
    writes = []
    for version in range(1, 61):
        record_id = chance.choice("abcde")
        match chance.randrange(4):
            case 0:
                writes.append(row(record_id, version, deleted=1))
            case 1:
                writes.append(row(record_id, version, city=f"c{version}", size=version))
            case 2:
                writes.append(patch(record_id, version, city=chance.choice([None, f"c{version}"])))
            case _:
                cells = {chance.choice(["size", "wide"]): version}
                writes.append(patch(record_id, version, **cells))
    model = {}
    for write in writes:
        apply(model, write)
    shuffled = list(writes)
    chance.shuffle(shuffled)
    await put(tables, *shuffled)

    assert await values(tables) == {record_id: tuple(cells) for record_id, cells in model.items()}
    assert await values(tables, past(60)) == await values(tables)
    half = {}
    for write in writes[:30]:
        apply(half, write)
    assert await values(tables, past(30)) == {record_id: tuple(cells) for record_id, cells in half.items()}


def apply(model, write):
    """Do to a dictionary of [city, size] what a row or a patch says."""
    if write.get("_deleted"):
        model.pop(write["_id"], None)
    elif PATCHED in write:
        cells = model.setdefault(write["_id"], [None, None])
        for column, place in ((CITY, 0), (SIZE, 1), (WIDE, 1)):
            if column in write:
                cells[place] = write[column][1]
    else:
        model[write["_id"]] = [write.get(CITY), write.get(SIZE)]
