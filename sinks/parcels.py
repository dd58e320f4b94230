"""What came, and for which table?  A run of messages, addressed.

Nothing here looks into a row: rows are counted by their line ends, their columns come from a header.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from headwater.domain.tables import CLICKHOUSE_TYPES, QUARANTINE, Table, rows_table
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Header

NO_COLUMNS: Mapping[str, str] = {}
_TYPES = frozenset(CLICKHOUSE_TYPES.values())


class Unaddressed(Exception):
    """The headers of a run do not say which table its rows are for; the sentence says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Rows on their way into one table: what one run brought. `values` are JSONEachRow."""

    table: Table
    dataset: str  # uid; empty when the rows are not those of one dataset's generation
    generation: int
    columns: Mapping[str, str]  # physical column -> ClickHouse type, of all columns that occur
    values: Sequence[bytes]
    rows: int
    size_bytes: int
    run: Run


def rows_parcel(run: Run) -> Parcel:
    """Return a run of the records topic as a parcel; raises Unaddressed."""
    dataset, generation = run.header(Header.DATASET), run.header(Header.GENERATION)
    if not dataset or not generation.isascii() or not generation.isdecimal():
        raise Unaddressed(f"dataset {dataset!r}, generation {generation!r} name no table")
    columns = columns_of(run.header(Header.SCHEMA))
    return _parcel(run, rows_table(dataset, int(generation)), dataset, int(generation), columns)


def quarantine_parcel(run: Run) -> Parcel:
    """Return a run of the quarantine topic as a parcel."""
    return _parcel(run, QUARANTINE, "", 0, NO_COLUMNS)


def replaced(run: Run, values: Sequence[bytes]) -> Parcel:
    """Return a parcel that puts these rows into quarantine in the run's place."""
    rows, size = sum(map(count_rows, values)), sum(map(len, values))
    return Parcel(QUARANTINE, "", 0, NO_COLUMNS, values, rows, size, run)


@lru_cache(maxsize=4096)
def columns_of(schema: str) -> Mapping[str, str]:
    """Return the columns that a schema header names; raises Unaddressed when it is not one of ours."""
    try:
        columns = orjson.loads(schema or "{}")
    except orjson.JSONDecodeError as error:
        raise Unaddressed(f"the schema header is no JSON: {error}") from error
    if not isinstance(columns, dict) or not _TYPES.issuperset(map(str, columns.values())):
        raise Unaddressed("the schema header names a column type that no field has")
    return columns


def count_rows(value: bytes) -> int:
    """Return how many lines a value has; the last may lack its line end."""
    return value.count(b"\n") + (not value.endswith(b"\n")) if value else 0


def _parcel(run: Run, table: Table, dataset: str, generation: int, columns: Mapping[str, str]) -> Parcel:
    values = [message.value for message in run.messages]
    rows, size = sum(map(count_rows, values)), sum(map(len, values))
    return Parcel(table, dataset, generation, columns, values, rows, size, run)
