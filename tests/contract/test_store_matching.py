"""Reading by many keys: the Store port on the twin and on ClickHouse."""

import random

import orjson
import pytest

from headwater.domain.join_keys import as_type, fingerprint, key_of
from headwater.domain.tables import (
    CLICKHOUSE_TYPES,
    patch_type,
    patches_table,
    physical_column,
    rows_table,
)
from headwater.domain.types import FieldType
from headwater.runtime.store import Matching, ReadField, Relation, UnknownTable

ROWS, PATCHES = rows_table("da_test", 1), patches_table("da_test", 1)
NOW = Relation(table=ROWS.name)
KINDS = {
    "t": FieldType.TEXT,
    "i": FieldType.INT,
    "d": FieldType.DOUBLE,
    "b": FieldType.BOOLEAN,
    "day": FieldType.DATE,
    "at": FieldType.DATETIME,
    "p": FieldType.GEO_POINT,
}
FIELDS = {name: ReadField(name, kind, (physical_column(name, kind),)) for name, kind in KINDS.items()}
TEXTS = (
    *("2", "2.0", "2,0", "02", "+2", "-2", "-0", "0", "0.0", ".5", "0,5", "5.", "1e5", "nan", "inf", "0x10"),
    *(
        "Café",
        "CAFE",
        "cafe\u0301",
        "café ",
        "Straße",
        "STRASSE",
        "ΣΊΣΥΦΟΣ",
        "σίσυφος",
        "İstanbul",
        "istanbul",
    ),
    *("Київ", "КИЇВ", "ガ", "カ", "北京", "🌊", "a\nb", "2\n", " 2", "1 000", "3.", ",", "+", "-.", "+.5"),
    *("01262", "1262", "9007199254740993", "123456789012345678901234567890", "0.1", "0.10", "2.881"),
    *("true", "True", "{k:String}", "'", "\\", "%", "0" * 70, "1" + "0" * 63, "ſ", "ﬁ", "ẞ"),  # noqa: RUF001 - it is about such letters
)


def row(record_id, version=1, **cells):
    return {
        "_id": record_id,
        "_version": version,
        "_deleted": 0,
        "_resource": "realtime",
        "_received_at": "2024-05-06 07:08:09.000000",
        **{physical_column(name, KINDS[name]): value for name, value in cells.items()},
    }


async def put(store, *rows, table=ROWS.name):
    await store.insert(table, b"\n".join(map(orjson.dumps, rows)))


def prints(*values, kind=FieldType.TEXT, case_sensitive=False):
    keys = [as_type(key_of(value, case_sensitive=case_sensitive), kind) for value in values]
    return frozenset(fingerprint((key,)) for key in keys if key is not None)


async def ids(store, *names, wanted, relation=NOW, **options):
    matching = Matching(
        relation=relation,
        fields=(FIELDS["t"],),
        keys=tuple(FIELDS[name] for name in names),
        prints=wanted,
        **options,
    )
    return [one["_id"] for one in await store.matching(matching)]


@pytest.fixture
async def table(store):
    """A store with a table of one column of each type."""
    await store.ensure_table(
        ROWS, {physical_column(name, kind): CLICKHOUSE_TYPES[kind] for name, kind in KINDS.items()}
    )
    return store


@pytest.mark.parametrize("case_sensitive", [False, True])
async def test_every_record_with_an_equal_key_is_found(table, case_sensitive):
    """Whatever is equal by domain/join_keys.py has one fingerprint, here and there; nothing else has."""
    await put(table, *(row(f"{place:03}", t=text) for place, text in enumerate(TEXTS)))

    for text in TEXTS:
        wanted = key_of(text, case_sensitive=case_sensitive)
        equal = [
            f"{place:03}"
            for place, other in enumerate(TEXTS)
            if key_of(other, case_sensitive=case_sensitive) == wanted
        ]
        found = await ids(
            table, "t", wanted=prints(text, case_sensitive=case_sensitive), case_sensitive=case_sensitive
        )
        assert found == equal, text


async def test_numbers_in_text_have_the_bits_of_the_number(table):
    """However many digits they have, and whatever the store's fast way of reading them would make of them."""
    chance = random.Random(7)
    numbers = [f"{chance.uniform(-1e6, 1e6):.{chance.randrange(1, 15)}f}" for _ in range(500)]
    numbers += [str(chance.randrange(-(10**30), 10**30)) for _ in range(100)]
    await put(table, *(row(f"{place:03}", t=text) for place, text in enumerate(numbers)))

    found = await ids(table, "t", wanted=prints(*numbers))

    assert len(found) == len(numbers)


async def test_fields_of_every_type_are_found_by_values_of_many_kinds(table):
    """A number finds integers and decimals, text finds booleans, dates and moments."""
    await put(
        table,
        row("0", i=1262, d=2.5, b=True, day="2024-05-06", at="2024-05-06 07:08:09.000000"),
        row("1", i=-(2**63), d=-0.0, b=False, day="1900-01-01", at="2299-12-31 23:59:59.999999"),
        row("2", p={"lat": 1, "lon": 2}),
    )

    async def found(name, value):
        return await ids(table, name, wanted=prints(value, kind=KINDS[name]))

    assert await found("i", "01262") == await found("i", 1262.0) == ["0"]
    assert await found("i", -(2**63)) == ["1"]
    assert await found("d", "2,50") == ["0"]
    assert await found("d", 0) == ["1"]
    assert await found("b", "TRUE") == await found("b", 1) == ["0"]
    assert await found("b", False) == ["1"]
    assert await found("day", "06/05/2024") == []
    assert await found("day", "2024/05/06") == ["0"]
    assert (
        await found("at", "2024-05-06T09:08:09+02:00") == await found("at", "2024-05-06t07:08:09z") == ["0"]
    )
    assert await found("at", "2299-12-31T23:59:59.999999Z") == ["1"]


