"""The Store port: one suite on the in-memory twin and on ClickHouse."""

import asyncio

import orjson
import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import CLICKHOUSE_TYPES, QUARANTINE, ROW_COLUMNS, physical_column, rows_table
from headwater.domain.types import FieldType
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import ReadField, Relation, RowsRefused, Select, UnknownTable

TABLE = rows_table("da_test", 1)
CITY = physical_column("city", FieldType.TEXT)
HOSTILE = [
    "a'b",
    'a"b',
    "a`b",
    "a\\b",
    "a\\`b",
    "a\nb\tc",
    "ü 🌊",
    "{x:String}",
    "a.b",
    "drop table; --",
    "/* ? %s $1 */",
    "",
    "a:int:b",
    "_id",
    "`q`",
    '"q"',
    "%(x)s",
    "a\0b",
]


def typed(*fields):
    """Return the columns (name -> ClickHouse type) of (field, FieldType) pairs."""
    return {physical_column(name, kind): CLICKHOUSE_TYPES[kind] for name, kind in fields}


def row(record_id, version=1, *, deleted=0, **columns):
    """Return one row; keyword `city` is the text column, others are physical columns by dictionary."""
    cells = {CITY if name == "city" else name: value for name, value in columns.items()}
    return {
        "_id": record_id,
        "_version": version,
        "_deleted": deleted,
        "_resource": "realtime",
        "_received_at": "2024-05-06 07:08:09.000010",
        **cells,
    }


def lines(*rows):
    return b"\n".join(orjson.dumps(one) for one in rows)


def array(record_id, *cells, version=1):
    """Return one row as an array: the values that every row has, then these."""
    return [record_id, version, 0, "realtime", "2024-05-06 07:08:09.000010", *cells]


def commas(*rows):
    return b",".join(orjson.dumps(one) for one in rows)


async def insert(store, *rows):
    await store.insert(TABLE.name, lines(*rows))


async def select(store, *fields, **options):
    wanted = tuple(ReadField(name, kind, columns) for name, kind, columns in fields)
    return await store.select(Select(relation=Relation(table=TABLE.name), fields=wanted, **options))


async def cities(store, **options):
    rows = await select(store, ("city", FieldType.TEXT, (CITY,)), **options)
    return [(one["_id"], one["city"]) for one in rows]


@pytest.fixture
async def table(store):
    """A store with an empty table that has the text column `city`."""
    await store.ensure_table(TABLE, typed(("city", FieldType.TEXT)))
    return store


@pytest.mark.parametrize("versions", [(1, 2), (2, 1)])
async def test_greater_version_wins_in_any_order(table, versions):
    """A late arrival with a smaller version must not replace the row."""
    for version in versions:
        await insert(table, row("a", version, city=f"v{version}"))

    assert await cities(table) == [("a", "v2")]


async def test_greater_version_wins_within_one_insert(table):
    """Versions of one insert compete as those of several do."""
    await insert(table, row("a", 3, city="v3"), row("a", 1, city="v1"), row("a", 2, city="v2"))

    assert await cities(table) == [("a", "v3")]


async def test_versions_use_all_64_bits(table):
    """Two versions that are equal as doubles are still told apart."""
    await insert(table, row("a", 2**63 + 1, city="newer"), row("a", 2**63, city="older"))

    rows = await select(table, ("city", FieldType.TEXT, (CITY,)))
    assert [(one["_version"], one["city"]) for one in rows] == [(2**63 + 1, "newer")]


async def test_tombstone_hides_the_row(table):
    """A row with _deleted = 1 and a greater version hides what was there."""
    await insert(table, row("a", 1, city="Basel"), row("b", 1, city="Bern"))
    await insert(table, row("a", 2, deleted=1))

    assert await cities(table) == [("b", "Bern")]
    assert await table.count(Relation(table=TABLE.name)) == 1


async def test_older_row_stays_hidden_behind_a_tombstone(table):
    """A row that arrives after the delete that came after it must not appear."""
    await insert(table, row("a", 2, deleted=1))
    await insert(table, row("a", 1, city="Basel"))

    assert await cities(table) == []
    assert await table.count(Relation(table=TABLE.name)) == 0


