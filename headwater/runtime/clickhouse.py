"""ClickHouse behind the Store port, by clickhouse-connect's async client over HTTP.

Rows pass as the bytes they are (`raw_insert`), in one request, on a connection that stays open. The client
asks the server for its settings before it can be used, so it is made with the first statement that finds the
server there, and no process needs the store to start.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import clickhouse_connect
import orjson
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import CLICKHOUSE_TYPES, Table, patch_type
from headwater.domain.types import FieldType
from headwater.runtime import statements
from headwater.runtime.settings import StoreSettings
from headwater.runtime.store import Relation, RowsRefused, Select, UnknownTable

WRITE_TIMEOUT_S = 30.0  # for one insert or one statement that changes a table
KEEP_ALIVE_S = 8.0  # below ClickHouse's own 10 s, so that we hang up first
CONNECTIONS = 32
CONNECT_TIMEOUT_S = 5.0
MAX_MESSAGE = 2000  # characters of an error that we repeat
ANSWER_GRACE_S = 1.0  # what a query that ran into its own time limit may take to say so

UNKNOWN_DATABASE = 81
UNKNOWN_TABLE_CODES = frozenset({60, UNKNOWN_DATABASE})
UNKNOWN_COLUMN_CODES = frozenset({10, 16, 47})  # how a query says that the table lacks a column

# The rows' own fault: the same bytes will be refused again. Whatever is not listed here is taken for
# temporary (252 too many parts, 241 memory limit, 159 timeout, 164 and 242 read-only, 999 Keeper, 517 a
# replica behind on its columns, ...): a mistake of ours then shows as lag, never as lost rows.
ROWS_REFUSED_CODES: Mapping[int, str] = {
    6: "CANNOT_PARSE_TEXT",
    16: "NO_SUCH_COLUMN_IN_TABLE",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    33: "CANNOT_READ_ALL_DATA",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",  # among others an unknown field
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    467: "CANNOT_PARSE_BOOL",
}

_NAMED_CODE = re.compile(r"\bCode: (\d+)\. DB::")


class _QueryFailed(Exception):
    """ClickHouse answered with an error; `code` is its number."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


Statement = Callable[[AsyncClient], Awaitable[Any]]


