"""Which rows does the store refuse, and how do they wait in quarantine?"""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.tables import QUARANTINE
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import RowsRefused
from sinks.refusals import insert_all_but_refused, quarantine_row, split_rows

NOW = "2024-01-01 00:00:00.000000"


class Picky:
    """Takes rows unless one of them is bad."""

    def __init__(self):
        self.taken = []
        self.calls = 0

    async def insert(self, rows):
        self.calls += 1
        lines = rows.split(b"\n")
        if any(line.startswith(b"bad") for line in lines):
            raise RowsRefused("bad row")
        self.taken += lines


def quarantined(line, dataset="da_a"):
    row = quarantine_row(line, dataset=dataset, code="store_refused", message="no", received_at=NOW)
    return orjson.loads(row)


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


def test_rows_are_the_lines_of_all_values():
    """Blank lines are no rows."""
    assert split_rows([b"a\nb\n", b"", b"c"]) == [b"a", b"b", b"c"]


def test_refused_row_keeps_what_identifies_it(make_row):
    """Version, resource and moment are those of the row; the row itself is the record."""
    line = make_row("a", 42, **{"n:int": "x"})

    row = quarantined(line)

    assert (row["dataset"], row["_version"], row["resource"], row["op"]) == ("da_a", 42, "realtime", "upsert")
    assert row["_received_at"] == "2024-05-06 07:08:09.000010"
    assert row["record"].encode() == line
    assert orjson.loads(row["errors"]) == [
        {"processor": "sink", "field": None, "code": "store_refused", "message": "no"}
    ]


def test_refused_tombstone_is_a_delete(make_row):
    """What was to be done is part of what can be mended."""
    assert quarantined(make_row("a", _deleted=1))["op"] == "delete"


def test_same_line_has_the_same_key(make_row):
    """A replay must not quarantine a row twice; other rows of the same version must not hide each other."""
    first, second = make_row("a", 7), make_row("b", 7)

    assert quarantined(first)["position"] == quarantined(first)["position"]
    assert quarantined(first)["position"] != quarantined(second)["position"]


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[1]",
        b'{"_id":',
        b"\xff\xfe",
        b'{"_version":-1,"_received_at":"soon","_resource":[1]}',
        b'{"_version":18446744073709551616,"_received_at":5,"_deleted":"x"}',
        b'{"_version":true}',
        b'"' + b"x" * 1_000_000,
    ],
)
async def test_any_line_makes_a_row_that_the_quarantine_table_takes(line):
    """The quarantine is the last resort: it must not refuse in its turn."""
    store = MemoryStore()
    await store.ensure_table(QUARANTINE, {})

    row = quarantine_row(line, dataset="", code="store_refused", message="no", received_at=NOW)
    await store.insert(QUARANTINE.name, row)

    assert await store.count(QUARANTINE.name) == 1
    assert quarantined(line, dataset="")["dataset"] == "_unrouted"
