"""What do we say to ClickHouse?  The text of its statements, and nothing that talks.

Guarantee: a name reaches the text only through `quoted`, and a value only as a bound parameter; there is no
other way in for anything that a person or a sender wrote.
"""

from collections.abc import Mapping
from typing import Any

from headwater.domain.tables import (
    CLICKHOUSE_TYPES,
    DELETED,
    RECEIVED_AT,
    RECORD_ID,
    VERSION,
    Table,
)
from headwater.domain.types import FieldType
from headwater.runtime.store import ReadField, Relation, Select

READ_MEMORY_BYTES = 512 * 1024 * 1024
SYSTEM_COLUMNS = (RECORD_ID, VERSION, RECEIVED_AT)

# A column that the table has not is an error, never a silent loss; and the answer comes once the part is
# written, never from a buffer in memory.
INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 1,
    "date_time_input_format": "basic",
}
_OUTPUT_SETTINGS = (
    "output_format_json_quote_64bit_integers=0, output_format_json_quote_denormals=0, "
    "output_format_json_named_tuples_as_objects=1, output_format_json_validate_utf8=1, "
    "date_time_output_format='simple'"
)
_GEO_POINT = CLICKHOUSE_TYPES[FieldType.GEO_POINT]
_NO_POINT = f"CAST((NULL, NULL), '{_GEO_POINT}')"


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
        f"ENGINE = {_engine(table)} ORDER BY ({key})"
    )


def _engine(table: Table) -> str:
    if table.aggregates:
        return "AggregatingMergeTree"
    chosen = [table.version, DELETED] if table.has_tombstones else [table.version]
    return f"ReplacingMergeTree({', '.join(map(quoted, chosen))})"


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


def list_columns() -> str:
    """Return the query for the columns of one table; both names are bound as hexadecimal."""
    return (
        "SELECT name FROM system.columns WHERE database = unhex({database:String}) "
        "AND table = unhex({table:String}) FORMAT JSONCompactEachRow"
    )


def table_name(database: str, table: str) -> str:
    """Return a table's full name, quoted."""
    return f"{quoted(database)}.{quoted(table)}"


def count_rows(database: str, relation: Relation, timeout_s: float) -> str:
    return (
        f"SELECT count() FROM {quoted(database)}.{quoted(relation.table)} FINAL "  # noqa: S608 - names are quoted
        f"SETTINGS {_read_settings(timeout_s)} FORMAT JSONCompactEachRow"
    )


def select_rows(database: str, select: Select, timeout_s: float, missing: frozenset[str]) -> str:
    """Return the query for one page: the system columns, then the fields in order.

    `missing` are columns that the table does not have: they read as null. The record id, if there is one,
    is bound as {record_id:String} in hexadecimal, which no protocol escapes.
    """
    values = {field.name: value_of(field, missing) for field in select.fields}
    listed = ", ".join([*map(quoted, SYSTEM_COLUMNS), *values.values()])
    only = "" if select.record_id is None else f" WHERE {quoted(RECORD_ID)} = unhex({{record_id:String}})"
    kinds = {field.name: field.type for field in select.fields}
    order = [
        _sort_key(values[name], kinds[name], descending=descending) for name, descending in select.order_by
    ]
    return (
        f"SELECT {listed} FROM {quoted(database)}.{quoted(select.relation.table)} FINAL{only} "  # noqa: S608
        f"ORDER BY {', '.join([*order, quoted(RECORD_ID)])} "
        f"LIMIT {int(select.limit)} OFFSET {int(select.offset)} "
        f"SETTINGS {_read_settings(timeout_s)}, {_OUTPUT_SETTINGS} FORMAT JSONCompactEachRow"
    )


def value_of(field: ReadField, missing: frozenset[str] = frozenset()) -> str:
    """Return the expression for a field: the first of its columns that is not null, as the field's type."""
    present = [column for column in field.columns if column not in missing]
    values = [_converted(column, field.type) for column in present]
    if field.type is FieldType.GEO_POINT:
        return _first_point(values)
    if not values:
        return "NULL"
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _first_point(points: list[str]) -> str:
    """Tuples cannot be null, so the first point that has a latitude is taken by hand."""
    expression = _NO_POINT
    for point in reversed(points):
        expression = f"if(isNotNull(tupleElement({point}, 1)), {point}, {expression})"
    return expression


