"""How do we talk to ClickHouse?  The port; runtime/clickhouse.py and runtime/memory.py are behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from headwater.domain.tables import Table
from headwater.domain.types import FieldType


class RowsRefused(Exception):
    """The store will never take these rows: their own fault, so retrying cannot help.

    `code` is ClickHouse's number (0 when unknown).
    """

    def __init__(self, message: str, *, code: int = 0) -> None:
        self.code = code
        super().__init__(message)


class UnknownTable(Exception):
    """The table does not exist (yet): for a reader that means no rows."""


@dataclass(frozen=True, slots=True)
class ReadField:
    """One field to read: its name in the answer, its type, and the physical columns to take it from.

    The first column that is not null gives the value, converted to `type`; what cannot be converted reads as
    null. So does a column that the table has not (yet): a schema may be known before its first row is stored.
    """

    name: str
    type: FieldType
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The records of one dataset, as of now or of an earlier version.

    Now: the rows of `table` that are neither deleted nor superseded nor older than `since`, and of each
    the fields that were merged later (`patches`, the name of the patches table; empty: none). A record that
    was only merged, or merged after its deletion, is there with what was merged since.
    As of a version: the same from `history` and `patches_history`, as it was at that version.
    """

    table: str
    since: int = 0
    patches: str = ""
    as_of: int | None = None
    history: str = ""
    patches_history: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """One page of the records of a relation.

    Rows come ordered by `order_by` (field name, descending?), nulls last both ways, then by record id, so
    that the order is stable. `_id`, `_version`, `_received_at` are always part of each row.
    """

    relation: Relation
    fields: tuple[ReadField, ...]
    order_by: tuple[tuple[str, bool], ...] = ()
    limit: int = 10
    offset: int = 0
    record_id: str | None = None


class Store(Protocol):
    """What the services ask of ClickHouse. Safe to call from several tasks at once.

    Connections are opened when they are needed, so a process may start before the store does.
    Every method raises StoreUnavailable when the server is down, restarting, or answers that it cannot now
    (too many parts, memory limit, read-only replica): calling again is safe and may succeed.
    """

    async def ensure_table(self, table: Table, columns: Mapping[str, str]) -> None:
        """Make sure that the table exists and has these further columns (name -> ClickHouse type).

        Repeatable, and safe from several workers at once.
        """
        ...

    async def drop_table(self, name: str) -> None:
        """Drop a table if it exists."""
        ...

    async def tables(self) -> Sequence[str]:
        """Return the names of all tables, in no order; none when there is nothing yet."""
        ...

    async def insert(self, table: str, rows: bytes, columns: Sequence[str] | None = None) -> None:
        """Insert rows, JSON values with a comma or a line end between them; return once ClickHouse has them.

        With `columns` each row is an array of their values, in this order; without, an object by column name.

        Repeating is safe: tables replace by key and version. Raises RowsRefused when a row cannot be read or
        names a column that the table has not (then none of them is stored), UnknownTable when there is none.
        """
        ...

    async def select(self, select: Select) -> list[dict[str, Any]]:
        """Return one page. Values are JSON: datetimes as `YYYY-MM-DD hh:mm:ss.ffffff` UTC, dates ISO,
        geo points `{"lat", "lon"}` or None. Read-only, limited in time and memory. Raises UnknownTable.
        """
        ...

    async def count(self, relation: Relation) -> int:
        """Return how many records a relation has. Raises UnknownTable."""
        ...

    async def ping(self) -> None:
        """Return if the server answers."""
        ...

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        ...