async def test_newer_row_shows_again_after_a_tombstone(table):
    """Who was deleted may come back."""
    await insert(table, row("a", 2, deleted=1))
    await insert(table, row("a", 3, city="Basel"))

    assert await cities(table) == [("a", "Basel")]


async def test_repeated_insert_changes_nothing(table):
    """A replay reads as one row."""
    for _ in range(3):
        await insert(table, row("a", 1, city="Basel"), row("b", 1, city="Bern"))

    assert await cities(table) == [("a", "Basel"), ("b", "Bern")]
    assert await table.count(Relation(table=TABLE.name)) == 2


async def test_insert_with_a_missing_column_is_refused_whole(table):
    """A column that the table has not is an error and never a silent loss; no row of the insert is stored."""
    with pytest.raises(RowsRefused):
        await insert(table, row("a", 1, city="Basel"), row("b", 1, **{"height:int": 3}))

    assert await table.count(Relation(table=TABLE.name)) == 0


@pytest.mark.parametrize(
    "line",
    [
        b'{"_id":"b","_version":"x"}',
        b'{"_id":"b","_version":-1}',
        b'{"_id":"b","_version":1,"n:int":"many"}',
        b'{"_id":"b","_version":1,"n:int":1.5}',
        b'{"_id":"b","_version":1,"at:datetime":"soon"}',
        b'{"_id":"b","_version":1,"on:date":"soon"}',
        b'{"_id":"b","_version":1,"yes:boolean":"perhaps"}',
        b'{"_id":"b","_version":1,"x:double":"wide"}',
        b'{"_id":"b",',
        b"garbage",
    ],
)
async def test_insert_with_a_bad_value_is_refused_whole(table, line):
    """A value that its column cannot hold, or that is no JSON, refuses all rows of the insert."""
    kinds = (
        ("n", FieldType.INT),
        ("at", FieldType.DATETIME),
        ("on", FieldType.DATE),
        ("yes", FieldType.BOOLEAN),
        ("x", FieldType.DOUBLE),
    )
    await table.ensure_table(TABLE, typed(*kinds))

    with pytest.raises(RowsRefused):
        await table.insert(TABLE.name, lines(row("a", 1, city="Basel")) + b"\n" + line)

    assert await table.count(Relation(table=TABLE.name)) == 0


ARRAYS = (*ROW_COLUMNS, CITY)


@pytest.mark.parametrize("join", [commas, lines])
async def test_rows_may_be_arrays_of_the_columns_values(table, join):
    """Commas or line ends stand between them; their places say which value is whose."""
    await table.insert(
        TABLE.name, join(array("a", "Basel"), array("b", "a,[\n],b"), array("c", None)), ARRAYS
    )

    assert await cities(table) == [("a", "Basel"), ("b", "a,[\n],b"), ("c", None)]


async def test_values_with_commas_within_join_by_line_ends(table):
    """What several messages carry goes in one insert as it is, with those that carry nothing."""
    values = [commas(array("a", "1"), array("b", "2")), b"", commas(array("c", "3")), b""]

    await table.insert(TABLE.name, b"\n".join(values), ARRAYS)

    assert await cities(table) == [("a", "1"), ("b", "2"), ("c", "3")]


async def test_objects_may_have_commas_between_them_too(table):
    """The two ways to write a row are alike in what stands between."""
    await table.insert(TABLE.name, commas(row("a", city="1"), row("b", city="2")) + b"\n" + lines(row("c")))

    assert await cities(table) == [("a", "1"), ("b", "2"), ("c", None)]


async def test_arrays_may_leave_columns_out_and_name_them_in_any_order(table):
    """A column that is not named is empty, as a key that an object lacks."""
    await table.ensure_table(TABLE, typed(("n", FieldType.INT)))
    await table.insert(TABLE.name, b'["Basel",7,"a"]', (CITY, "_version", "_id"))

    (found,) = await select(table, ("city", FieldType.TEXT, (CITY,)), ("n", FieldType.INT, ("n:int",)))

    assert (found["_id"], found["_version"], found["city"], found["n"]) == ("a", 7, "Basel", None)


