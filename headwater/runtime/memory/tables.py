"""What does a table do with rows?  ClickHouse's table engines on a dictionary."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.domain.tables import DELETED, Table
from headwater.runtime.memory.values import empty_value, read_stored

Row = dict[str, Any]


@dataclass(slots=True)
class Contents:
    """One table: its columns (name -> ClickHouse type), and by key the row that counts."""

    table: Table
    columns: dict[str, str]
    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)

    def current(self) -> Iterator[Row]:
        """Return the rows that are not hidden."""
        hides = self.table.has_tombstones
        return (row for row in self.rows.values() if not (hides and row[DELETED]))

    def add_column(self, name: str, kind: str) -> None:
        """Add a column unless it is there; the rows have no value in it."""
        self.columns.setdefault(name, kind)
        for row in self.rows.values():
            row.setdefault(name, empty_value(kind))

    def read(self, row: Any, columns: Sequence[str] | None) -> Row:
        """Return a row as it is stored; raises ValueError, with a sentence, where ClickHouse would refuse."""
        if columns:
            if not isinstance(row, list) or len(row) != len(columns):
                raise ValueError(f"a row is a JSON array of {len(columns)} values")
            row = dict(zip(columns, row, strict=True))
        if not isinstance(row, dict):
            raise ValueError("a row is a JSON object")  # noqa: TRY004 - one kind of error
        stored = {name: empty_value(kind) for name, kind in self.columns.items()}
        for name, value in row.items():
            if name not in stored:
                raise ValueError(f"Unknown field found: {name}")
            if value is not None:
                stored[name] = read_stored(self.columns[name], value)
        return stored

    def filled(self, row: Row) -> Row:
        """Return a row of a table with other columns as one of this table."""
        return {name: row.get(name, empty_value(kind)) for name, kind in self.columns.items()}

    def put(self, row: Row) -> None:
        """Add a row: it replaces, or is merged with, the one that has its key."""
        key = tuple(row[name] for name in self.table.key)
        before = self.rows.get(key)
        if before is None:
            self.rows[key] = row
        elif self.table.aggregates:
            self.rows[key] = greatest(before, row)
        elif row[self.table.version] >= before[self.table.version]:
            self.rows[key] = row

    def delete_before(self, column: str, version: int) -> None:
        """Delete the rows that have less in this column."""
        self.rows = {key: row for key, row in self.rows.items() if row[column] >= version}


def greatest(one: Row, other: Row) -> Row:
    """Return of each column the greater value."""
    return {name: max(value, other[name], key=_rank) for name, value in one.items()}


def _rank(value: Any) -> Any:
    """Return what compares as a value does; null is the least."""
    match value:
        case None:
            return (0,)
        case tuple():
            return (1, tuple(map(_rank, value)))
        case {"lat": lat, "lon": lon}:
            return (1, lat, lon)
    return (1, value)