class ClickHouseStore:
    """The real store. `start` opens nothing yet: the first statement connects."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._database = settings.database
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._open = False

    async def start(self) -> None:
        """Prepare to connect; does not need the server."""
        self._open = True

    async def close(self) -> None:
        self._open = False
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def ensure_table(self, table: Table, columns: Mapping[str, str]) -> None:
        _check_types(table, columns)
        create = statements.create_table(self._database, table, columns)
        try:
            await self._write(create)
        except UnknownTable:  # not even the database is there
            await self._write(statements.create_database(self._database))
            await self._write(create)
        if columns:
            await self._write(statements.add_columns(self._database, table.name, columns))

    async def drop_table(self, name: str) -> None:
        try:
            await self._write(statements.drop_table(self._database, name))
        except UnknownTable:
            return  # there is no database either

    async def tables(self) -> Sequence[str]:
        return [name for (name,) in await self._read(statements.list_tables(), database=self._database)]

    async def insert(self, table: str, rows: bytes, columns: Sequence[str] | None = None) -> None:
        if not rows:
            return
        name = statements.table_name(self._database, table)
        await self._change(
            lambda client: client.raw_insert(
                name,
                column_names=[statements.quoted(one) for one in columns] if columns else None,
                insert_block=rows,
                fmt="JSONCompactEachRow" if columns else "JSONEachRow",
                settings=statements.INSERT_SETTINGS,
            )
        )

    async def select(self, select: Select) -> list[dict[str, Any]]:
        points = [field.name for field in select.fields if field.type is FieldType.GEO_POINT]
        names = (*statements.SYSTEM_COLUMNS, *(field.name for field in select.fields))
        page = [dict(zip(names, values, strict=True)) for values in await self._page(select)]
        for row in page:
            for name in points:
                if row[name]["lat"] is None:
                    row[name] = None
        return page

    async def count(self, relation: Relation) -> int:
        query = statements.count_rows(self._database, relation, self._settings.query_timeout_s)
        return int((await self._read(query))[0][0])

    async def ping(self) -> None:
        await self._read("SELECT 1 FORMAT JSONCompactEachRow")

    async def _page(self, select: Select) -> list[list[Any]]:
        """Return the page's values; asks which columns there are only after one was missing."""
        missing: frozenset[str] = frozenset()
        bound = {} if select.record_id is None else {"record_id": select.record_id}
        timeout_s = self._settings.query_timeout_s
        try:
            query = statements.select_rows(self._database, select, timeout_s, missing)
            return await self._read(query, **bound)
        except _UnknownColumn:
            missing = await self._missing(select)
        query = statements.select_rows(self._database, select, timeout_s, missing)
        try:
            return await self._read(query, **bound)
        except _UnknownColumn as error:  # the table was replaced between the two
            raise StoreUnavailable(str(error)) from error

    async def _missing(self, select: Select) -> frozenset[str]:
        query = statements.list_columns()
        there = {
            name for (name,) in await self._read(query, database=self._database, table=select.relation.table)
        }
        return frozenset(column for field in select.fields for column in field.columns) - there

    async def _read(self, query: str, **bound: str) -> list[list[Any]]:
        """Return the lines of a query in the format JSONCompactEachRow; `bound` are its parameters."""
        parameters = {name: value.encode().hex() for name, value in bound.items()}
        timeout_s = self._settings.query_timeout_s + ANSWER_GRACE_S
        try:
            answer = await self._ask(lambda client: client.raw_query(query, parameters or None), timeout_s)
            return [orjson.loads(line) for line in answer.split(b"\n") if line]
        except _QueryFailed as error:
            if error.code in UNKNOWN_TABLE_CODES:
                raise UnknownTable(str(error)) from error
            if error.code in UNKNOWN_COLUMN_CODES:
                raise _UnknownColumn(str(error)) from error
            raise StoreUnavailable(str(error)) from error
        except orjson.JSONDecodeError as error:
            raise StoreUnavailable(f"the answer is cut or not ClickHouse's: {error}") from error

    async def _write(self, statement: str) -> None:
        await self._change(lambda client: client.raw_query(statement))

    async def _change(self, statement: Statement) -> None:
        """Run what changes something; raises UnknownTable, RowsRefused, StoreUnavailable."""
        try:
            await self._ask(statement, WRITE_TIMEOUT_S)
        except _QueryFailed as error:
            if error.code in UNKNOWN_TABLE_CODES:
                raise UnknownTable(str(error)) from error
            if error.code in ROWS_REFUSED_CODES:
                raise RowsRefused(str(error), code=error.code) from error
            raise StoreUnavailable(str(error)) from error

    async def _ask(self, statement: Statement, timeout_s: float) -> Any:
        """Return ClickHouse's answer; raises _QueryFailed for its errors, StoreUnavailable without answer.

        A connection that the server closed while it was idle is no failure: the client repeats once.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await statement(await self._connected())
        except ClickHouseError as error:
            if code := _code(error):
                raise _QueryFailed(code, str(error)[:MAX_MESSAGE]) from error
            raise StoreUnavailable(f"{self._settings.url}: {error}"[:MAX_MESSAGE]) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreUnavailable(f"{self._settings.url}: {error!r}") from error

    async def _connected(self) -> AsyncClient:
        """Return the client, made when the server was first there."""
        if not self._open:
            raise StoreUnavailable("the store is not started, or closed already")
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    self._client = await self._connect()
        return self._client

    async def _connect(self) -> AsyncClient:
        return await clickhouse_connect.create_async_client(
            dsn=self._settings.url,
            username=self._settings.user,
            password=str(self._settings.password),
            compress=False,
            query_retries=0,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=WRITE_TIMEOUT_S,
            connector_limit=CONNECTIONS,
            connector_limit_per_host=CONNECTIONS,
            keepalive_timeout=KEEP_ALIVE_S,
            autogenerate_session_id=False,
            autogenerate_query_id=False,
        )


class _UnknownColumn(Exception):
    """A query named a column that the table has not."""


def _code(error: ClickHouseError) -> int:
    """Return ClickHouse's number for an error, from the text where a proxy dropped the header; else 0."""
    if code := getattr(error, "code", None):
        return int(code)
    named = _NAMED_CODE.search(str(error))
    return int(named[1]) if named else 0


def _check_types(table: Table, columns: Mapping[str, str]) -> None:
    """Types are not names and cannot be quoted, so only those that Headwater itself uses may pass."""
    for name, kind in columns.items():
        if kind not in _KNOWN_TYPES and kind != table.columns.get(name):
            raise ValueError(f"column {name!r} has the type {kind!r}, which no field has")


_KNOWN_TYPES = frozenset(CLICKHOUSE_TYPES.values()) | frozenset(map(patch_type, CLICKHOUSE_TYPES.values()))
