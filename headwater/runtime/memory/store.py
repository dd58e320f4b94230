"""The store's in-memory twin: the same rules on dictionaries.

It is stricter than ClickHouse where ClickHouse is lax: an integer of more than 64 bits or the 31st of
February is refused here and bent there. Headwater's own rows have neither (domain/types.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import DELETED, RECEIVED_AT, RECORD_ID, VERSION, Table
from headwater.runtime.memory.values import EMPTY, convert, read_stored
from headwater.runtime.store import ReadField, Relation, RowsRefused, Select, UnknownTable

Row = dict[str, Any]


@dataclass(slots=True)
class _Contents:
    table: Table
    columns: dict[str, str]
    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)  # by key, the winner only

    def current(self) -> Iterator[Row]:
        hides = self.table.has_tombstones
        return (row for row in self.rows.values() if not (hides and row[DELETED]))

    def read(self, row: Any, columns: Sequence[str] | None) -> Row:
        """Return a row as it is stored; raises ValueError, with a sentence, where ClickHouse would refuse."""
        if columns:
            if not isinstance(row, list) or len(row) != len(columns):
                raise ValueError(f"a row is a JSON array of {len(columns)} values")
            row = dict(zip(columns, row, strict=True))
        if not isinstance(row, dict):
            raise ValueError("a row is a JSON object")  # noqa: TRY004 - one kind of error
        stored = {name: EMPTY.get(kind) for name, kind in self.columns.items()}
        for name, value in row.items():
            if name not in stored:
                raise ValueError(f"Unknown field found: {name}")
            if value is not None:
                stored[name] = read_stored(self.columns[name], value)
        return stored

    def put(self, row: Row) -> None:
        key = tuple(row[name] for name in self.table.key)
        before = self.rows.get(key)
        if before is None or row[VERSION] >= before[VERSION]:
            self.rows[key] = row


class MemoryStore:
    """Tables in memory. `available = False` makes every call fail as if the server was away."""

    def __init__(self) -> None:
        self._tables: dict[str, _Contents] = {}
        self.available = True

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ensure_table(self, table: Table, columns: Mapping[str, str]) -> None:
        self._check_available()
        contents = self._tables.setdefault(table.name, _Contents(table, dict(table.columns)))
        for name, kind in columns.items():
            contents.columns.setdefault(name, kind)
            for row in contents.rows.values():
                row.setdefault(name, EMPTY.get(kind))

    async def drop_table(self, name: str) -> None:
        self._check_available()
        self._tables.pop(name, None)

    async def tables(self) -> Sequence[str]:
        self._check_available()
        return list(self._tables)

    async def insert(self, table: str, rows: bytes, columns: Sequence[str] | None = None) -> None:
        contents = self._contents(table)
        try:
            read = [contents.read(row, columns) for row in _listed(rows)]
        except ValueError as error:
            raise RowsRefused(str(error)) from error
        for row in read:
            contents.put(row)

    async def select(self, select: Select) -> list[dict[str, Any]]:
        rows = [
            row
            for row in self._contents(select.relation.table).current()
            if select.record_id in (None, row[RECORD_ID])
        ]
        answers = [_answer(row, select.fields) for row in rows]
        answers.sort(key=partial(_sort_key, RECORD_ID))
        for name, descending in reversed(select.order_by):
            answers.sort(key=partial(_sort_key, name), reverse=descending)
            answers.sort(key=partial(_null_key, name))
        return answers[select.offset : select.offset + select.limit]

    async def count(self, relation: Relation) -> int:
        return sum(1 for _ in self._contents(relation.table).current())

    async def ping(self) -> None:
        self._check_available()

    def _contents(self, table: str) -> _Contents:
        self._check_available()
        if table not in self._tables:
            raise UnknownTable(f"there is no table {table!r}")
        return self._tables[table]

    def _check_available(self) -> None:
        if not self.available:
            raise StoreUnavailable("the store in memory was told to be away")


def _listed(rows: bytes) -> list[Any]:
    """Return the JSON values between which a comma or line ends stand; no string has a raw line end."""
    lines = [line.strip(b",") for line in rows.split(b"\n")]
    listed: list[Any] = orjson.loads(b"[" + b",".join(line for line in lines if line) + b"]")
    return listed


def _answer(row: Row, fields: Sequence[ReadField]) -> dict[str, Any]:
    system = {name: row.get(name) for name in (RECORD_ID, VERSION, RECEIVED_AT)}
    return system | {one.name: _value(row, one) for one in fields}


def _value(row: Row, wanted: ReadField) -> Any:
    for column in wanted.columns:
        value = convert(column, row.get(column), wanted.type)
        if value is not None:
            return value
    return None


def _null_key(name: str, answer: Row) -> bool:
    return answer[name] is None


def _sort_key(name: str, answer: Row) -> Any:
    """Return what sorts as ClickHouse sorts: text by its bytes, points by latitude then longitude."""
    match answer[name]:
        case None:
            return (0,)
        case str(text):
            return (1, text.encode())
        case {"lat": lat, "lon": lon}:
            return (1, lat, lon)
        case value:
            return (1, value)
