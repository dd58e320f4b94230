"""How does one program run under us?  In its own session, with a bounded log and a bounded end.

A child is started in a session of its own, so the terminal's Ctrl-C reaches only us and we stop the children
in the right order. It is not bound to an event loop: it may be started in one and stopped in another, which
is why its end is polled for.
"""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from headwater.embedded.errors import ProcessFailed
from headwater.embedded.leash import PARENT_DEATH
from headwater.embedded.logs import BoundedLog

POLL_S = 0.02  # how often we look whether a child is ready or gone
CANNOT_START = 127  # the exit status that shells give
TAIL_LINES = 12  # of the log, in the error when a child does not start

Ready = Callable[[], Awaitable[bool]]
OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how to tell that it is ready."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)  # added to ours
    ready: Ready
    metrics_url: str | None = None  # of its management port, if it has one
    start_timeout_s: float = 30.0
    stop_timeout_s: float = 10.0  # after SIGTERM, before SIGKILL


class Child:
    """One run of one command."""

    def __init__(self, command: Command, *, on_line: OnLine | None = None) -> None:
        self.command = command
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._log = BoundedLog(command.log)
        self._cannot = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.is_running else None  # type: ignore[union-attr]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """What the process ended with, negative for a signal; None while it runs or was not started."""
        if self._cannot:
            return CANNOT_START
        return None if self._process is None else self._process.poll()

    def spawn(self) -> None:
        """Start the process; it is not ready yet. Raises ProcessFailed when the system cannot."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                list(self.command.argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, PARENT_DEATH: "1", **self.command.env},
                start_new_session=True,
            )
        except OSError as error:
            self._cannot = True
            raise ProcessFailed(f"{self.command.name} cannot be started: {error}") from error
        assert self._process.stdout is not None
        reader = threading.Thread(target=self._pump, args=(self._process.stdout,), daemon=True)
        reader.start()

    async def start(self) -> None:
        """Start the process and return when it is ready. Raises ProcessFailed, with its last lines."""
        self.spawn()
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Return when the process is ready. Raises ProcessFailed when it ends or takes too long."""
        deadline = time.monotonic() + self.command.start_timeout_s
        while not await self.command.ready():
            if not self.is_running:
                raise ProcessFailed(self._why(f"ended with status {self.exit_status} before it was ready"))
            if time.monotonic() > deadline:
                raise ProcessFailed(self._why(f"not ready after {self.command.start_timeout_s:.0f} s"))
            await asyncio.sleep(POLL_S)

    async def wait(self) -> int:
        """Return the exit status once the process has ended."""
        while (status := self.exit_status) is None:  # noqa: ASYNC110 - no loop owns the process
            await asyncio.sleep(2 * POLL_S)
        return status

    async def close(self) -> None:
        """Ask the process to stop, kill it when it does not; closing twice is harmless."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), self.command.stop_timeout_s)
        except TimeoutError:
            self.kill()
            await self.wait()
        self._kill_group()

    def kill(self) -> None:
        """Kill the process at once (SIGKILL)."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _kill_group(self) -> None:
        """Kill what the child itself started and left behind."""
        assert self._process is not None
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _pump(self, pipe: IO[bytes]) -> None:
        with pipe, self._log:
            for raw in pipe:
                self._log.write(raw)
                if self._on_line is not None:
                    self._on_line(raw.decode(errors="replace").rstrip("\n"))

    def _why(self, what: str) -> str:
        lines = self._log.tail(TAIL_LINES)
        said = "".join(f"\n    {line}" for line in lines)
        return f"{self.command.name} {what}; log: {self.command.log}{said}"