@pytest.mark.parametrize("columns", [None, ()])
async def test_rows_without_columns_are_objects(table, columns):
    """No columns are not columns of their own."""
    await table.insert(TABLE.name, lines(row("a", city="Basel")), columns)

    assert await cities(table) == [("a", "Basel")]


@pytest.mark.parametrize(
    "bad",
    [
        orjson.dumps(array("b")),
        orjson.dumps(array("b", "Bern", "Zug")),
        b"[]",
        b'{"_id":"b","_version":1}',
        b'["b",-1,0,"r","2024-05-06 07:08:09.000010",null]',
        b'["b",1,0,"r","soon",null]',
        b'["b",1,0,"r",',
        b"garbage",
        b"5",
    ],
)
@pytest.mark.parametrize("between", [b",", b"\n"])
async def test_insert_with_a_bad_array_is_refused_whole(table, bad, between):
    """Too few values, too many, one that its column cannot hold, no array: no row of the insert is stored."""
    good = [orjson.dumps(array(record_id, "Basel")) for record_id in "ac"]

    with pytest.raises(RowsRefused):
        await table.insert(TABLE.name, between.join([good[0], bad, good[1]]), ARRAYS)

    assert await table.count(Relation(table=TABLE.name)) == 0


async def test_bad_array_behind_many_good_ones_refuses_them_all(table):
    """ClickHouse reads a long insert in pieces, and stores none of them before it has read the last."""
    good = commas(*(array(f"{number:06}", "x" * 300) for number in range(60_000)))
    assert len(good) > 2**24

    with pytest.raises(RowsRefused):
        await table.insert(TABLE.name, good + b"\n" + commas(array("bad")), ARRAYS)

    assert await table.count(Relation(table=TABLE.name)) == 0


async def test_arrays_with_a_column_that_the_table_has_not_are_refused_whole(table):
    """It is an error also where the value is null."""
    for value in ("x", None):
        with pytest.raises(RowsRefused):
            await table.insert(TABLE.name, commas(array("a", "Basel", value)), (*ARRAYS, "height:int"))

    assert await table.count(Relation(table=TABLE.name)) == 0


async def test_null_in_an_array_is_what_the_column_holds_without_a_value(table):
    """A batch's rows have a place for each other's columns; a point's column cannot be null itself."""
    kinds = [(kind.value, kind) for kind in FieldType]
    names = list(typed(*kinds))
    await table.ensure_table(TABLE, typed(*kinds))
    await table.insert(
        TABLE.name,
        commas(array("a", *[None] * len(names)), ["b", 2, None, None, None, *[None] * len(names)]),
        (*ROW_COLUMNS, *names),
    )

    fields = [(kind.value, kind, (physical_column(kind.value, kind),)) for kind in FieldType]
    rows = await select(table, *fields)

    assert [one["_id"] for one in rows] == ["a", "b"]
    assert rows[1]["_received_at"] == "1970-01-01 00:00:00.000000"
    assert {one[kind.value] for one in rows for kind in FieldType} == {None}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_column_names_take_values_of_arrays(store, name):
    """The names of columns are part of the statement here, and are still no code."""
    column = physical_column(name, FieldType.TEXT)
    await store.ensure_table(TABLE, typed((name, FieldType.TEXT)))
    await store.insert(TABLE.name, commas(array("a", name), array("b", None)), (*ROW_COLUMNS, column))

    rows = await select(store, ("f", FieldType.TEXT, (column,)))

    assert [one["f"] for one in rows] == [name, None]


@pytest.mark.parametrize("name", ["`q`", '"q"', "`a`,`b`", "q` "])
async def test_column_names_that_look_quoted_are_names(store, name):
    """Nobody takes quotes off a name."""
    await store.ensure_table(TABLE, {name: CLICKHOUSE_TYPES[FieldType.TEXT]})
    await store.insert(TABLE.name, commas(array("a", "x")), (*ROW_COLUMNS, name))

    rows = await select(store, ("f", FieldType.TEXT, (name,)))

    assert [one["f"] for one in rows] == ["x"]


