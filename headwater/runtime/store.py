"""How do we talk to ClickHouse?  The port; runtime/clickhouse.py and runtime/memory.py are behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from headwater.domain.tables import VERSION, Table
from headwater.domain.types import FieldType
from headwater.domain.versions import Numbering


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
    was only merged, or merged after its deletion, is there with what was merged since. Its `_version` and
    `_received_at` are those of the newest write of either kind.
    As of a version: the same from `history` and `patches_history`, as it was at that version. A `since` that
    is later than that version does not count: the floor was then at the newest tombstone of SYNC_MARK.

    A patches or history table that does not exist (yet) is empty. So is `table`, when there are patches.
    """

    table: str
    since: int = 0
    patches: str = ""
    as_of: int | None = None
    history: str = ""
    patches_history: str = ""

    @property
    def floor(self) -> int:
        """The smallest version that is shown; 0 when all are, or when `is_floor_earlier`."""
        return 0 if self.is_floor_earlier else self.since

    @property
    def is_floor_earlier(self) -> bool:
        """Whether the floor is that of an earlier synchronisation, of which only the history knows."""
        return self.as_of is not None and self.since > self.as_of

    @property
    def is_plain(self) -> bool:
        """Whether the rows of `table` are all there is to read."""
        return self.as_of is None and not self.patches


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """One page of the records of a relation by record id: all of them, or those that may have some keys.

    A record is found when the fingerprint (domain/join_keys.py) of its `keys` is one of `prints`; so the keys
    of what is found have to be compared once more. Without `keys` every record is found. Some ten thousand
    prints are as many as a query takes.
    """

    relation: Relation
    fields: tuple[ReadField, ...]
    keys: tuple[ReadField, ...] = ()
    prints: frozenset[int] = frozenset()
    case_sensitive: bool = False
    after: str = ""  # record id of the last one of the page before
    limit: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedMessage:
    """One message of topic raw as the archive keeps it."""

    resource: str  # resource id
    op: str
    version: int  # of its first record
    count: int  # records in it
    received_at_us: int  # microseconds since 1970
    partition: int  # of topic raw, as `offset`
    offset: int  # the message's own; of joined ones the first's
    body: bytes  # as it lay on the log: any bytes; joined ones a line each
    numbering: Numbering = Numbering.CONSECUTIVE

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands in the archive of its dataset: what `archived` goes on after."""
        return (self.version, self.partition, self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalQuery:
    """Which refused records of a dataset: those that match everything that is given."""

    dataset: str  # uid
    code: str = ""  # of the first error
    field: str = ""  # that one of the errors names
    resource: str = ""  # resource id
    since_us: int | None = None  # received then or later; microseconds since 1970
    until_us: int | None = None  # received before
    keys: tuple[tuple[int, int], ...] = ()  # (version, position): only these
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """One refused record; (version, position) names it in its dataset."""

    dataset: str  # uid
    version: int
    position: int
    resource: str  # resource id
    op: str
    received_at: str  # YYYY-MM-DD hh:mm:ss.ffffff, UTC
    record: str  # as it was sent; JSON unless that was the problem
    errors: list[dict[str, Any]]  # processor, field, code, message of each
    code: str  # of the first error
    step: int  # 2k: refused in its k-th replay, 0: never replayed

    @property
    def received_at_us(self) -> int:
        """When it came in, microseconds since 1970."""
        moment = datetime.fromisoformat(self.received_at).replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1_000_000 + moment.microsecond


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAnswer:
    """What a geocoder answered once. `key` are 40 hexadecimal digits that stand for the question."""

    key: str
    answer: str  # JSON
    answered_at_us: int  # microseconds since 1970
    expires_at_us: int


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

    async def insert_binary(self, table: str, columns: Sequence[str], rows: bytes) -> None:
        """Insert rows in RowBinary (runtime/rowbinary.py): the values of `columns` in this order.

        Guarantees and errors are those of `insert`: one unreadable row refuses all of them.
        """
        ...

    async def select(self, select: Select) -> list[dict[str, Any]]:
        """Return one page. Values are JSON: datetimes as `YYYY-MM-DD hh:mm:ss.ffffff` UTC, dates ISO,
        geo points `{"lat", "lon"}` or None. Read-only, limited in time and memory. Raises UnknownTable.
        """
        ...

    async def matching(self, matching: Matching) -> list[dict[str, Any]]:
        """Return one page of the records that may have one of many keys. Values and errors as of `select`."""
        ...

    async def count(self, relation: Relation) -> int:
        """Return how many records a relation has. Raises UnknownTable."""
        ...

    async def copy_rows(self, source: str, target: str, resources: Sequence[str]) -> None:
        """Copy the present rows of these resources (ids), tombstones included, into another table.

        Of the columns those that both tables have. For rows, patches and history tables. Repeating is safe.
        Raises UnknownTable when the target does not exist; a source that does not is empty.
        """
        ...

    async def delete_rows_before(self, table: str, version: int, column: str = VERSION) -> None:
        """Delete the rows with a smaller version; `column` holds it (`_patched` in a patches table).

        On return they are not read any more. A table that does not exist has none. Repeating is safe.
        """
        ...

    async def archived(
        self, dataset: str, *, after: tuple[int, int, int] | None, limit: int, max_bytes: int
    ) -> list[ArchivedMessage]:
        """Return the next messages of a dataset (uid) by (version, partition, offset).

        `after` is the place of the last message of the page before, None for the first page. A page ends with
        `limit` messages or where the next body would take it over `max_bytes`; it has one at least, so an
        empty page is the end. Each message comes once, however often it was archived.
        """
        ...

    async def count_archived(self, dataset: str) -> int:
        """Return how many records (not messages) are archived of a dataset (uid)."""
        ...

    async def delete_archived(self, dataset: str, resource: str, before_version: int) -> None:
        """Delete what is archived of a resource (id) with a smaller version. Repeating is safe."""
        ...

    async def refusals(self, query: RefusalQuery) -> list[QuarantinedRecord]:
        """Return one page of the records in quarantine, the newest version first."""
        ...

    async def refusals_total(self, query: RefusalQuery) -> int:
        """Return how many records a query finds on all its pages; limit and offset do not count."""
        ...

    async def count_refusals(self, dataset: str) -> dict[str, int]:
        """Return how many records of a dataset (uid) are in quarantine, by the code of the first error."""
        ...

    async def dataset_versions(self, dataset: str, limit: int, offset: int) -> list[tuple[int, str]]:
        """Return (revision, saved at) of a dataset's (uid) saved configurations, the newest first.

        The moment is `YYYY-MM-DD hh:mm:ss.ffffff`, UTC.
        """
        ...

    async def count_dataset_versions(self, dataset: str) -> int:
        """Return how many configurations of a dataset (uid) are saved."""
        ...

    async def dataset_version(self, dataset: str, revision: int) -> dict[str, Any] | None:
        """Return the configuration that was saved at a revision; None when there is none."""
        ...

    async def forget(self, dataset: str) -> None:
        """Delete all that the shared tables hold of a dataset (uid): archive, quarantine, versions.

        Repeating is safe.
        """
        ...

    async def cached_answers(self, provider: str, keys: Collection[str], now_us: int) -> list[CachedAnswer]:
        """Return what a geocoder answered to these questions, each once, in no order; the newest counts.

        What has expired is not returned, also when an older answer to the same question would live longer.
        """
        ...

    async def cache_answers(self, provider: str, answers: Sequence[CachedAnswer]) -> None:
        """Keep these answers of a geocoder until they expire; makes the table when there is none.

        Repeating is safe.
        """
        ...

    async def ping(self) -> None:
        """Return if the server answers."""
        ...

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        ...
