"""How does a Faust app live in one of our processes?  Started, watched, and stopped in bounded time."""

import asyncio
from contextlib import suppress

import structlog

from headwater.domain.errors import HeadwaterError
from headwater.runtime.collector import spare_collector
from headwater.runtime.kafka.transport import RunApp
from headwater.runtime.process import Process

log = structlog.get_logger(__name__)

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
LOOK_EVERY_S = 1.0


class WorkerCrashed(HeadwaterError):
    """Faust gave up; the process ends so that its supervisor starts a fresh one."""


async def run_worker(app: RunApp, process: Process, *, needs: str = "", name: str = "faust") -> None:
    """Run the app until the process is told to stop; raise WorkerCrashed when Faust gives up.

    A worker whose fetched runs do not get finished is not alive, whatever it says: it fails its health check.
    Unless the health check named `needs` says that what it needs is away: a restart would not mend that.
    `name` tells the workers of one process apart in what its health says.
    """
    process.health.set(name, ok=False, detail="starting")
    app.finalize()
    async with asyncio.timeout(START_TIMEOUT_S):
        await app.start()
    process.health.set(name, ok=True)
    spare_collector()
    crashed = asyncio.create_task(app._crashed.wait())  # noqa: SLF001 - mode has no public way to wait for it
    watching = asyncio.create_task(_watch(app, process, needs, name))
    try:
        stopping = asyncio.create_task(process.stopping.wait())
        await asyncio.wait({crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if crashed.done():
            raise WorkerCrashed(f"Faust gave up: {app.crash_reason!r}") from app.crash_reason
    finally:
        process.health.set(name, ok=False, detail="stopping")
        watching.cancel()
        crashed.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await app.stop()


async def _watch(app: RunApp, process: Process, needs: str, name: str) -> None:
    progress = process.health.progress("runs" if name == "faust" else f"{name} runs")
    before = 0
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        in_flight, finished = app.progress()
        if not in_flight:
            progress.idle()
        elif finished != before or not process.health.is_ok(needs):
            progress.moved()
        else:
            progress.pending()
        before = finished