async def test_ensuring_a_table_can_be_repeated(table):
    """What is there stays, with its rows."""
    await insert(table, row("a", 1, city="Basel"))

    for _ in range(2):
        await table.ensure_table(TABLE, typed(("city", FieldType.TEXT)))

    assert await cities(table) == [("a", "Basel")]


async def test_columns_added_by_several_tasks_at_once_are_all_there(store):
    """Workers create and grow the same table at the same time without losing a column."""
    names = [f"f{number}" for number in range(6)]
    grown = [typed((name, FieldType.INT), ("shared", FieldType.INT)) for name in names]

    await asyncio.gather(*(store.ensure_table(TABLE, columns) for columns in grown))

    cells = {physical_column(name, FieldType.INT): number for number, name in enumerate(names)}
    await insert(store, row("a", 1, **cells, **{"shared:int": 7}))
    fields = [(name, FieldType.INT, (physical_column(name, FieldType.INT),)) for name in names]
    (found,) = await select(store, *fields)
    assert [found[name] for name in names] == list(range(6))


async def test_old_rows_have_null_in_a_column_that_was_added_later(table):
    """Growing a table says nothing about the rows that it has."""
    await insert(table, row("a", 1, city="Basel"))
    await table.ensure_table(TABLE, typed(("n", FieldType.INT), ("where", FieldType.GEO_POINT)))

    (found,) = await select(
        table, ("n", FieldType.INT, ("n:int",)), ("where", FieldType.GEO_POINT, ("where:geo_point_2d",))
    )
    assert (found["n"], found["where"]) == (None, None)


WIDENED = ("value:int", "value:double", "value:text")


async def widened(store):
    await store.ensure_table(
        TABLE, typed(("value", FieldType.INT), ("value", FieldType.DOUBLE), ("value", FieldType.TEXT))
    )
    await insert(
        store,
        row("a", 1, **{"value:int": 9007199254740993}),
        row("b", 1, **{"value:double": 150.5}),
        row("c", 1, **{"value:double": 150.0}),
        row("d", 1, **{"value:text": "hello"}),
        row("e", 1, **{"value:text": "-12,5"}),
        row("f", 1),
    )


async def test_widened_field_reads_as_its_widest_type(store):
    """Rows written before and after a field widened read as one type."""
    await widened(store)

    rows = await select(store, ("value", FieldType.TEXT, WIDENED))

    assert [one["value"] for one in rows] == ["9007199254740993", "150.5", "150", "hello", "-12,5", None]


async def test_int_that_widened_to_double_reads_as_double(store):
    """The two number columns of a field are one field."""
    await widened(store)

    rows = await select(store, ("value", FieldType.DOUBLE, WIDENED[:2]), limit=3)

    assert [one["value"] for one in rows] == [9007199254740992.0, 150.5, 150.0]


async def test_values_that_a_declared_type_cannot_take_read_as_null(store):
    """A type declared over older columns converts what it can and nulls the rest."""
    await widened(store)

    rows = await select(store, ("value", FieldType.INT, WIDENED))

    assert [one["value"] for one in rows] == [9007199254740993, 150, 150, None, -12, None]


