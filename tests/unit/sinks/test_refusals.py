"""Which rows does the store refuse, and how do they wait in quarantine?"""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.tables import QUARANTINE, ROW_COLUMNS
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import Relation, RowsRefused
from sinks.refusals import insert_all_but_refused, quarantine_row, split_rows

NOW = "2024-01-01 00:00:00.000000"
LAYOUT = (*ROW_COLUMNS, "n:int")
LINES = st.lists(st.lists(st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(), max_size=4), max_size=5)


class Picky:
    """Takes rows unless one of them is bad."""

    def __init__(self):
        self.taken = []
        self.calls = 0

    async def insert(self, lines):
        self.calls += 1
        if any(line.startswith(b"bad") for line in lines):
            raise RowsRefused("bad row")
        self.taken += lines


def quarantined(line, dataset="da_a", layout=LAYOUT):
    told = {"dataset": dataset, "code": "store_refused", "message": "no", "received_at": NOW}
    return orjson.loads(quarantine_row(line, layout=layout, **told))


@given(bad=st.lists(st.booleans(), min_size=1, max_size=60))
async def test_exactly_the_bad_rows_are_refused_and_the_others_stored_once(bad):
    """However the bad rows lie, the good ones are stored and each bad one is named with its reason."""
    lines = [b"%s%d" % (b"bad" if is_bad else b"good", number) for number, is_bad in enumerate(bad)]
    store = Picky()

    refused = await insert_all_but_refused(store.insert, lines)

    assert refused == [(line, "bad row") for line in lines if line.startswith(b"bad")]
    assert store.taken == [line for line in lines if line.startswith(b"good")]


async def test_one_bad_row_costs_a_logarithm_of_inserts():
    """Halving finds one row among a thousand in about twenty inserts."""
    lines = [b"good"] * 1000
    lines[417] = b"bad"
    store = Picky()

    await insert_all_but_refused(store.insert, lines)

    assert store.calls <= 21


def test_rows_without_a_layout_are_the_lines_of_all_values():
    """Blank lines are no rows."""
    assert split_rows([b"a\nb\n", b"", b"c"], arrays=False) == [b"a", b"b", b"c"]


@given(values=st.lists(LINES))
def test_rows_of_a_layout_are_the_arrays_of_all_values(values):
    """Commas stand between rows and within them; a line end in a text is no row's end."""
    joined = [orjson.dumps(rows)[1:-1] for rows in values]

    assert split_rows(joined, arrays=True) == [orjson.dumps(row) for rows in values for row in rows]


@pytest.mark.parametrize("value", [b"garbage", b"[1],", b"[1][2]", b"\xff", b"[" * 300 + b"]" * 300])
def test_value_that_cannot_be_cut_is_one_row(value):
    """It hides no other value's rows, and nothing of it is lost."""
    assert split_rows([b"[1],[2]", value], arrays=True) == [b"[1]", b"[2]", value]


def test_refused_row_keeps_what_identifies_it(make_row, by_name):
    """Version, resource and moment are those of the row; the row with its names is the record."""
    line = make_row("a", 42, "x")

    row = quarantined(line)

    assert (row["dataset"], row["_version"], row["resource"], row["op"]) == ("da_a", 42, "realtime", "upsert")
    assert row["_received_at"] == "2024-05-06 07:08:09.000010"
    assert orjson.loads(row["record"]) == by_name(line)
    assert orjson.loads(row["errors"]) == [
        {"processor": "sink", "field": None, "code": "store_refused", "message": "no"}
    ]


def test_refused_tombstone_is_a_delete(make_row):
    """What was to be done is part of what can be mended."""
    assert quarantined(make_row("a", deleted=1))["op"] == "delete"


def test_same_line_has_the_same_key(make_row):
    """A replay must not quarantine a row twice; other rows of the same version must not hide each other."""
    first, second = make_row("a", 7), make_row("b", 7)

    assert quarantined(first)["position"] == quarantined(first)["position"]
    assert quarantined(first)["position"] != quarantined(second)["position"]


@pytest.mark.parametrize("layout", [ROW_COLUMNS, (*LAYOUT, "more:int")])
def test_row_with_a_wrong_number_of_values_is_kept_as_it_came(make_row, layout):
    """What its first values say holds; which value has no column, nobody can tell."""
    line = make_row("a", 42, 5)

    row = quarantined(line, layout=layout)

    assert (row["_version"], row["resource"]) == (42, "realtime")
    assert row["record"].encode() == line


def test_refused_object_is_read_by_its_own_names():
    """The quarantine topic's lines have no layout."""
    line = b'{"_version":7,"_resource":"r","_received_at":"2024-05-06 07:08:09"}'

    row = quarantined(line, layout=())

    assert (row["_version"], row["resource"], row["_received_at"]) == (7, "r", "2024-05-06 07:08:09")
    assert row["record"].encode() == line


@pytest.mark.parametrize("layout", [(), LAYOUT])
@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[]",
        b'["a",-1,"x",[1],"soon"]',
        b'["a",18446744073709551616,2,null,5,6,7,8]',
        b"[" * 300 + b"]" * 300,
        b"[1]",
        b'{"_id":',
        b"\xff\xfe",
        b'{"_version":-1,"_received_at":"soon","_resource":[1]}',
        b'{"_version":18446744073709551616,"_received_at":5,"_deleted":"x"}',
        b'{"_version":true}',
        b'"' + b"x" * 1_000_000,
    ],
)
async def test_any_line_makes_a_row_that_the_quarantine_table_takes(line, layout):
    """The quarantine is the last resort: it must not refuse in its turn."""
    store = MemoryStore()
    await store.ensure_table(QUARANTINE, {})

    row = quarantined(line, dataset="", layout=layout)
    await store.insert(QUARANTINE.name, orjson.dumps(row))

    assert await store.count(Relation(table=QUARANTINE.name)) == 1
    assert row["dataset"] == "_unrouted"
