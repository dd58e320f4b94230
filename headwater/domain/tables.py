"""Which physical table holds what?  Names, columns and engines, without the SQL.

Columns are added, never altered: a field that was `int` and becomes `double` gets a second physical column
beside the first, `value:int` and `value:double`, and a row fills the one that its schema named. Adding a
column is idempotent and commutes, so any number of workers may do it at once without a lock, old rows are
never rewritten, and no worker can narrow what another widened. Readers take the first that is not null.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.domain.types import FieldType

RECORD_ID, VERSION, DELETED = "_id", "_version", "_deleted"
RESOURCE, RECEIVED_AT = "_resource", "_received_at"
ROW_COLUMNS = (RECORD_ID, VERSION, DELETED, RESOURCE, RECEIVED_AT)  # how every row on its way begins

MOMENT = "DateTime64(6, 'UTC')"

CLICKHOUSE_TYPES: Mapping[FieldType, str] = {
    FieldType.BOOLEAN: "Nullable(Bool)",
    FieldType.INT: "Nullable(Int64)",
    FieldType.DOUBLE: "Nullable(Float64)",
    FieldType.DATE: "Nullable(Date32)",
    FieldType.DATETIME: "Nullable(DateTime64(6, 'UTC'))",
    FieldType.TEXT: "Nullable(String)",
    FieldType.GEO_POINT: "Tuple(lat Nullable(Float64), lon Nullable(Float64))",
    FieldType.GEO_SHAPE: "Nullable(String)",
    FieldType.FILE: "Nullable(String)",
    FieldType.JSON: "Nullable(String)",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table: of several rows with equal `key` columns the one with the greatest version counts."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)  # name -> ClickHouse type, ready when created
    has_tombstones: bool = False  # a row with _deleted = 1 hides the older rows of its key


def physical_column(name: str, field_type: FieldType) -> str:
    """Return the column that holds values of one type of one field."""
    return f"{name}:{field_type.value}"


def rows_table(dataset_uid: str, generation: int) -> Table:
    """Return the table of one generation of one dataset, before any field is known."""
    return Table(
        name=f"d_{dataset_uid.removeprefix('da_')}_g{generation}",
        key=(RECORD_ID,),
        columns={
            RECORD_ID: "String",
            VERSION: "UInt64",
            DELETED: "UInt8",
            RESOURCE: "LowCardinality(String)",
            RECEIVED_AT: MOMENT,
        },
        has_tombstones=True,
    )


QUARANTINE = Table(
    name="quarantine",
    key=("dataset", VERSION, "position"),
    columns={
        "dataset": "String",  # uid, or _unrouted
        VERSION: "UInt64",  # the refused record's own version
        "position": "UInt32",  # tells apart records that share a version, as in a batch that is no JSON
        "resource": "LowCardinality(String)",
        "op": "LowCardinality(String)",
        RECEIVED_AT: MOMENT,
        "record": "String",  # as it was sent; JSON unless that was the problem
        "errors": "String",  # JSON: [{"processor","field","code","message"}]
    },
)
