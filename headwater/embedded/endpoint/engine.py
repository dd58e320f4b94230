"""How do many requests share one chDB?  A few threads, and a fresh connection for every statement.

A connection costs 0.2 ms and forgets its settings when closed, so SET and USE apply to one statement only,
and `readonly` cannot be undone by the statement that it guards. Inserts have threads of their own: reads
never wait behind them.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import chdb

from headwater.embedded.endpoint.failures import (
    SHUTTING_DOWN,
    TOO_MANY_STATEMENTS,
    engine_failure,
    our_failure,
)
from headwater.embedded.endpoint.statement import Statement

READERS, WRITERS = 4, 3  # threads
WAITING = 256  # statements that run or wait, of each kind; more are refused
FIRST_BYTES = 128 * 1024  # a result up to this size is sent whole, with its length

# Formats whose blocks can simply be sent one after the other.
STREAMED = frozenset(
    {
        *("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV"),
        *("JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow"),
        *("RowBinary", "Native", "LineAsString", "RawBLOB"),
    }
)

CONFIG = """\
<clickhouse>
    <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
    <mark_cache_size>33554432</mark_cache_size>
    <primary_index_cache_size>33554432</primary_index_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <query_condition_cache_size>8388608</query_condition_cache_size>
    <index_mark_cache_size>8388608</index_mark_cache_size>
    <mmap_cache_size>64</mmap_cache_size>
    <background_pool_size>2</background_pool_size>
    <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
</clickhouse>
"""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One statement with all that a request may say about it."""

    statement: Statement
    format: str  # of the result
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """A result: its first bytes, the rest (None when there is none), and what was read or written."""

    first: bytes
    rest: AsyncGenerator[bytes] | None = None
    summary: Mapping[str, int] = field(default_factory=dict)


class Engine:
    """Owns the data directory. Safe to use from many tasks of one event loop."""

    def __init__(self, data_dir: Path, *, memory_bytes: int) -> None:
        self._data_dir = data_dir.absolute()
        self._memory_bytes = memory_bytes
        self._root: Any = None  # keeps the engine open between statements
        self._reads = Lane("read", READERS)
        self._writes = Lane("write", WRITERS)

    async def start(self) -> None:
        """Open the data directory; what was inserted before is there."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._config.write_text(CONFIG.format(memory_bytes=self._memory_bytes))
        self._root = await asyncio.to_thread(self._connect)

    async def close(self) -> None:
        """Wait for running statements, then close; closing twice is harmless."""
        await self._reads.close()
        await self._writes.close()
        if self._root is not None:
            self._root.close()
            self._root = None

    async def run(self, job: Job) -> Answer:
        """Run one statement. Raises Failure."""
        if job.statement.data is not None:
            return await self._writes.run(lambda: self._insert(job))
        if job.statement.reads and job.format in STREAMED:
            return await self._stream(job)
        lane = self._reads if job.statement.reads else self._writes
        return await lane.run(lambda: self._query(job))

    @property
    def _config(self) -> Path:
        return self._data_dir / "config.xml"

    def _connect(self) -> Any:
        return chdb.connect(f"{self._data_dir / 'store'}?config-file={self._config}")

    @contextmanager
    def _connection(self, job: Job) -> Iterator[Any]:
        """Yield a connection on which the job's database and settings hold."""
        connection = self._connect()
        try:
            _prepare(connection, job)
            yield connection
        except RuntimeError as error:
            raise engine_failure(error) from error
        finally:
            connection.close()

    def _query(self, job: Job) -> Answer:
        with self._connection(job) as connection:
            result = connection.query(job.statement.sql, job.format, params=dict(job.params))
            summary = {"read_rows": result.rows_read(), "read_bytes": result.bytes_read()}
            return Answer(bytes(result.bytes()), summary=summary)

    def _insert(self, job: Job) -> Answer:
        statement = job.statement
        with (
            self._connection(job) as connection,
            connection.send_insert(statement.sql, statement.format) as insert,
        ):
            insert.append(statement.data)
            done = insert.finish()
            return Answer(
                b"", summary={"written_rows": done.rows_written, "written_bytes": done.bytes_written}
            )

    async def _stream(self, job: Job) -> Answer:
        """Return a result whose rest is read as fast as the client takes it; no thread waits meanwhile."""
        blocks = _Blocks(self._connection(job), job)
        try:
            first = await self._reads.run(lambda: blocks.take(FIRST_BYTES))
            if (
                not first and job.format == "Native"
            ):  # a server sends the names of the columns also without rows
                blocks.close()
                return await self._reads.run(lambda: self._query(job))
        except BaseException:
            blocks.close()
            raise
        if blocks.ended:
            return Answer(first)
        return Answer(first, self._rest(blocks))

    async def _rest(self, blocks: "_Blocks") -> AsyncGenerator[bytes]:
        try:
            while not blocks.ended:
                yield await self._reads.run(lambda: blocks.take(FIRST_BYTES))
        finally:
            blocks.close()


class _Blocks:
    """The blocks of one running SELECT. Used by one thread at a time, not always the same."""

    def __init__(self, connection: Any, job: Job) -> None:
        self._context = connection
        self._job = job
        self._in_use = threading.Lock()
        self._connection: Any = None
        self._stream: Any = None
        self.ended = False

    def take(self, size_bytes: int) -> bytes:
        """Return the next blocks, at least `size_bytes` if there are so many. Raises Failure."""
        try:
            with self._in_use:
                return self._take(size_bytes)
        except RuntimeError as error:
            raise engine_failure(error) from error
        finally:
            if self.ended:
                self.close()

    def close(self) -> None:
        """End the SELECT, finished or not; closing twice is harmless.

        When a thread is in `take` right now, that thread ends it: the engine would not survive the opposite.
        """
        self.ended = True
        if self._in_use.acquire(blocking=False):
            try:
                connection, self._connection = self._connection, None
                if connection is not None:
                    self._context.__exit__(None, None, None)
            finally:
                self._in_use.release()

    def _take(self, size_bytes: int) -> bytes:
        taken: list[bytes] = []
        length = 0
        stream = self._stream or self._open()
        while length < size_bytes:
            block = next(stream, None)
            if block is None:
                self.ended = True
                break
            taken.append(bytes(block.bytes()))
            length += len(taken[-1])
        return b"".join(taken)

    def _open(self) -> Any:
        job = self._job
        self._connection = self._context.__enter__()
        self._stream = iter(
            self._connection.send_query(job.statement.sql, job.format, params=dict(job.params))
        )
        return self._stream


class Lane:
    """Some threads and a bounded queue before them."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting = 0
        self._closed = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, run in one of the threads. Raises Failure when too many wait."""
        if self._closed:
            raise our_failure(SHUTTING_DOWN, "The endpoint is stopping")
        if self._waiting >= WAITING:
            raise our_failure(TOO_MANY_STATEMENTS, f"Too many simultaneous queries. Maximum: {WAITING}")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Return when the running statements have ended; those that wait are given up."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


def _prepare(connection: Any, job: Job) -> None:
    if job.database:
        connection.query(f"USE {_quoted(job.database, '`')}")
    if job.settings:
        # In one statement: after `readonly` no other could follow.
        pairs = (f"{name} = {_quoted(value, chr(39))}" for name, value in job.settings.items())
        connection.query("SET " + ", ".join(pairs))


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote
