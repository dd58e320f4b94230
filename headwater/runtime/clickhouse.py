"""ClickHouse behind the Store port, by clickhouse-connect's async client over HTTP.

Rows pass as the bytes they are (`raw_insert`), in one request. What the statements say is in runtime/sql, how
they are sent and how they fail in runtime/clickhouse_server.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import orjson

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import (
    ARCHIVE,
    CLICKHOUSE_TYPES,
    GEOCODING_CACHE,
    VERSION,
    Table,
    patch_type,
)
from headwater.domain.types import FieldType
from headwater.domain.versions import Numbering
from headwater.runtime import rowbinary
from headwater.runtime.clickhouse_server import LONG_TIMEOUT_S, ClickHouseServer, UnknownColumn
from headwater.runtime.settings import StoreSettings
from headwater.runtime.sql import reads, relations, shared, statements
from headwater.runtime.sql.matching import matching_rows
from headwater.runtime.sql.relations import Known, Source
from headwater.runtime.store import (
    ArchivedMessage,
    CachedAnswer,
    Matching,
    QuarantinedRecord,
    ReadField,
    RefusalQuery,
    Relation,
    Select,
    UnknownTable,
)

KEYS_PER_QUERY = 1000  # some 45 kB of a statement


class ClickHouseStore:
    """The real store. `start` opens nothing yet: the first statement connects."""

    def __init__(self, settings: StoreSettings) -> None:
        self._server = ClickHouseServer(settings)
        self._database = settings.database
        self._timeout_s = settings.query_timeout_s

    async def start(self) -> None:
        await self._server.start()

    async def close(self) -> None:
        await self._server.close()

    async def ensure_table(self, table: Table, columns: Mapping[str, str]) -> None:
        _check_types(table, columns)
        create = statements.create_table(self._database, table, columns)
        try:
            await self._server.write(create)
        except UnknownTable:  # not even the database is there
            await self._server.write(statements.create_database(self._database))
            await self._server.write(create)
        if columns:
            await self._server.write(statements.add_columns(self._database, table.name, columns))

    async def drop_table(self, name: str) -> None:
        with suppress(UnknownTable):  # there is no database either
            await self._server.write(statements.drop_table(self._database, name))

    async def tables(self) -> Sequence[str]:
        query = statements.list_tables()
        return [name for (name,) in await self._server.read(query, database=self._database)]

    async def insert(self, table: str, rows: bytes, columns: Sequence[str] | None = None) -> None:
        await self._insert(table, columns, rows, "JSONCompactEachRow" if columns else "JSONEachRow")

    async def insert_binary(self, table: str, columns: Sequence[str], rows: bytes) -> None:
        await self._insert(table, columns, rows, "RowBinary")

    async def _insert(self, table: str, columns: Sequence[str] | None, rows: bytes, form: str) -> None:
        if not rows:
            return
        name = statements.table_name(self._database, table)
        await self._server.change(
            lambda client: client.raw_insert(
                name,
                column_names=[statements.quoted(one) for one in columns] if columns else None,
                insert_block=rows,
                fmt=form,
                settings=statements.INSERT_SETTINGS,
            )
        )

    async def select(self, select: Select) -> list[dict[str, Any]]:
        def query(source: Source) -> str:
            return reads.select_rows(source, select, self._timeout_s)

        bound = {} if select.record_id is None else {"record_id": select.record_id}
        return _named(select.fields, await self._read(select.relation, select.fields, query, bound))

    async def matching(self, matching: Matching) -> list[dict[str, Any]]:
        def query(source: Source) -> str:
            return matching_rows(source, matching, self._timeout_s)

        bound = {"after": matching.after} if matching.after else {}
        fields = (*matching.fields, *matching.keys)
        return _named(matching.fields, await self._read(matching.relation, fields, query, bound))

    async def count(self, relation: Relation) -> int:
        if relation.is_plain:
            source = relations.plain_source(self._database, relation, (), frozenset(), one=False)
        else:
            source = await self._composed(relation)
        return int((await self._server.read(reads.count_rows(source, self._timeout_s)))[0][0])

    async def _read(
        self,
        relation: Relation,
        fields: tuple[ReadField, ...],
        query: Callable[[Source], str],
        bound: Mapping[str, str],
    ) -> list[list[Any]]:
        """Return rows; of one table asks which columns there are only after one was missing.

        With a bound `record_id` only the row of that.
        """
        one = "record_id" in bound
        if not relation.is_plain:
            return await self._settled(query(await self._composed(relation, fields, one=one)), bound)
        plain = partial(relations.plain_source, self._database, relation, fields, one=one)
        try:
            return await self._server.read(query(plain(frozenset())), **bound)
        except UnknownColumn:
            there = (await self._columns(relation.table)).get(relation.table, {})
            missing = frozenset(one for field in fields for one in field.columns) - there.keys()
        return await self._settled(query(plain(missing)), bound)

    async def _settled(self, query: str, bound: Mapping[str, str]) -> list[list[Any]]:
        """Read what was known a moment ago to be there."""
        try:
            return await self._server.read(query, **bound)
        except UnknownColumn as error:  # the table was replaced between the two
            raise StoreUnavailable(str(error)) from error

    async def _composed(
        self, relation: Relation, fields: tuple[ReadField, ...] = (), *, one: bool = False
    ) -> Source:
        """Return how to read what is there of the relation; raises UnknownTable when nothing is of now."""
        tables = relations.tables_of(relation)
        there: Known = {name: frozenset(known) for name, known in (await self._columns(*tables)).items()}
        if relation.as_of is None and not there:
            raise UnknownTable(f"there is no table {relation.table!r}")
        return relations.composed_source(self._database, relation, fields, there, one=one)

    async def _columns(self, *tables: str) -> dict[str, dict[str, str]]:
        """Return name -> type of the columns of those of the tables that exist."""
        if not tables:
            return {}
        bound = {f"table{place}": name for place, name in enumerate(tables)}
        known: dict[str, dict[str, str]] = {}
        query = statements.list_columns(len(tables))
        for table, name, kind in await self._server.read(query, database=self._database, **bound):
            known.setdefault(table, {})[name] = kind
        return known

    async def copy_rows(self, source: str, target: str, resources: Sequence[str]) -> None:
        columns = (await self._columns(source)).get(source)
        if not columns or not resources:
            return
        await self._server.write(statements.create_alike(self._database, target, source))
        await self._server.write(statements.add_columns(self._database, target, columns))
        bound = {f"resource{place}": name for place, name in enumerate(resources)}
        statement = statements.copy_rows(self._database, source, target, tuple(columns), len(resources))
        await self._server.write(statement, timeout_s=LONG_TIMEOUT_S, **bound)

    async def delete_rows_before(self, table: str, version: int, column: str = VERSION) -> None:
        statement = statements.delete_before(self._database, table, column, version)
        await self._delete(statement)

    async def archived(
        self, dataset: str, *, after: tuple[int, int, int] | None, limit: int, max_bytes: int
    ) -> list[ArchivedMessage]:
        sizes = shared.archived_sizes(self._database, after, limit, self._timeout_s)
        page: list[tuple[int, int, int]] = []
        for *place, size in await self._read_shared(sizes, dataset=dataset):
            max_bytes -= size
            if page and max_bytes < 0:
                break
            page.append(tuple(place))
        if not page:
            return []
        query = shared.archived_messages(self._database, after, page[-1], self._timeout_s)
        messages = _messages(await self._server.fetch(query, dataset=dataset))
        if [one.place for one in messages] != page:
            raise StoreUnavailable("the archive changed while it was read, or the answer is cut")
        return messages

    async def count_archived(self, dataset: str) -> int:
        return await self._number(shared.count_archived(self._database, self._timeout_s), dataset=dataset)

    async def delete_archived(self, dataset: str, resource: str, before_version: int) -> None:
        statement = shared.delete_archived(self._database, before_version)
        await self._delete(statement, dataset=dataset, resource=resource)

    async def refusals(self, query: RefusalQuery) -> list[QuarantinedRecord]:
        statement = shared.refusals(self._database, query, self._timeout_s)
        rows = await self._read_shared(statement, **shared.refusal_texts(query))
        return [_refusal(row) for row in rows]

    async def refusals_total(self, query: RefusalQuery) -> int:
        statement = shared.refusals_total(self._database, query, self._timeout_s)
        return await self._number(statement, **shared.refusal_texts(query))

    async def count_refusals(self, dataset: str) -> dict[str, int]:
        statement = shared.count_refusals(self._database, self._timeout_s)
        return dict(await self._read_shared(statement, dataset=dataset))

    async def dataset_versions(self, dataset: str, limit: int, offset: int) -> list[tuple[int, str]]:
        statement = shared.dataset_versions(self._database, limit, offset, self._timeout_s)
        rows = await self._read_shared(statement, dataset=dataset)
        return [(revision, saved_at) for revision, saved_at in rows]

    async def count_dataset_versions(self, dataset: str) -> int:
        statement = shared.count_dataset_versions(self._database, self._timeout_s)
        return await self._number(statement, dataset=dataset)

    async def dataset_version(self, dataset: str, revision: int) -> dict[str, Any] | None:
        statement = shared.dataset_version(self._database, revision, self._timeout_s)
        for (document,) in await self._read_shared(statement, dataset=dataset):
            found: dict[str, Any] = orjson.loads(document)
            return found
        return None

    async def forget(self, dataset: str) -> None:
        for table in shared.SHARED_TABLES:
            await self._delete(shared.delete_dataset(self._database, table), dataset=dataset)

    async def cached_answers(self, provider: str, keys: Collection[str], now_us: int) -> list[CachedAnswer]:
        listed = list(keys)
        found: list[CachedAnswer] = []
        for first in range(0, len(listed), KEYS_PER_QUERY):
            some = listed[first : first + KEYS_PER_QUERY]
            query = shared.cached_answers(self._database, some, now_us, self._timeout_s)
            found += map(_cached_answer, await self._read_shared(query, provider=provider))
        return found

    async def cache_answers(self, provider: str, answers: Sequence[CachedAnswer]) -> None:
        rows = b"\n".join(orjson.dumps(_cached_row(provider, one)) for one in answers)
        columns = tuple(GEOCODING_CACHE.columns)
        try:
            await self.insert(GEOCODING_CACHE.name, rows, columns)
        except UnknownTable:
            await self.ensure_table(GEOCODING_CACHE, {})
            await self.insert(GEOCODING_CACHE.name, rows, columns)

    async def ping(self) -> None:
        await self._server.read("SELECT 1 FORMAT JSONCompactEachRow")

    async def _read_shared(self, query: str, **bound: str) -> list[list[Any]]:
        """Return the lines of a query of a shared table, which is empty until it exists."""
        try:
            return await self._server.read(query, **bound)
        except UnknownTable:
            return []
        except UnknownColumn as error:  # a worker of another version made it and grows it now
            raise StoreUnavailable(str(error)) from error

    async def _number(self, query: str, **bound: str) -> int:
        rows = await self._read_shared(query, **bound)
        return int(rows[0][0]) if rows else 0

    async def _delete(self, statement: str, **bound: str) -> None:
        with suppress(UnknownTable):
            await self._server.write(statement, timeout_s=LONG_TIMEOUT_S, **bound)


def _named(fields: Sequence[ReadField], rows: list[list[Any]]) -> list[dict[str, Any]]:
    """Return rows as dictionaries; a point without a latitude is none."""
    points = [one.name for one in fields if one.type is FieldType.GEO_POINT]
    names = (*reads.SYSTEM_COLUMNS, *(one.name for one in fields))
    page = [dict(zip(names, values, strict=True)) for values in rows]
    for row in page:
        for name in points:
            if row[name]["lat"] is None:
                row[name] = None
    return page


def _messages(answer: bytes) -> list[ArchivedMessage]:
    """Return the messages of an answer in RowBinary; raises StoreUnavailable when it is cut."""
    kinds = [ARCHIVE.columns[name].partition(" CODEC")[0] for name in shared.ARCHIVED_COLUMNS]
    try:
        return [_message(*values) for values in rowbinary.decode(kinds, answer)]
    except ValueError as error:
        raise StoreUnavailable(f"the answer is cut or not ClickHouse's: {error}") from error


def _message(
    resource: bytes,
    op: bytes,
    version: int,
    count: int,
    received_at_us: int,
    partition: int,
    offset: int,
    numbering: int,
    body: bytes,
) -> ArchivedMessage:
    return ArchivedMessage(
        resource=resource.decode(),
        op=op.decode(),
        version=version,
        count=count,
        received_at_us=received_at_us,
        partition=partition,
        offset=offset,
        body=body,
        numbering=Numbering(numbering),
    )


def _refusal(row: Sequence[Any]) -> QuarantinedRecord:
    dataset, version, position, resource, op, received_at, record, errors, code, step = row
    return QuarantinedRecord(
        dataset=dataset,
        version=version,
        position=position,
        resource=resource,
        op=op,
        received_at=received_at,
        record=record,
        errors=orjson.loads(errors or b"[]"),
        code=code,
        step=step,
    )


def _cached_row(provider: str, one: CachedAnswer) -> list[Any]:
    return [provider, one.key, one.answer, one.answered_at_us, one.expires_at_us]


def _cached_answer(row: Sequence[Any]) -> CachedAnswer:
    key, answer, answered_at_us, expires_at_us = row
    return CachedAnswer(key=key, answer=answer, answered_at_us=answered_at_us, expires_at_us=expires_at_us)


def _check_types(table: Table, columns: Mapping[str, str]) -> None:
    """Types are not names and cannot be quoted, so only those that Headwater itself uses may pass."""
    for name, kind in columns.items():
        if kind not in _KNOWN_TYPES and kind != table.columns.get(name):
            raise ValueError(f"column {name!r} has the type {kind!r}, which no field has")


_KNOWN_TYPES = frozenset(CLICKHOUSE_TYPES.values()) | frozenset(map(patch_type, CLICKHOUSE_TYPES.values()))