@pytest.mark.parametrize(
    ("stored", "value", "wanted", "read"),
    [
        (FieldType.BOOLEAN, True, FieldType.TEXT, "true"),
        (FieldType.BOOLEAN, False, FieldType.INT, 0),
        (FieldType.BOOLEAN, True, FieldType.DOUBLE, 1.0),
        (FieldType.INT, 1, FieldType.BOOLEAN, True),
        (FieldType.INT, 2, FieldType.BOOLEAN, None),
        (FieldType.INT, 5, FieldType.DATE, None),
        (FieldType.INT, 5, FieldType.GEO_POINT, None),
        (FieldType.INT, 5, FieldType.JSON, "5"),
        (FieldType.DOUBLE, -1.75, FieldType.INT, -1),
        (FieldType.DOUBLE, 1e300, FieldType.INT, None),
        (FieldType.DOUBLE, 1e300, FieldType.TEXT, "1e300"),
        (FieldType.DATE, "2014-01-27", FieldType.DATETIME, "2014-01-27 00:00:00.000000"),
        (FieldType.DATE, "2014-01-27", FieldType.TEXT, "2014-01-27"),
        (FieldType.DATETIME, "2014-01-27 04:15:00.000000", FieldType.DATE, "2014-01-27"),
        (FieldType.DATETIME, "2014-01-27 04:15:00.000000", FieldType.TEXT, "2014-01-27T04:15:00+00:00"),
        (
            FieldType.DATETIME,
            "2014-01-27 04:15:00.120000",
            FieldType.TEXT,
            "2014-01-27T04:15:00.120000+00:00",
        ),
        (FieldType.TEXT, "12", FieldType.INT, 12),
        (FieldType.TEXT, "9007199254740993", FieldType.INT, 9007199254740993),
        (FieldType.TEXT, "1 234,5", FieldType.DOUBLE, 1234.5),
        (FieldType.TEXT, "x", FieldType.DOUBLE, None),
        (FieldType.TEXT, " Yes ", FieldType.BOOLEAN, True),
        (FieldType.TEXT, "perhaps", FieldType.BOOLEAN, None),
        (FieldType.TEXT, "2014/01/27", FieldType.DATE, "2014-01-27"),
        (FieldType.TEXT, "1/2/2014", FieldType.DATE, "2014-01-02"),
        (FieldType.TEXT, "27/1/2014", FieldType.DATE, "2014-01-27"),
        (FieldType.TEXT, "soon", FieldType.DATE, None),
        (FieldType.TEXT, "2014-01-27T04:15:00+01:00", FieldType.DATETIME, "2014-01-27 03:15:00.000000"),
        (FieldType.TEXT, "soon", FieldType.DATETIME, None),
        (FieldType.TEXT, "47.5, 8.25", FieldType.GEO_POINT, {"lat": 47.5, "lon": 8.25}),
        (FieldType.TEXT, "nowhere", FieldType.GEO_POINT, None),
        (FieldType.TEXT, "nowhere", FieldType.GEO_SHAPE, None),
        (FieldType.TEXT, 'say "hi"', FieldType.JSON, '"say \\"hi\\""'),
        (FieldType.GEO_POINT, {"lat": 47.5, "lon": 8.0}, FieldType.TEXT, "47.5,8"),
        (FieldType.GEO_SHAPE, '{"type":"Point"}', FieldType.TEXT, '{"type":"Point"}'),
        (FieldType.JSON, '{"a":[1]}', FieldType.TEXT, '{"a":[1]}'),
        (FieldType.FILE, '{"content":""}', FieldType.JSON, '{"content":""}'),
    ],
)
async def test_older_columns_read_as_the_declared_type(store, stored, value, wanted, read):
    """Each stored type reads as another where that has a meaning, else as null."""
    column = physical_column("f", stored)
    await store.ensure_table(TABLE, typed(("f", stored)))
    await insert(store, row("a", 1, **{column: value}), row("b", 1))

    rows = await select(store, ("f", wanted, (column,)))

    assert [one["f"] for one in rows] == [read, None]


async def test_values_of_every_type_come_back_as_they_went_in(store):
    """Datetimes keep microseconds, dates a century ago, text its characters, points both coordinates."""
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
    kinds = [(column.split(":")[0], FieldType(column.split(":")[1])) for column in cells]
    await store.ensure_table(TABLE, typed(*kinds))
    await insert(store, row("a", 7, **cells))

    fields = [(name, kind, (physical_column(name, kind),)) for name, kind in kinds]
    (found,) = await select(store, *fields)

    assert found == {
        "_id": "a",
        "_version": 7,
        "_received_at": "2024-05-06 07:08:09.000010",
        **{column.split(":")[0]: value for column, value in cells.items()},
    }

    await store.insert(TABLE.name, commas(array("b", *cells.values(), version=7)), (*ROW_COLUMNS, *cells))
    (again,) = await select(store, *fields, record_id="b")
    assert again == {**found, "_id": "b"}


