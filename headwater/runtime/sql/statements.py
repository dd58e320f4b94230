"""What tables are there, and how do they change?  Names, and the statements that change something."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.domain.tables import DELETED, PATCHED, RESOURCE, Table

# A column that the table has not is an error, never a silent loss; and the answer comes once the part is
# written, never from a buffer in memory.
INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 1,
    "date_time_input_format": "basic",
}


def quoted(name: str) -> str:
    """Return a name as a ClickHouse identifier, whatever characters it has."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`").replace("\0", "\\0") + "`"


def create_database(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quoted(database)}"


def create_table(database: str, table: Table, columns: Mapping[str, str]) -> str:
    """Return the statement that makes a table with its own and these further columns unless it exists."""
    listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in {**table.columns, **columns}.items())
    key = ", ".join(map(quoted, table.key))
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(database)}.{quoted(table.name)} ({listed}) "
        f"ENGINE = {_engine(table)} ORDER BY ({key}){_expiry(table)}"
    )


def _engine(table: Table) -> str:
    if table.aggregates:
        return "AggregatingMergeTree"
    chosen = [table.version, DELETED] if table.has_tombstones else [table.version]
    return f"ReplacingMergeTree({', '.join(map(quoted, chosen))})"


def _expiry(table: Table) -> str:
    """Return the clause by which ClickHouse drops what has expired, when it merges."""
    return f" TTL toDateTime(intDiv({quoted(table.expiry)}, 1000000))" if table.expiry else ""


def add_columns(database: str, table: str, columns: Mapping[str, str]) -> str:
    """Return the statement that adds those of the columns that the table has not."""
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}" for name, kind in columns.items())
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} {added}"


def drop_table(database: str, table: str) -> str:
    return f"DROP TABLE IF EXISTS {quoted(database)}.{quoted(table)} SYNC"


def list_tables() -> str:
    """Return the query for the names of all tables of database {database:String}, hexadecimal."""
    return (
        "SELECT name FROM system.tables WHERE database = unhex({database:String}) FORMAT JSONCompactEachRow"
    )


def list_columns(tables: int) -> str:
    """Return the query for (table, column, type) of so many tables of database {database:String}.

    Their names are bound as {table0:String}, {table1:String} and so on; all are hexadecimal.
    """
    names = ", ".join(f"unhex({{table{place}:String}})" for place in range(tables))
    return (
        "SELECT table, name, type FROM system.columns WHERE database = unhex({database:String}) "  # noqa: S608
        f"AND table IN ({names}) FORMAT JSONCompactEachRow"
    )


def create_alike(database: str, table: str, model: str) -> str:
    """Return the statement that makes a table with the columns and the engine of another unless it exists."""
    return f"CREATE TABLE IF NOT EXISTS {table_name(database, table)} AS {table_name(database, model)}"


def copy_rows(database: str, source: str, target: str, columns: Sequence[str], resources: int) -> str:
    """Return the statement that copies the present rows of so many resources, and their tombstones.

    The resources are bound as {resource0:String} and so on, hexadecimal. An older tombstone copied beside a
    newer row changes nothing: the greater version counts.
    """
    listed = ", ".join(map(quoted, columns))
    names = ", ".join(f"unhex({{resource{place}:String}})" for place in range(resources))
    resource = f"tupleElement({quoted(RESOURCE)}, 2)" if PATCHED in columns else quoted(RESOURCE)
    origin = table_name(database, source)
    present = f"SELECT {listed} FROM {origin} FINAL WHERE {resource} IN ({names})"  # noqa: S608
    if DELETED in columns:
        deleted = f"{quoted(DELETED)} = 1 AND {resource} IN ({names})"
        present += f" UNION ALL SELECT {listed} FROM {origin} WHERE {deleted}"  # noqa: S608
    return f"INSERT INTO {table_name(database, target)} ({listed}) {present}"


def delete_before(database: str, table: str, column: str, version: int) -> str:
    return f"DELETE FROM {table_name(database, table)} WHERE {quoted(column)} < {int(version)}"  # noqa: S608


def table_name(database: str, table: str) -> str:
    """Return a table's full name, quoted."""
    return f"{quoted(database)}.{quoted(table)}"
