"""How are the records of a relation read?  One page of them, and their number."""

from headwater.domain.tables import RECEIVED_AT, RECORD_ID, VERSION
from headwater.domain.types import FieldType
from headwater.runtime.sql.conversions import value_of
from headwater.runtime.sql.relations import Source
from headwater.runtime.sql.statements import quoted
from headwater.runtime.store import Select

READ_MEMORY_BYTES = 512 * 1024 * 1024
SYSTEM_COLUMNS = (RECORD_ID, VERSION, RECEIVED_AT)

OUTPUT_SETTINGS = (
    "output_format_json_quote_64bit_integers=0, output_format_json_quote_denormals=0, "
    "output_format_json_named_tuples_as_objects=1, output_format_json_validate_utf8=1, "
    "date_time_output_format='simple'"
)


def count_rows(source: Source, timeout_s: float) -> str:
    return (
        f"SELECT count() FROM {source.text} "  # noqa: S608 - names are quoted
        f"SETTINGS {read_settings(timeout_s)}{source.settings} FORMAT JSONCompactEachRow"
    )


def select_rows(source: Source, select: Select, timeout_s: float) -> str:
    """Return the query for one page: the system columns, then the fields of the source in order."""
    values = {field.name: value_of(field) for field in source.fields}
    listed = ", ".join([*map(quoted, SYSTEM_COLUMNS), *values.values()])
    kinds = {field.name: field.type for field in source.fields}
    order = [
        _sort_key(values[name], kinds[name], descending=descending) for name, descending in select.order_by
    ]
    return (
        f"SELECT {listed} FROM {source.text} "  # noqa: S608 - names are quoted
        f"ORDER BY {', '.join([*order, quoted(RECORD_ID)])} "
        f"LIMIT {int(select.limit)} OFFSET {int(select.offset)} "
        f"SETTINGS {read_settings(timeout_s)}{source.settings}, {OUTPUT_SETTINGS} FORMAT JSONCompactEachRow"
    )


def read_settings(timeout_s: float) -> str:
    """Return the limits of every query: it changes nothing and takes neither all time nor all memory."""
    return f"readonly=1, max_execution_time={float(timeout_s)}, max_memory_usage={READ_MEMORY_BYTES}"


def _sort_key(value: str, kind: FieldType, *, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    parts = [value]
    if kind is FieldType.GEO_POINT:
        parts = [f"tupleElement({value}, {place})" for place in (1, 2)]
    return ", ".join(f"{part} {direction} NULLS LAST" for part in parts)