async def test_point_without_latitude_is_null(store):
    """A tuple cannot be null in ClickHouse, a point can."""
    await store.ensure_table(TABLE, typed(("p", FieldType.GEO_POINT)))
    await insert(store, row("a", 1, **{"p:geo_point_2d": None}), row("b", 1))

    rows = await select(store, ("p", FieldType.GEO_POINT, ("p:geo_point_2d",)))

    assert [one["p"] for one in rows] == [None, None]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_field_names_and_values_round_trip(store, name):
    """No character in a name or a value is code."""
    column = physical_column(name, FieldType.TEXT)
    await store.ensure_table(TABLE, typed((name, FieldType.TEXT)))
    await insert(store, row(name, 1, **{column: name}), row("other", 1))

    rows = await select(store, ("f", FieldType.TEXT, (column,)), record_id=name, order_by=(("f", True),))

    assert [(one["_id"], one["f"]) for one in rows] == [(name, name)]


async def test_hostile_table_name_is_a_name(store):
    """Dataset uids are ours, but the store does not rely on it."""
    hostile = rows_table("x`; DROP TABLE y; -- '\\", 1)
    await store.ensure_table(hostile, {})
    await store.insert(hostile.name, lines(row("a")))

    assert await store.count(Relation(table=hostile.name)) == 1
    assert hostile.name in await store.tables()


async def test_rows_come_by_record_id_when_nothing_else_is_asked(table):
    """The default order is stable, whatever the order of arrival."""
    await insert(table, row("c", city="1"), row("a", city="2"))
    await insert(table, row("b", city="3"))

    assert [record_id for record_id, _ in await cities(table)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("descending", "expected"), [(False, ["c", "a", "d", "b", "e"]), (True, ["b", "a", "d", "c", "e"])]
)
async def test_order_by_a_field_puts_nulls_last_and_ties_by_record_id(table, descending, expected):
    """Nulls are last both ways; equal values come by record id both ways."""
    values = {"a": "Bern", "b": "Zug", "c": "Basel", "d": "Bern", "e": None}
    await insert(table, *(row(record_id, city=city) for record_id, city in values.items()))

    found = await cities(table, order_by=(("city", descending),))

    assert [record_id for record_id, _ in found] == expected


async def test_numbers_order_as_numbers_over_widened_columns(store):
    """The order is that of the values as they read, not of the columns they come from."""
    await store.ensure_table(TABLE, typed(("value", FieldType.INT), ("value", FieldType.DOUBLE)))
    await insert(
        store, row("a", **{"value:int": 10}), row("b", **{"value:double": 9.5}), row("c", **{"value:int": 9})
    )

    rows = await select(
        store, ("value", FieldType.DOUBLE, ("value:int", "value:double")), order_by=(("value", False),)
    )

    assert [one["_id"] for one in rows] == ["c", "b", "a"]


async def test_several_order_keys_apply_from_left_to_right(store):
    """The second key decides among equals of the first; points go by latitude, then longitude."""
    await store.ensure_table(TABLE, typed(("g", FieldType.INT), ("p", FieldType.GEO_POINT)))
    await insert(
        store,
        row("a", **{"g:int": 1, "p:geo_point_2d": {"lat": 2.0, "lon": 1.0}}),
        row("b", **{"g:int": 1, "p:geo_point_2d": {"lat": 1.0, "lon": 9.0}}),
        row("c", **{"g:int": 2}),
        row("d", **{"g:int": 1}),
    )

    rows = await select(
        store,
        ("g", FieldType.INT, ("g:int",)),
        ("p", FieldType.GEO_POINT, ("p:geo_point_2d",)),
        order_by=(("g", True), ("p", False)),
    )

    assert [one["_id"] for one in rows] == ["c", "b", "a", "d"]


