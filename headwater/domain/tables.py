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
PATCHED, STEP = "_patched", "step"
# Of no record: its tombstone's version is that of a synchronisation, so that the history knows of it too.
SYNC_MARK = b"headwater sync floor".hex()
ROW_COLUMNS = (RECORD_ID, VERSION, DELETED, RESOURCE, RECEIVED_AT)  # how every row on its way begins
PATCH_COLUMNS = (RECORD_ID, PATCHED, RESOURCE, RECEIVED_AT)  # how every patch does

MOMENT = "DateTime64(6, 'UTC')"
VERSION_TYPE = "UInt64"

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
    version: str = VERSION  # the column whose greatest value counts
    aggregates: bool = False  # rows of one key become one: of each column the greatest value
    expiry: str = ""  # the column with the moment (microseconds since 1970) from which a row may be dropped


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


def patches_table(dataset_uid: str, generation: int) -> Table:
    """Return the table of the merges of one generation: of every field the last value and its version.

    Beside `_id` and `_patched` (the greatest version) its columns are named as those of the rows table; a
    value is a tuple (version, value), (0, null) where the field was never merged.
    """
    return Table(
        name=f"{rows_table(dataset_uid, generation).name}_p",
        key=(RECORD_ID,),
        columns={
            RECORD_ID: "String",
            PATCHED: greatest("UInt64"),
            RESOURCE: greatest(f"Tuple({VERSION_TYPE}, String)"),
            RECEIVED_AT: greatest(f"Tuple({VERSION_TYPE}, {MOMENT})"),
        },
        aggregates=True,
    )


def patch_type(clickhouse_type: str) -> str:
    """Return the type of a column of a patches table for a column of the rows table."""
    return greatest(f"Tuple({VERSION_TYPE}, {clickhouse_type})")


def greatest(clickhouse_type: str) -> str:
    """Return the type of a column of which the greatest value of equal keys counts."""
    return f"SimpleAggregateFunction(max, {clickhouse_type})"


def history_table(dataset_uid: str, generation: int) -> Table:
    """Return the table of all versions of the records of one generation, deletions included."""
    rows = rows_table(dataset_uid, generation)
    return Table(name=f"{rows.name}_h", key=(RECORD_ID, VERSION), columns=rows.columns)


def patches_history_table(dataset_uid: str, generation: int) -> Table:
    """Return the table of all merges of one generation, each with its version."""
    patches = patches_table(dataset_uid, generation)
    columns = {**patches.columns, PATCHED: VERSION_TYPE}  # no aggregate may be part of a key
    return Table(name=f"{patches.name}h", key=(RECORD_ID, PATCHED), columns=columns, version=PATCHED)


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
        "code": "LowCardinality(String)",  # of the first error
        STEP: "UInt32",  # 2k: refused in its k-th replay (0: at first); 2k + 1: gone into the next replay
        DELETED: "UInt8",
    },
    has_tombstones=True,
    version=STEP,
)

ARCHIVE = Table(
    name="raw_archive",
    key=("dataset", VERSION, "partition", "offset"),
    columns={
        "dataset": "LowCardinality(String)",  # uid
        "resource": "LowCardinality(String)",  # resource id
        "op": "LowCardinality(String)",
        VERSION: "UInt64",  # of the first record
        "count": "UInt32",
        RECEIVED_AT: "UInt64",  # microseconds since 1970
        "partition": "UInt32",  # of topic raw, as `offset`
        "offset": "UInt64",
        "numbering": "UInt8",  # domain.versions.Numbering
        "body": "String CODEC(ZSTD(1))",  # as it lay on the log
    },
)

DATASET_VERSIONS = Table(
    name="dataset_versions",
    key=("dataset", "revision"),
    columns={
        "dataset": "String",  # uid
        "revision": "UInt64",
        "saved_at": MOMENT,
        "document": "String CODEC(ZSTD(3))",  # JSON, without keys and secrets
    },
    version="revision",
)

GEOCODING_CACHE = Table(
    name="geocoding_cache",
    key=("provider", "key"),
    columns={
        "provider": "LowCardinality(String)",
        "key": "String",  # 40 hexadecimal digits of the question; the address itself is not kept
        "answer": "String",  # JSON
        "answered_at": "UInt64",  # microseconds since 1970, as `expires_at`
        "expires_at": "UInt64",
    },
    version="answered_at",
    expiry="expires_at",
)
