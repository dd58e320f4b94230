"""How is a load process told what to do?  One line of JSON in, `ready`, `go`, one line of JSON out.

What is sent is made before `ready`, so that making it is no part of what is measured. Moments are
`time.monotonic()`, which on Linux is one clock for all processes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import orjson
import uvloop

from benchmarks.expectations import ExpectationFailed

READY_TIMEOUT_S = 120.0
_LINE_LIMIT = 16 * 1024 * 1024

Run = Callable[[], Awaitable[dict[str, Any]]]
Prepare = Callable[[dict[str, Any]], Awaitable[Run]]


def serve(prepare: Prepare) -> None:
    """Be a load process: prepare the job, wait for `go`, run it, print what came out.

    Exits 1 with a sentence on standard error when an expectation fails.
    """
    try:
        uvloop.run(_serve(prepare))
    except ExpectationFailed as error:
        print(error, file=sys.stderr)
        sys.exit(1)


async def _serve(prepare: Prepare) -> None:
    run = await prepare(orjson.loads(sys.stdin.readline()))
    print("ready", flush=True)
    if sys.stdin.readline().strip() != "go":
        raise ExpectationFailed("the harness went away before the load began")
    print(orjson.dumps(await run()).decode(), flush=True)


class LoadProcess:
    """A load generator in a process of its own. Leaving the context ends it, whatever it does."""

    def __init__(self, module: str, job: dict[str, Any]) -> None:
        self._module = module
        self._job = job
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, stdin=pipe, stdout=pipe, limit=_LINE_LIMIT
        )
        await self._write(orjson.dumps(self._job) + b"\n")
        ready = await self._line(READY_TIMEOUT_S)
        if ready != b"ready":
            raise ExpectationFailed(f"{self._module} did not get ready: {ready!r}")
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def run(self, timeout_s: float) -> dict[str, Any]:
        """Say `go` and return what the process measured."""
        await self._write(b"go\n")
        line = await self._line(timeout_s)
        if not line.startswith(b"{"):
            raise ExpectationFailed(f"{self._module} ended without a result: {line[:300]!r}")
        result: dict[str, Any] = orjson.loads(line)
        return result

    async def _write(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def _line(self, timeout_s: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                return (await self._process.stdout.readline()).strip()
        except TimeoutError as error:
            raise ExpectationFailed(f"{self._module} took more than {timeout_s:.0f} s") from error