async def test_limit_and_offset_walk_through_all_rows(table):
    """Pages neither skip nor repeat a row."""
    await insert(table, *(row(f"{number:02}", city="x") for number in range(25)))

    pages = [await cities(table, limit=10, offset=offset) for offset in (0, 10, 20, 30)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [record_id for page in pages for record_id, _ in page] == [f"{number:02}" for number in range(25)]


async def test_record_id_finds_one_row(table):
    """A record is read by its id; a deleted or unknown id finds nothing."""
    await insert(table, row("a", city="Basel"), row("b", city="Bern"), row("c", 2, deleted=1))

    assert await cities(table, record_id="b") == [("b", "Bern")]
    assert await cities(table, record_id="c") == []
    assert await cities(table, record_id="nobody") == []


async def test_column_that_the_table_has_not_yet_reads_as_null(table):
    """A schema is known before its first row is stored; reading meanwhile is no error."""
    await insert(table, row("a", city="Basel"))

    (found,) = await select(
        table,
        ("city", FieldType.TEXT, (CITY, "city:json_blob")),
        ("n", FieldType.INT, ("n:int", "n:text")),
        ("p", FieldType.GEO_POINT, ("p:geo_point_2d",)),
        order_by=(("n", True), ("p", False)),
    )

    assert (found["city"], found["n"], found["p"]) == ("Basel", None, None)


async def test_unknown_table_is_an_error_of_its_own(store):
    """Readers take it as no rows, writers as something to make."""
    with pytest.raises(UnknownTable):
        await store.insert("nowhere", lines(row("a")))
    with pytest.raises(UnknownTable):
        await store.insert("nowhere", commas(array("a")), ROW_COLUMNS)
    with pytest.raises(UnknownTable):
        await store.count(Relation(table="nowhere"))
    with pytest.raises(UnknownTable):
        await store.select(Select(relation=Relation(table="nowhere"), fields=()))


async def test_dropped_table_is_gone_and_dropping_again_is_harmless(table):
    """Dropping what is not there is no error, even when there is no database."""
    await insert(table, row("a", city="Basel"))

    for _ in range(2):
        await table.drop_table(TABLE.name)

    assert TABLE.name not in await table.tables()
    with pytest.raises(UnknownTable):
        await table.count(Relation(table=TABLE.name))


async def test_empty_store_has_no_tables_and_drops_nothing(store):
    """A fresh server has not even the database."""
    await store.drop_table("nowhere")

    assert list(await store.tables()) == []


async def test_table_without_tombstones_keeps_every_key(store):
    """The quarantine has three key columns and no deletes; a repeat of a row stays one row."""
    await store.ensure_table(QUARANTINE, {})
    refused = {
        "dataset": "da_test",
        "_version": 5,
        "position": 0,
        "record": "{",
        "errors": "[]",
        "op": "upsert",
    }

    for position in (0, 1, 1):
        await store.insert(QUARANTINE.name, lines({**refused, "position": position}))

    assert await store.count(Relation(table=QUARANTINE.name)) == 2


async def test_blank_lines_and_empty_inserts_are_no_rows(table):
    """Joined messages may end with a newline."""
    await table.insert(TABLE.name, b"")
    for nothing in (b"", b"\n", b"\n\n"):
        await table.insert(TABLE.name, nothing, ARRAYS)
    await table.insert(TABLE.name, lines(row("a")) + b"\n\n" + lines(row("b")) + b"\n")

    assert await table.count(Relation(table=TABLE.name)) == 2


async def test_ping_returns_when_the_store_answers(store):
    """No answer would be an error."""
    await store.ping()


async def test_closing_twice_is_harmless(store):
    """Shutdown paths may meet."""
    await store.close()
    await store.close()


async def test_store_that_is_away_is_unavailable_for_everything():
    """The twin can be told to be away; each call then fails as the real one's would."""
    store = MemoryStore()
    store.available = False

    for call in (
        store.ping(),
        store.count(Relation(table="t")),
        store.tables(),
        store.drop_table("t"),
        store.insert("t", b"{}"),
        store.ensure_table(TABLE, {}),
    ):
        with pytest.raises(StoreUnavailable):
            await call
