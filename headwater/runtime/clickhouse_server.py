"""How is one statement sent to ClickHouse?  The connection, the time limits, and whose fault an error is.

The client asks the server for its settings before it can be used, so it is made with the first statement that
finds the server there, and no process needs the store to start. Connections stay open between statements.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import clickhouse_connect
import orjson
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from headwater.domain.errors import StoreUnavailable
from headwater.runtime.settings import StoreSettings
from headwater.runtime.store import RowsRefused, UnknownTable

WRITE_TIMEOUT_S = 30.0  # for one insert or one statement that changes a table
LONG_TIMEOUT_S = 600.0  # for a statement that copies or deletes rows of a whole table
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


class UnknownColumn(Exception):
    """A query named a column that the table has not."""


Statement = Callable[[AsyncClient], Awaitable[Any]]


class ClickHouseServer:
    """One server, and our connections to it. `start` opens nothing yet: the first statement connects."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._open = False

    async def start(self) -> None:
        """Prepare to connect; does not need the server."""
        self._open = True

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        self._open = False
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def read(self, query: str, **bound: str) -> list[list[Any]]:
        """Return the lines of a query in the format JSONCompactEachRow; `bound` are its parameters.

        Raises UnknownTable, UnknownColumn, StoreUnavailable.
        """
        try:
            return [orjson.loads(line) for line in (await self.fetch(query, **bound)).split(b"\n") if line]
        except orjson.JSONDecodeError as error:
            raise StoreUnavailable(f"the answer is cut or not ClickHouse's: {error}") from error

    async def fetch(self, query: str, **bound: str) -> bytes:
        """Return a query's answer as it is; otherwise as `read`."""
        parameters = _hexadecimal(bound)
        timeout_s = self._settings.query_timeout_s + ANSWER_GRACE_S
        try:
            answer = await self._ask(lambda client: client.raw_query(query, parameters), timeout_s)
        except _QueryFailed as error:
            if error.code in UNKNOWN_TABLE_CODES:
                raise UnknownTable(str(error)) from error
            if error.code in UNKNOWN_COLUMN_CODES:
                raise UnknownColumn(str(error)) from error
            raise StoreUnavailable(str(error)) from error
        return bytes(answer)

    async def write(self, statement: str, *, timeout_s: float = WRITE_TIMEOUT_S, **bound: str) -> None:
        """Run a statement that changes something; raises UnknownTable, RowsRefused, StoreUnavailable."""
        parameters = _hexadecimal(bound)
        await self.change(lambda client: client.raw_query(statement, parameters), timeout_s)

    async def change(self, statement: Statement, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """As `write`, by a call of the client."""
        try:
            await self._ask(statement, timeout_s)
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
            send_receive_timeout=LONG_TIMEOUT_S,
            connector_limit=CONNECTIONS,
            connector_limit_per_host=CONNECTIONS,
            keepalive_timeout=KEEP_ALIVE_S,
            autogenerate_session_id=False,
            autogenerate_query_id=False,
        )


def _code(error: ClickHouseError) -> int:
    """Return ClickHouse's number for an error, from the text where a proxy dropped the header; else 0."""
    if code := getattr(error, "code", None):
        return int(code)
    named = _NAMED_CODE.search(str(error))
    return int(named[1]) if named else 0


def _hexadecimal(bound: Mapping[str, str]) -> dict[str, str] | None:
    """Return parameters as they are bound: no protocol escapes what is hexadecimal."""
    return {name: text.encode().hex() for name, text in bound.items()} or None
