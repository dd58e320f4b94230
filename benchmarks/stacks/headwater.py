"""The real stack through `headwater up`, on free ports and a data directory of its own."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson

from benchmarks.expectations import ExpectationFailed
from benchmarks.records import BOOTSTRAP
from benchmarks.target import PAGE, Native, Target

START_TIMEOUT_S = 180.0  # the first start fetches the broker's jars
STOP_TIMEOUT_S = 60.0
SUPERVISOR = "headwater up"
SERVICES = ("gateway", "processors", "sinks", "schedulers")
_TOPIC_PREFIX = "headwater."


class HeadwaterStack:
    """Starts everything, makes datasets through the management API. Use as an async context manager."""

    name = "headwater"
    command = (str(Path(sys.executable).parent / "headwater"), "up")

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: asyncio.subprocess.Process | None = None
        self._log: IO[bytes] | None = None
        self._state: dict[str, Any] = {}
        self.start_s = 0.0

    async def __aenter__(self) -> Self:
        started = time.monotonic()
        try:
            await self._start()
            await self._wait_until_ready()
        except BaseException:
            await self.stop()
            raise
        self.start_s = round(time.monotonic() - started, 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def kafka(self) -> str:
        """The broker's host and port."""
        return str(self._state["kafka"])

    @property
    def clickhouse_url(self) -> str:
        return str(self._state["urls"]["clickhouse"])

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, the supervisor's own included."""
        processes = {name: one["pid"] for name, one in self._state["processes"].items()}
        return {**processes, SUPERVISOR: self._state["pid"]}

    async def target(self, dataset: str) -> Target:
        """Make, publish and return an empty dataset."""
        title = {"default": {"title": {"value": f"Benchmark {dataset}"}}}
        made = await self.manage("/datasets/", {"dataset_id": f"benchmark-{dataset}", "metadata": title})
        resource = await self.manage(
            f"/datasets/{made['uid']}/resources/",
            {"type": "realtime", "title": "realtime", "params": {"bootstrap": BOOTSTRAP}},
        )
        await self.manage(f"/datasets/{made['uid']}/publish/", {})
        return self.target_of(made["dataset_id"], resource["resource_id"], resource["pushkey"])

    async def stop(self) -> None:
        """End the stack; twice is harmless."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._log is not None:
            self._log.close()

    def target_of(self, dataset_id: str, resource_id: str, pushkey: str) -> Target:
        push = f"{_origin(self._state['urls']['push'])}/api/push/1.0/{dataset_id}/{resource_id}/push/"
        records = (
            f"{_origin(self._state['urls']['search'])}/api/explore/v2.1/catalog/datasets/{dataset_id}/records"
        )
        newest = urlencode({"limit": PAGE, "order_by": "value DESC"})
        return Target(
            name=f"headwater {dataset_id}",
            push_url=f"{push}?pushkey={pushkey}",
            count_url=f"{records}?limit=0",
            newest_url=f"{records}?{newest}&offset={{offset}}",
            newest_key="results",
            native=Native(
                bootstrap=self.kafka,
                topic=_TOPIC_PREFIX + "raw",
                headers={"dataset": dataset_id, "resource": resource_id, "pushkey": pushkey},
            ),
        )

    async def _start(self) -> None:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._log = (self._data_dir / "up.log").open("wb")
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            "--free-ports",
            "--data-dir",
            str(self._data_dir),
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "NO_COLOR": "1"},
            start_new_session=True,
        )

    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not self._is_ready():
                    self._check_alive()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ExpectationFailed(f"the stack did not get ready; see {self._data_dir}/up.log") from error

    def _is_ready(self) -> bool:
        """Tell whether every process says that it is ready, and every service is among them."""
        self._state = self._read_state()
        processes = self._state.get("processes", {})
        started = all(any(name.startswith(service) for name in processes) for service in SERVICES)
        return started and all(one["state"] == "ready" for one in processes.values())

    def _read_state(self) -> dict[str, Any]:
        with suppress(OSError, orjson.JSONDecodeError):
            state: dict[str, Any] = orjson.loads((self._data_dir / "run.json").read_bytes())
            return state
        return {}

    def _check_alive(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None:
            raise ExpectationFailed(
                f"`headwater up` ended with {self._process.returncode}; see {self._data_dir}/up.log"
            )

    async def manage(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        key = (self._data_dir / "admin.key").read_text().strip()
        url = f"{_origin(self._state['urls']['management'])}/api/automation/v1.0{path}"
        headers = {"Authorization": f"apikey {key}"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.post(url, json=document, headers=headers) as answer,
        ):
            body = await answer.read()
        if answer.status not in (200, 201):
            raise ExpectationFailed(
                f"POST {path} answered {answer.status}: {body[:300].decode(errors='replace')}"
            )
        made: dict[str, Any] = orjson.loads(body)
        return made


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
