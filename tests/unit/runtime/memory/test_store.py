"""What the store's twin does beyond the port (the port's own rules are in tests/contract)."""

import orjson
import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import ROW_COLUMNS, rows_table
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import Relation, RowsRefused

TABLE = rows_table("da_a", 1)
COLUMNS = {"n:int": "Nullable(Int64)", "on:date": "Nullable(Date32)"}


@pytest.fixture
async def store():
    store = MemoryStore()
    await store.ensure_table(TABLE, COLUMNS)
    return store


@pytest.mark.parametrize(
    "cells",
    [
        {"n:int": 2**63},
        {"n:int": "5"},
        {"on:date": "2024-02-31"},
        {"_version": -1},
        {"_received_at": "2024-05-06"},
        {"_received_at": "2024-13-06 07:08:09.000010"},
        {"_id": 5},
    ],
)
async def test_values_that_headwater_never_writes_are_refused(store, cells):
    """ClickHouse bends some of them; a processor that lets one through must fail in tests."""
    with pytest.raises(RowsRefused):
        await store.insert(TABLE.name, orjson.dumps({"_id": "a", "_version": 1, **cells}))

    assert await store.count(Relation(table=TABLE.name)) == 0


@pytest.mark.parametrize(("cell", "place"), [(2**63, 5), ("5", 5), (-1, 1), (5, 0), ("2024-05-06", 4)])
async def test_values_that_headwater_never_writes_are_refused_in_arrays_too(store, cell, place):
    """A row means the same however it is written."""
    values = ["a", 1, 0, "realtime", "2024-05-06 07:08:09.000010", 5]
    values[place] = cell

    with pytest.raises(RowsRefused):
        await store.insert(TABLE.name, orjson.dumps(values), (*ROW_COLUMNS, "n:int"))

    assert await store.count(Relation(table=TABLE.name)) == 0


@pytest.mark.parametrize("rows", [b'["a",1],,["b",2]', b'["a",1]["b",2]'])
async def test_rows_with_another_thing_than_one_comma_between_them_are_refused(store, rows):
    """ClickHouse takes them for two rows; whoever wrote them meant something else."""
    with pytest.raises(RowsRefused):
        await store.insert(TABLE.name, rows, ("_id", "_version"))


async def test_store_that_is_away_refuses_every_call_and_keeps_its_rows(store):
    """`available` plays the server's death and return."""
    await store.insert(TABLE.name, b'{"_id":"a","_version":1}')
    store.available = False
    for call in (store.ping(), store.count(Relation(table=TABLE.name)), store.insert(TABLE.name, b"{}")):
        with pytest.raises(StoreUnavailable):
            await call

    store.available = True

    assert await store.count(Relation(table=TABLE.name)) == 1
