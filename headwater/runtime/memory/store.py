"""The store's in-memory twin: the same rules on dictionaries.

It is stricter than ClickHouse where ClickHouse is lax: an integer of more than 64 bits or the 31st of
February is refused here and bent there. Headwater's own rows have neither (domain/types.py).
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from headwater.domain.errors import StoreUnavailable
from headwater.domain.join_keys import KEY_TYPES, fingerprint, key_of
from headwater.domain.tables import GEOCODING_CACHE, RECORD_ID, RESOURCE, VERSION, Table
from headwater.runtime import rowbinary
from headwater.runtime.memory.relations import Record, records
from headwater.runtime.memory.shared import SharedTables
from headwater.runtime.memory.tables import Contents, Row
from headwater.runtime.memory.values import convert, plain_type
from headwater.runtime.store import (
    ArchivedMessage,
    CachedAnswer,
    Matching,
    QuarantinedRecord,
    ReadField,
    RefusalQuery,
    Relation,
    RowsRefused,
    Select,
    UnknownTable,
)


class MemoryStore:
    """Tables in memory. `available = False` makes every call fail as if the server was away."""

    def __init__(self) -> None:
        self._tables: dict[str, Contents] = {}
        self._shared = SharedTables(self._tables)
        self.available = True

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ensure_table(self, table: Table, columns: Mapping[str, str]) -> None:
        self._check_available()
        contents = self._tables.setdefault(table.name, Contents(table, dict(table.columns)))
        for name, kind in columns.items():
            contents.add_column(name, kind)

    async def drop_table(self, name: str) -> None:
        self._check_available()
        self._tables.pop(name, None)

    async def tables(self) -> Sequence[str]:
        self._check_available()
        return list(self._tables)

    async def insert(self, table: str, rows: bytes, columns: Sequence[str] | None = None) -> None:
        contents = self._contents(table)
        try:
            read = [contents.read(row, columns) for row in _listed(rows)]
        except ValueError as error:
            raise RowsRefused(str(error)) from error
        for row in read:
            contents.put(row)

    async def insert_binary(self, table: str, columns: Sequence[str], rows: bytes) -> None:
        contents = self._contents(table)
        try:
            kinds = [plain_type(contents.columns[name]) for name in columns]
            read = [contents.read(list(map(_text, row)), columns) for row in rowbinary.decode(kinds, rows)]
        except (ValueError, KeyError) as error:
            raise RowsRefused(str(error)) from error
        for row in read:
            contents.put(row)

    async def select(self, select: Select) -> list[dict[str, Any]]:
        answers = [
            _answer(record, select.fields)
            for record in self._records(select.relation)
            if select.record_id in (None, record.system[RECORD_ID])
        ]
        answers.sort(key=partial(_sort_key, RECORD_ID))
        for name, descending in reversed(select.order_by):
            answers.sort(key=partial(_sort_key, name), reverse=descending)
            answers.sort(key=partial(_null_key, name))
        return answers[select.offset : select.offset + select.limit]

    async def matching(self, matching: Matching) -> list[dict[str, Any]]:
        found = [
            _answer(record, matching.fields)
            for record in self._records(matching.relation)
            if record.system[RECORD_ID] > matching.after and _may_match(record, matching)
        ]
        found.sort(key=partial(_sort_key, RECORD_ID))
        return found[: matching.limit]

    async def count(self, relation: Relation) -> int:
        return len(self._records(relation))

    async def copy_rows(self, source: str, target: str, resources: Sequence[str]) -> None:
        self._check_available()
        origin = self._tables.get(source)
        if origin is None or not resources:
            return
        copy = self._tables.setdefault(target, Contents(origin.table, dict(origin.columns)))
        for name, kind in origin.columns.items():
            copy.add_column(name, kind)
        for row in origin.rows.values():
            resource = row[RESOURCE]
            if (resource[1] if isinstance(resource, tuple) else resource) in resources:
                copy.put(copy.filled(row))

    async def delete_rows_before(self, table: str, version: int, column: str = VERSION) -> None:
        self._check_available()
        if table in self._tables:
            self._tables[table].delete_before(column, version)

    async def archived(
        self, dataset: str, *, after: tuple[int, int, int] | None, limit: int, max_bytes: int
    ) -> list[ArchivedMessage]:
        self._check_available()
        return self._shared.archived(dataset, after, limit, max_bytes)

    async def count_archived(self, dataset: str) -> int:
        self._check_available()
        return self._shared.count_archived(dataset)

    async def delete_archived(self, dataset: str, resource: str, before_version: int) -> None:
        self._check_available()
        self._shared.delete_archived(dataset, resource, before_version)

    async def refusals(self, query: RefusalQuery) -> list[QuarantinedRecord]:
        self._check_available()
        return self._shared.refusals(query)[query.offset : query.offset + query.limit]

    async def refusals_total(self, query: RefusalQuery) -> int:
        self._check_available()
        return len(self._shared.refusals(query))

    async def count_refusals(self, dataset: str) -> dict[str, int]:
        self._check_available()
        return self._shared.count_refusals(dataset)

    async def dataset_versions(self, dataset: str, limit: int, offset: int) -> list[tuple[int, str]]:
        self._check_available()
        versions = self._shared.dataset_versions(dataset)
        return [(row["revision"], row["saved_at"]) for row in versions[offset : offset + limit]]

    async def count_dataset_versions(self, dataset: str) -> int:
        self._check_available()
        return len(self._shared.dataset_versions(dataset))

    async def dataset_version(self, dataset: str, revision: int) -> dict[str, Any] | None:
        self._check_available()
        for row in self._shared.dataset_versions(dataset):
            if row["revision"] == revision:
                found: dict[str, Any] = orjson.loads(row["document"])
                return found
        return None

    async def forget(self, dataset: str) -> None:
        self._check_available()
        self._shared.forget(dataset)

    async def cached_answers(self, provider: str, keys: Collection[str], now_us: int) -> list[CachedAnswer]:
        self._check_available()
        return self._shared.cached_answers(provider, keys, now_us)

    async def cache_answers(self, provider: str, answers: Sequence[CachedAnswer]) -> None:
        await self.ensure_table(GEOCODING_CACHE, {})
        for one in answers:
            row = [provider, one.key, one.answer, one.answered_at_us, one.expires_at_us]
            await self.insert(GEOCODING_CACHE.name, orjson.dumps(row), tuple(GEOCODING_CACHE.columns))

    async def ping(self) -> None:
        self._check_available()

    def _records(self, relation: Relation) -> list[Record]:
        self._check_available()
        return list(records(self._tables, relation))

    def _contents(self, table: str) -> Contents:
        self._check_available()
        if table not in self._tables:
            raise UnknownTable(f"there is no table {table!r}")
        return self._tables[table]

    def _check_available(self) -> None:
        if not self.available:
            raise StoreUnavailable("the store in memory was told to be away")


def _listed(rows: bytes) -> list[Any]:
    """Return the JSON values between which a comma or line ends stand; no string has a raw line end."""
    lines = [line.strip(b",") for line in rows.split(b"\n")]
    listed: list[Any] = orjson.loads(b"[" + b",".join(line for line in lines if line) + b"]")
    return listed


def _text(value: Any) -> Any:
    """Return a binary string as text from which its bytes can be had again, whatever they are."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def _answer(record: Record, fields: Sequence[ReadField]) -> Row:
    return record.system | {one.name: _value(record, one) for one in fields}


def _value(record: Record, wanted: ReadField) -> Any:
    values = record.values(wanted.columns)
    for column in wanted.columns:
        value = convert(column, values.get(column), wanted.type)
        if value is not None:
            return value
    return None


def _may_match(record: Record, matching: Matching) -> bool:
    if not matching.keys:
        return True
    keys = [
        key_of(_value(record, one), case_sensitive=matching.case_sensitive) if one.type in KEY_TYPES else None
        for one in matching.keys
    ]
    known = [key for key in keys if key is not None]
    return len(known) == len(keys) and fingerprint(known) in matching.prints


def _null_key(name: str, answer: Row) -> bool:
    return answer[name] is None


def _sort_key(name: str, answer: Row) -> Any:
    """Return what sorts as ClickHouse sorts: text by its bytes, points by latitude then longitude."""
    match answer[name]:
        case None:
            return (0,)
        case str(text):
            return (1, text.encode())
        case {"lat": lat, "lon": lon}:
            return (1, lat, lon)
        case value:
            return (1, value)