async def test_all_keys_have_to_match(table):
    """Several keys are compared pairwise; an empty one equals nothing, not even 0 or an empty text."""
    await put(
        table, row("a", t="x", i=1), row("b", t="x", i=2), row("c", t="y", i=1), row("d", t="x"), row("e")
    )
    x1, y1 = fingerprint(("x", 1)), fingerprint(("y", 1))

    assert await ids(table, "t", "i", wanted=frozenset({x1})) == ["a"]
    assert await ids(table, "t", "i", wanted=frozenset({x1, y1})) == ["a", "c"]
    x1_true = fingerprint(("x", 1, "true"))
    await put(table, row("f", t="X", i=1, b=True), row("g", t="x", i=1, b=False))
    assert await ids(table, "t", "i", "b", wanted=frozenset({x1_true})) == ["f"]
    assert await ids(table, "i", wanted=prints(0)) == []
    assert await ids(table, "t", wanted=frozenset()) == []


async def test_point_is_no_key(table):
    """A field of a type that cannot be compared finds nothing, and fails nothing."""
    await put(table, row("a", p={"lat": 1, "lon": 2}))

    assert await ids(table, "p", wanted=prints("1,2")) == []


async def test_pages_follow_the_record_ids(table):
    """Each record comes once, in the order of the ids, with the values that were asked for."""
    await put(table, *(row(f"{place:02}", t="x", i=place) for place in range(25)))
    pages, after = [], ""
    while True:
        matching = Matching(relation=NOW, fields=(FIELDS["i"], FIELDS["p"]), after=after, limit=10)
        if not (page := await table.matching(matching)):
            break
        pages.append(page)
        after = page[-1]["_id"]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert [one["i"] for page in pages for one in page] == list(range(25))
    assert pages[0][0] == {
        "_id": "00",
        "_version": 1,
        "_received_at": "2024-05-06 07:08:09.000000",
        "i": 0,
        "p": None,
    }
    assert await ids(table, "t", wanted=prints("X"), after="22", limit=10) == ["23", "24"]


async def test_what_is_deleted_or_superseded_is_not_found(table):
    """What readers see counts: the greatest version, above the floor."""
    await put(table, row("a", 1, t="x"), row("b", 1, t="x"), row("c", 5, t="x"))
    await put(table, row("a", 2, t="y"), {**row("b", 2), "_deleted": 1})

    assert await ids(table, "t", wanted=prints("x")) == ["c"]
    assert await ids(table, "t", wanted=prints("x", "y"), relation=Relation(table=ROWS.name, since=5)) == [
        "c"
    ]


async def test_merged_values_are_found(table):
    """By what was merged, not by what it replaced."""
    column = physical_column("t", FieldType.TEXT)
    await table.ensure_table(PATCHES, {column: patch_type(CLICKHOUSE_TYPES[FieldType.TEXT])})
    await put(table, row("a", 1, t="x"), row("b", 1, t="x"))
    patch = {
        "_id": "b",
        "_patched": 2,
        "_resource": [2, "r"],
        "_received_at": [2, "2024-05-06 07:08:09.000000"],
    }
    await put(table, patch | {column: [2, "Ÿ"]}, table=PATCHES.name)
    relation = Relation(table=ROWS.name, patches=PATCHES.name)

    assert await ids(table, "t", wanted=prints("x"), relation=relation) == ["a"]
    assert await ids(table, "t", wanted=prints("y"), relation=relation) == ["b"]
    assert await ids(table, relation=relation, wanted=frozenset(), after="a") == ["b"]


async def test_tables_and_columns_that_are_not_there_yet_have_no_keys(store):
    """A schema may know a field before its first value is stored; without any table nobody knows."""
    with pytest.raises(UnknownTable):
        await ids(store, "t", wanted=prints("x"))
    await store.ensure_table(ROWS, {"t:text": CLICKHOUSE_TYPES[FieldType.TEXT]})
    await put(store, row("a", t="x"))

    assert await ids(store, "t", wanted=prints("x")) == ["a"]
    assert [await ids(store, name, wanted=prints(1)) for name in ("i", "d", "b", "day", "at")] == [[]] * 5
    await store.drop_table(ROWS.name)
    await store.ensure_table(ROWS, {})
    assert await ids(store, "t", wanted=prints("x")) == []


async def test_many_keys_are_one_query(table):
    """A whole batch of keys is asked for at once."""
    await put(table, *(row(f"{place:05}", t=f"k{place}", i=place) for place in range(6000)))

    wanted = frozenset(fingerprint((f"k{place}", place)) for place in range(5000))

    assert len(await ids(table, "t", "i", wanted=wanted, limit=10_000)) == 5000