def _sort_key(value: str, kind: FieldType, *, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    parts = [value]
    if kind is FieldType.GEO_POINT:
        parts = [f"tupleElement({value}, {place})" for place in (1, 2)]
    return ", ".join(f"{part} {direction} NULLS LAST" for part in parts)


def _read_settings(timeout_s: float) -> str:
    return f"readonly=1, max_execution_time={float(timeout_s)}, max_memory_usage={READ_MEMORY_BYTES}"


# How a value of one type reads as another; {0} is the column. What is not listed reads as null.
_TEXT_TO_MOMENT = (  # 1/2/2014 has the month first, as domain/types.py reads it, unless it cannot be one
    "coalesce(parseDateTime64BestEffortUSOrNull({0}, 6, 'UTC'), "
    "parseDateTime64BestEffortOrNull({0}, 6, 'UTC'))"
)
_COMPACT = "replaceOne(replaceAll(replaceAll({0}, ' ', ''), '\u00a0', ''), ',', '.')"
_TEXT_TO_DOUBLE = f"toFloat64OrNull({_COMPACT})"
_TEXT_TO_INT = f"coalesce(toInt64OrNull({_COMPACT}), accurateCastOrNull(trunc({_TEXT_TO_DOUBLE}), 'Int64'))"
_TEXT_TO_BOOLEAN = (
    "multiIf(lower(trimBoth({0})) IN ('true', '1', 'yes'), true, "
    "lower(trimBoth({0})) IN ('false', '0', 'no'), false, NULL)"
)
_NUMBER_TO_BOOLEAN = "multiIf({0} = 1, true, {0} = 0, false, NULL)"
_TEXT_TO_POINT = (
    "CAST((toFloat64OrNull(trimBoth(splitByChar(',', ifNull({0}, ''))[1])), "
    f"toFloat64OrNull(trimBoth(splitByChar(',', ifNull({{0}}, ''))[2]))), '{_GEO_POINT}')"
)
_MOMENT_TO_TEXT = (
    "replaceOne(replaceOne(concat(toString({0}), '+00:00'), '.000000+', '+'), ' ', 'T')"  # ISO 8601
)
_POINT_TO_TEXT = "concat(toString(tupleElement({0}, 1)), ',', toString(tupleElement({0}, 2)))"
_IF_JSON = "if(isValidJSON({0}), {0}, NULL)"

_T = FieldType
_CONVERSIONS: Mapping[tuple[FieldType, FieldType], str] = {
    (_T.BOOLEAN, _T.INT): "toInt64({0})",
    (_T.BOOLEAN, _T.DOUBLE): "toFloat64({0})",
    (_T.INT, _T.DOUBLE): "toFloat64({0})",
    (_T.INT, _T.BOOLEAN): _NUMBER_TO_BOOLEAN,
    (_T.DOUBLE, _T.INT): "accurateCastOrNull(trunc({0}), 'Int64')",
    (_T.DOUBLE, _T.BOOLEAN): _NUMBER_TO_BOOLEAN,
    (_T.DATE, _T.DATETIME): "toDateTime64({0}, 6, 'UTC')",
    (_T.DATETIME, _T.DATE): "toDate32({0})",
    (_T.TEXT, _T.INT): _TEXT_TO_INT,
    (_T.TEXT, _T.DOUBLE): _TEXT_TO_DOUBLE,
    (_T.TEXT, _T.BOOLEAN): _TEXT_TO_BOOLEAN,
    (_T.TEXT, _T.DATE): f"toDate32({_TEXT_TO_MOMENT})",
    (_T.TEXT, _T.DATETIME): _TEXT_TO_MOMENT,
    (_T.TEXT, _T.GEO_POINT): _TEXT_TO_POINT,
    (_T.TEXT, _T.GEO_SHAPE): _IF_JSON,
    (_T.TEXT, _T.FILE): _IF_JSON,
    (_T.DATETIME, _T.TEXT): _MOMENT_TO_TEXT,
    (_T.GEO_POINT, _T.TEXT): _POINT_TO_TEXT,
    (_T.GEO_SHAPE, _T.TEXT): "{0}",
    (_T.FILE, _T.TEXT): "{0}",
    (_T.JSON, _T.TEXT): "{0}",
    (_T.GEO_SHAPE, _T.JSON): "{0}",
    (_T.FILE, _T.JSON): "{0}",
    (_T.JSON, _T.GEO_SHAPE): "{0}",
    (_T.JSON, _T.FILE): "{0}",
}
_BY_SUFFIX: Mapping[str, FieldType] = {kind.value: kind for kind in FieldType}
_TO_TEXT, _TO_JSON = "toString({0})", "if(isNull({0}), NULL, toJSONString({0}))"


def _converted(column: str, wanted: FieldType) -> str:
    """Return the expression that reads a physical column (`name:type`) as another type."""
    stored = stored_type(column)
    source = quoted(column)
    if stored in (None, wanted):
        return source
    template = _CONVERSIONS.get((stored, wanted))
    if template is None and wanted is FieldType.TEXT:
        template = _TO_TEXT
    if template is None and wanted is FieldType.JSON and stored is not FieldType.GEO_POINT:
        template = _TO_JSON
    if template is None:
        return _NO_POINT if wanted is FieldType.GEO_POINT else "NULL"
    return template.replace("{0}", source)


def stored_type(column: str) -> FieldType | None:
    """Return the type that a physical column's name ends with; None for a column that names none."""
    return _BY_SUFFIX.get(column.rpartition(":")[2]) if ":" in column else None
