"""The peer of the transformation stack as processes, on a broker and a store that are already there."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Self
from urllib.parse import quote, urlencode

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.expectations import ExpectationFailed
from benchmarks.target import Native, Target

STOP_TIMEOUT_S = 20.0
_TABLE = (
    "CREATE TABLE {table} (flight_id UInt64, year Int16, month Int8, day Int8, dep_time Nullable(Int32),"
    " sched_dep_time Int32, dep_delay Nullable(Int32), arr_time Nullable(Int32), sched_arr_time Int32,"
    " arr_delay Nullable(Int32), carrier String, flight Int32, tailnum Nullable(String), origin String,"
    " dest String, air_time Int32, distance Int32, hour Int8, minute Int8, time_hour DateTime64(3, 'UTC'),"
    " origin_name Nullable(String), origin_lat Nullable(Float64), origin_lon Nullable(Float64),"
    " origin_point Array(Float64), dest_name Nullable(String), dest_lat Nullable(Float64),"
    " dest_lon Nullable(Float64), dest_point Array(Float64), dest_geohash Nullable(String),"
    " dest_cell Nullable(String), manufacturer Nullable(String), model Nullable(String),"
    " seats Nullable(Int32), temp Nullable(Float64), wind_speed Nullable(Float64),"
    " distance_km Nullable(Float64), delay_per_hour Nullable(Float64))"
    " ENGINE = ReplacingMergeTree ORDER BY flight_id"
)


class QuixStack:
    """One or more processes of benchmarks/peers/quix.py. Use as an async context manager."""

    name = "quix streams"

    def __init__(
        self, kafka: str, clickhouse_url: str, logs: Path, *, partitions: int = 4, processes: int = 1
    ) -> None:
        self._kafka = kafka
        self._clickhouse_url = clickhouse_url.rstrip("/")
        self._logs = logs
        self._partitions = partitions
        self._number = processes
        self._run = token_hex(4)
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._files: list[IO[bytes]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._make_topic()
            await self._execute(_TABLE.format(table=self._table))
            for number in range(self._number):
                await self._start(f"quix {number}")
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: process.pid for name, process in self._processes.items()}

    @property
    def target(self) -> Target:
        """Where flights go: native messages only, the peer has no HTTP."""
        count = f"SELECT toUInt64(count()) AS total_count FROM {self._table} FINAL FORMAT JSONEachRow"
        newest = f"SELECT * FROM {self._table} FINAL LIMIT 10 OFFSET {{offset}} FORMAT JSON"
        return Target(
            name=f"{self.name} flights",
            push_url="",
            count_url=self._query_url(count),
            newest_url=self._query_url(newest),
            newest_key="data",
            native=Native(bootstrap=self._kafka, topic=self._topic, headers={}),
        )

    def check_alive(self) -> None:
        """Raise ExpectationFailed when a process has ended."""
        for name, process in self._processes.items():
            if process.returncode is not None:
                raise ExpectationFailed(f"{name} ended with {process.returncode}; see {self._logs}")

    async def stop(self) -> None:
        """End all processes; twice is harmless."""
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
        return f"quix.{self._run}"

    @property
    def _table(self) -> str:
        return f"quix_{self._run}"

    async def _make_topic(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self._topic, self._partitions, 1)])
        finally:
            await admin.close()

    async def _start(self, name: str) -> None:
        environment = {
            **os.environ,
            "PEER_KAFKA": self._kafka,
            "PEER_TOPIC": self._topic,
            "PEER_GROUP": self._topic,
            "PEER_CLICKHOUSE": self._clickhouse_url,
            "PEER_TABLE": self._table,
        }
        log = (self._logs / f"{name.replace(' ', '-')}.log").open("wb")
        self._files.append(log)
        self._processes[name] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.peers.quix"),
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

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
