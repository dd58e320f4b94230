"""The stock stack as processes, on a broker and a store that are already there."""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Self
from urllib.parse import quote, urlencode

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.expectations import ExpectationFailed
from benchmarks.target import PAGE, Native, Target

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
_TABLE = (
    "CREATE TABLE {table} (_id String, _version UInt64, identifier String, timestamp DateTime64(6, 'UTC'),"
    " parameter LowCardinality(String), value Float64)"
    " ENGINE = ReplacingMergeTree(_version) ORDER BY _id"
)


class StockStack:
    """Gateway and worker of benchmarks/stock. Use as an async context manager."""

    name = "stock"

    def __init__(self, kafka: str, clickhouse_url: str, logs: Path, partitions: int = 4) -> None:
        self._kafka = kafka
        self._clickhouse_url = clickhouse_url.rstrip("/")
        self._logs = logs
        self._partitions = partitions
        self._run = token_hex(4)
        self._port = _free_port()
        self._pushkey = token_hex(28)
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._files: list[IO[bytes]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._make_topic()
            await self._start("gateway")
            await self._start("worker", "worker", "-l", "warn", "--without-web")
            await self._wait_until_listening()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {f"stock {name}": process.pid for name, process in self._processes.items()}

    async def target(self, dataset: str) -> Target:
        """Make an empty table and return how to push to it."""
        table = f"stock_{dataset}_{self._run}"
        await self._execute(_TABLE.format(table=table))
        count = f"SELECT toUInt64(count()) AS total_count FROM {table} FINAL FORMAT JSONEachRow"
        newest = f"SELECT value FROM {table} FINAL ORDER BY value DESC LIMIT {PAGE}"
        return Target(
            name=f"stock {dataset}",
            push_url=f"http://127.0.0.1:{self._port}/api/push/1.0/{table}/realtime/push/?pushkey={self._pushkey}",
            count_url=self._query_url(count),
            newest_url=self._query_url(newest + " OFFSET {offset} FORMAT JSON"),
            newest_key="data",
            native=Native(bootstrap=self._kafka, topic=self._topic, headers={"dataset": table}),
        )

    async def stop(self) -> None:
        """End both processes; twice is harmless."""
        for process in self._processes.values():
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
        for process in self._processes.values():
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        for file in self._files:
            file.close()
        self._processes, self._files = {}, []

    @property
    def _topic(self) -> str:
        return f"stock.{self._run}"

    async def _make_topic(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        await admin.start()
        try:
            config = {"max.message.bytes": str(16 * 1024 * 1024)}
            await admin.create_topics([NewTopic(self._topic, self._partitions, 1, topic_configs=config)])
        finally:
            await admin.close()

    async def _start(self, name: str, *arguments: str) -> None:
        environment = {
            **os.environ,
            "STOCK_KAFKA": self._kafka,
            "STOCK_TOPIC": self._topic,
            "STOCK_GROUP": self._topic,
            "STOCK_PUSHKEY": self._pushkey,
            "STOCK_PORT": str(self._port),
            "STOCK_CLICKHOUSE": self._clickhouse_url,
            "STOCK_DATADIR": str(self._logs / "stock-faust"),
        }
        log = (self._logs / f"stock-{name}.log").open("wb")
        self._files.append(log)
        self._processes[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"benchmarks.stock.{name}",
            *arguments,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    async def _wait_until_listening(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not _listens(self._port):  # noqa: ASYNC110 - another process: there is no event
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ExpectationFailed(f"the stock gateway did not start; see {self._logs}") from error

    async def _execute(self, statement: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._clickhouse_url}/", data=statement.encode()) as answer,
        ):
            if answer.status != 200:
                raise ExpectationFailed(f"the store refused {statement}: {await answer.text()}")

    def _query_url(self, query: str) -> str:
        # The offset is filled in later: its braces must stay as they are.
        return f"{self._clickhouse_url}/?" + urlencode({"query": query}, quote_via=quote, safe="{}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
