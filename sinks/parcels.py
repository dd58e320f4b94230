"""What came, and for which tables?  A run of messages, addressed.

Nothing here looks into a row: their number and their columns come from headers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from headwater.domain.tables import (
    CLICKHOUSE_TYPES,
    PATCH_COLUMNS,
    QUARANTINE,
    ROW_COLUMNS,
    Table,
    history_table,
    patch_type,
    patches_history_table,
    patches_table,
    rows_table,
)
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import PATCHES, Header

NO_COLUMNS: Mapping[str, str] = {}
MAX_DIGITS = 20
TARGETS = ("", "rows", PATCHES)
_TYPES = frozenset(CLICKHOUSE_TYPES.values())
_PATCH_TYPES = frozenset(map(patch_type, _TYPES))


class Unaddressed(Exception):
    """The headers of a run do not say which table its rows are for; the sentence says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Rows on their way into one table, and perhaps its history: what one run brought."""

    table: Table
    dataset: str  # uid; empty when nobody named one
    generation: int
    columns: Mapping[str, str]  # physical column -> ClickHouse type, of all columns that occur
    layout: tuple[str, ...]  # of which columns each row is an array; empty: rows are objects, a line each
    values: Sequence[bytes]
    rows: int
    size_bytes: int
    run: Run
    history: Table | None = None  # the table that keeps every version of the same rows

    @property
    def is_refused(self) -> bool:
        """Whether it brings records to quarantine, instead of rows to a dataset's generation."""
        return self.table is QUARANTINE

    @property
    def tables(self) -> tuple[Table, ...]:
        """Where the rows go, in this order: what can be read as of now has its history already."""
        return (self.table,) if self.history is None else (self.history, self.table)


def rows_parcel(run: Run) -> Parcel:
    """Return a run of the records topic as a parcel; raises Unaddressed."""
    dataset, generation = run.header(Header.DATASET), try_number(run.header(Header.GENERATION))
    if not dataset or generation is None:
        named = run.header(Header.GENERATION)
        raise Unaddressed(f"dataset {dataset!r}, generation {named!r} name no table")
    target = run.header(Header.TARGET)
    if target not in TARGETS:
        raise Unaddressed(f"the target header is {target!r}")
    patches = target == PATCHES
    columns = columns_of(run.header(Header.SCHEMA), patches=patches)
    values = [message.value for message in run.messages]
    rows, size = sum(map(_row_count, run.messages)), sum(map(len, values))
    table = (patches_table if patches else rows_table)(dataset, generation)
    history = None
    if run.header(Header.HISTORY) == "1":
        history = (patches_history_table if patches else history_table)(dataset, generation)
    layout = (*(PATCH_COLUMNS if patches else ROW_COLUMNS), *columns)
    return Parcel(table, dataset, generation, columns, layout, values, rows, size, run, history)


def quarantine_parcel(run: Run) -> Parcel:
    """Return a run of the quarantine topic as a parcel."""
    return replaced(run, [message.value for message in run.messages])


def replaced(run: Run, values: Sequence[bytes]) -> Parcel:
    """Return a parcel that puts these rows into quarantine in the run's place."""
    rows, size = sum(map(count_rows, values)), sum(map(len, values))
    dataset, generation = run.header(Header.DATASET), try_number(run.header(Header.GENERATION)) or 0
    return Parcel(QUARANTINE, dataset, generation, NO_COLUMNS, (), values, rows, size, run)


@lru_cache(maxsize=4096)
def columns_of(schema: str, *, patches: bool = False) -> Mapping[str, str]:
    """Return the columns that a schema header names; raises Unaddressed when it is not one of ours."""
    types, system = (_PATCH_TYPES, PATCH_COLUMNS) if patches else (_TYPES, ROW_COLUMNS)
    try:
        columns = orjson.loads(schema or "{}")
    except orjson.JSONDecodeError as error:
        raise Unaddressed(f"the schema header is no JSON: {error}") from error
    if not isinstance(columns, dict) or not types.issuperset(map(str, columns.values())):
        raise Unaddressed("the schema header names a column type that no field has")
    if not columns.keys().isdisjoint(system):
        raise Unaddressed("the schema header names a column that every row has anyway")
    return columns


def count_rows(value: bytes) -> int:
    """Return how many lines a value has; the last may lack its line end."""
    return value.count(b"\n") + (not value.endswith(b"\n")) if value else 0


def try_number(text: str) -> int | None:
    """Return a header's decimal number, of at most 20 digits as the greatest version has; else None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


def header_of(message: Message, name: str) -> str:
    """Return a header of one message as text; empty when it was not sent."""
    return next((value.decode(errors="replace") for key, value in message.headers if key == name), "")


def _row_count(message: Message) -> int:
    count = try_number(header_of(message, Header.COUNT))
    if count is None:
        raise Unaddressed(f"the count header is {header_of(message, Header.COUNT)!r}")
    return count
