"""What does `headwater up` do?  Holds the data directory, starts the stack, waits, brings it down again."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from headwater.embedded.datadir import DataDir
from headwater.embedded.jars import ensure_jars
from headwater.embedded.ports import taken_ports
from headwater.embedded.stack import Ports, Shape, Stack, any_ports, check_ports, default_ports
from headwater.embedded.state import RunState
from headwater.embedded.supervisor import OnLine, Supervisor, ignore_line

LEFTOVERS_S = 10.0  # that the processes of a killed `headwater up` get to end


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What the operator asked for."""

    data_dir: DataDir
    shape: Shape = field(default_factory=Shape)
    port: int | None = None  # of the gateway
    free_ports: bool = False


WhileUp = Callable[["RunningStack"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """What is told once the stack is ready."""

    stack: Stack
    data_dir: DataDir
    admin_key: str
    started_in_s: float


async def up(options: UpOptions, *, while_up: WhileUp, on_line: OnLine = ignore_line) -> None:
    """Run the stack until SIGINT or SIGTERM; a second one kills everything at once.

    `while_up` is called when all is ready and is cancelled at the stop. Raises EmbeddedError when the stack
    cannot start; whatever was started is down again on return.
    """
    with options.data_dir.locked():
        began = time.monotonic()
        ensure_jars()
        ports = await choose_ports(options)
        admin_key = options.data_dir.ensure_admin_key()
        secret_key = options.data_dir.ensure_secret_key()
        stack = Stack(options.data_dir, options.shape, ports, admin_key=admin_key, secret_key=secret_key)
        supervisor = Supervisor(on_line=on_line, on_change=lambda: _write_state(options, stack, supervisor))
        stopping = _stop_on_signals(supervisor)
        try:
            starting = asyncio.create_task(_start(stack, supervisor))
            if await _first(starting, stopping):
                seconds = time.monotonic() - began
                running = RunningStack(
                    stack=stack, data_dir=options.data_dir, admin_key=admin_key, started_in_s=seconds
                )
                await _first(asyncio.ensure_future(while_up(running)), stopping)
                await stopping.wait()
        finally:
            await _stop(stack, supervisor)
            options.data_dir.run_file.unlink(missing_ok=True)


async def choose_ports(options: UpOptions) -> Ports:
    """Return the ports to use. Raises PortTaken."""
    if options.free_ports:
        return any_ports(options.shape, options.port)
    ports = default_ports(options.shape, options.port) if options.port else default_ports(options.shape)
    if options.data_dir.run_file.exists():  # the last run was killed: its processes may still be ending
        await _wait_until_free(ports)
    check_ports(ports)
    return ports


async def _wait_until_free(ports: Ports) -> None:
    deadline = time.monotonic() + LEFTOVERS_S
    while taken_ports(ports.by_owner()) and time.monotonic() < deadline:  # noqa: ASYNC110 - nothing tells us
        await asyncio.sleep(0.1)


async def _start(stack: Stack, supervisor: Supervisor) -> None:
    await supervisor.start(await stack.foundation())
    await supervisor.start(stack.services())


async def _first(work: "asyncio.Future[Any]", stopping: asyncio.Event) -> bool:
    """Return True when the work ended first, False (and cancel it) when we are told to stop."""
    waiting: asyncio.Future[Any] = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    if work.cancelled():
        return False
    work.result()
    return True


async def _stop(stack: Stack, supervisor: Supervisor) -> None:
    for stage in stack.stop_order:
        await supervisor.stop(stage)
    await supervisor.close()


def _stop_on_signals(supervisor: Supervisor) -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the next one kills every process."""
    stopping = asyncio.Event()

    def told() -> None:
        if stopping.is_set():
            supervisor.kill()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told)
    return stopping


def _write_state(options: UpOptions, stack: Stack, supervisor: Supervisor) -> None:
    state = RunState(pid=os.getpid(), kafka=stack.bootstrap, urls=stack.urls, processes=supervisor.processes)
    state.write(options.data_dir.run_file)
