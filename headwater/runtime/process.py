"""How does a process live?  The outermost loop of every service: settings, logs, health, signals, exit code.

Exit codes: 0 stopped cleanly, 1 crashed or gave itself up, 2 cannot start as it is set, 128 + n on a
second signal.
"""

import asyncio
import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeVar

import orjson
import structlog
import uvloop
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from headwater import __version__
from headwater.domain.errors import SettingsError
from headwater.runtime import logging, metrics
from headwater.runtime.health import Health
from headwater.runtime.settings import ProcessSettings, load, unknown_variables

log = structlog.get_logger(__name__)

STOP_TIMEOUT_S = 25.0  # a stop that takes longer is cut off, also where no supervisor does it
CANCEL_TIMEOUT_S = 5.0
WATCH_S = 1.0
STOPPED_EARLY = "stopped before it was ready"
PR_SET_PDEATHSIG = 1


class ServiceSettings(Protocol):
    """What every service's settings have."""

    @property
    def process(self) -> ProcessSettings:
        """How the process lives."""
        ...


Settings = TypeVar("Settings", bound=ServiceSettings)
Code = int


@dataclass(slots=True)
class Process:
    """What a service's `main` gets: say how you are, and return soon after `stopping` is set."""

    instance: str
    health: Health = field(default_factory=Health)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


Main = Callable[[Settings, Process], Coroutine[Any, Any, None]]


def run(service: str, settings_class: type[Settings], main: Main[Settings]) -> NoReturn:
    """Run a service until it is told to stop, and exit; see the module for the codes."""
    try:
        settings = load(settings_class)
    except SettingsError as error:
        sys.exit(_report(error))
    logging.configure(settings.process.log_level, settings.process.log_format)
    for sentence in unknown_variables(settings_class):
        log.warning(sentence)
    if settings.process.parent_death:
        _die_with_parent()
    process = Process(settings.process.instance or service)
    metrics.BUILD_INFO.labels(service=service, version=__version__).set(1)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(_live(settings, process, main))
    except SettingsError as error:
        code = _report(error)
    except Exception:
        log.exception("crashed", instance=process.instance)
        code = 1
    sys.exit(code)


async def _live(settings: Settings, process: Process, main: Main[Settings]) -> Code:
    """Serve the management port, run `main`, watch its health; return the exit code."""
    _listen_to_signals(process)
    management = Management(settings.process, process.health)
    await management.start()
    log.info("started", instance=process.instance, version=__version__, management=management.url)
    try:
        return await _run_watched(main(settings, process), process)
    finally:
        await management.close()


async def _run_watched(
    work: Coroutine[Any, Any, None], process: Process, interval_s: float = WATCH_S
) -> Code:
    """Return 0 when the work returned, 1 when the watch ended it; raises what the work raised."""
    working = asyncio.create_task(work, name="main")
    watching = asyncio.create_task(_watch(process, interval_s), name="watch")
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            reason = watching.result()
            if reason is STOPPED_EARLY:
                log.info(reason, instance=process.instance)
                return 0
            log.error("giving up", instance=process.instance, reason=reason)
            return 1
        working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        # Bounded: a task that swallows its cancellation must not keep a failed process alive.
        await asyncio.wait({working, watching}, timeout=CANCEL_TIMEOUT_S)
    log.info("stopped", instance=process.instance)
    return 0


async def _watch(process: Process, interval_s: float, stop_timeout_s: float = STOP_TIMEOUT_S) -> str:
    """Return why the process has to end although `main` goes on: its health failed, or its stop hangs.

    A process that is told to stop while it still waits for others to be there has nothing to finish.
    """
    loop = asyncio.get_running_loop()
    stop_by: float | None = None
    while True:
        asleep = loop.time()
        await asyncio.sleep(interval_s)
        metrics.EVENT_LOOP_LAG_SECONDS.set(max(0.0, loop.time() - asleep - interval_s))
        metrics.READY.set(process.health.ready)
        if process.stopping.is_set() and not process.health.was_ready:
            return STOPPED_EARLY
        if process.stopping.is_set():
            stop_by = stop_by or loop.time() + stop_timeout_s
            if loop.time() >= stop_by:
                return f"the stop took longer than {stop_timeout_s:.0f} s"
        elif (failure := process.health.failure) is not None:
            return failure


class Management:
    """The HTTP server of /metrics, /healthz and /readyz."""

    def __init__(self, settings: ProcessSettings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; raises SettingsError when the address cannot be had."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runner = runner
        host, port = self._settings.metrics_host, self._settings.metrics_port
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await self.close()
            raise SettingsError([_address_problem(host, port, error)]) from error

    async def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens; empty while it does not."""
        addresses = self._runner.addresses if self._runner else []
        return f"http://{addresses[0][0]}:{addresses[0][1]}" if addresses else ""

    async def _metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(metrics.REGISTRY)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        failure = self._health.failure
        return _json({"status": "ok"}) if failure is None else _json({"status": failure}, 503)

    async def _readyz(self, _: web.Request) -> web.Response:
        report = self._health.report()
        return _json(report, 200 if report["ready"] else 503)


def _json(body: dict[str, object], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _listen_to_signals(process: Process) -> None:
    """First signal: stop cleanly. Second: exit at once."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if process.stopping.is_set():
            os._exit(128 + number)
        log.info("stopping", instance=process.instance, signal=number.name)
        process.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; elsewhere than on Linux do nothing."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)  # it died in between


def _address_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"HEADWATER_METRICS_PORT is {port}; that port of {host} is taken by another process"
    return f"HEADWATER_METRICS_HOST is {host}; cannot listen there: {error.strerror or error}"


def _report(error: SettingsError) -> Code:
    for problem in error.problems:
        sys.stderr.write(problem + "\n")
    return 2
