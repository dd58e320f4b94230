"""The stack under test: a real `headwater up` on free ports, watched and hurt from outside."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from headwater.embedded import leash

COMMAND = Path(sys.executable).with_name("headwater")
START_S = 120.0  # the first start of a machine may download the jars
STOP_S = 60.0
RESTART_S = 40.0
POLL_S = 0.05
LOG_LINES = 40


class Stack:
    """One data directory and the `headwater up` that runs on it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        processors: int = 1,
        sinks: int = 1,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` are HEADWATER_* variables by their names without that."""
        self.data_dir = data_dir
        self._settings = {f"HEADWATER_{name}": text for name, text in (settings or {}).items()}
        self._options = ("--processors", str(processors), "--sinks", str(sinks))
        self._expected = 4 + processors + sinks  # kafka, store, gateway, schedulers
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Mapping[str, Any]:
        """What run.json says now; an empty stack before it is there."""
        try:
            return json.loads((self.data_dir / "run.json").read_bytes())
        except FileNotFoundError:
            return {"processes": {}}

    @property
    def processes(self) -> Mapping[str, Mapping[str, Any]]:
        return self.state["processes"]

    @property
    def admin_key(self) -> str:
        return (self.data_dir / "admin.key").read_text().strip()

    @property
    def is_ready(self) -> bool:
        states = [one["state"] for one in self.processes.values()]
        return len(states) == self._expected and set(states) == {"ready"}

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        pid = self.processes[name]["pid"]
        assert pid is not None, f"{name} is {self.processes[name]}"
        return pid

    def start(self) -> None:
        """Start everything and wait until all of it is ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-I", "-S", leash.__file__, COMMAND, "up", "--free-ports")
        environment = {name: text for name, text in os.environ.items() if not name.startswith("HEADWATER_")}
        environment |= self._settings
        environment[leash.PARENT_DEATH] = "1"  # a test run that is killed leaves nothing behind
        with (self.data_dir / "up.log").open("ab") as log:
            self._up = subprocess.Popen(
                [*map(str, command), "--data-dir", str(self.data_dir), *self._options],
                env=environment,
                stdout=log,
                stderr=log,
            )
        self._wait(lambda: self.is_ready, START_S, "the stack is not ready")

    def stop(self) -> None:
        """Stop as Ctrl-C does; everything that was started has to be gone then."""
        up, self._up = self._up, None
        if up is None:
            return
        family = [psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)]
        up.send_signal(signal.SIGINT)
        try:
            status = up.wait(STOP_S)
        finally:
            _, left = psutil.wait_procs(family, timeout=2)
            for one in left:
                one.kill()
        assert status == 0, f"headwater up ended with {status}\n{self.tail('up')}"
        assert not left, f"still running after the stop: {left}"

    def kill(self, name: str) -> int:
        """End one process as a power cut would, and return the id that it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def pause(self, name: str) -> None:
        """Stop a process from doing anything, without its connections ending."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGCONT)

    async def restarted(self, name: str, old_pid: int) -> None:
        """Wait until the supervisor has the process running and ready again."""
        async with asyncio.timeout(RESTART_S):
            while not self._is_restarted(name, old_pid):  # noqa: ASYNC110 - a file tells, nobody else
                await asyncio.sleep(POLL_S)

    def _is_restarted(self, name: str, old_pid: int) -> bool:
        one = self.processes[name]
        return one["state"] == "ready" and one["pid"] not in (None, old_pid)

    def tail(self, name: str, lines: int = LOG_LINES) -> str:
        """Return the end of a log: of a process, or of `up` itself."""
        path = self.data_dir / ("up.log" if name == "up" else f"logs/{name}.log")
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def logs(self) -> dict[str, str]:
        """Return the end of every log by name."""
        names = ["up", *sorted(path.stem for path in (self.data_dir / "logs").glob("*.log"))]
        return {name: self.tail(name) for name in names}

    def _wait(self, done: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            status = self._up.poll() if self._up else None
            if status is not None or time.monotonic() > deadline:
                found = {name: one["state"] for name, one in self.processes.items()}
                logs = "\n".join(f"--- {name}\n{text}" for name, text in self.logs().items())
                self._kill_all()
                raise AssertionError(f"{complaint}: {found}, headwater up ended with {status}\n{logs}")
            time.sleep(POLL_S)

    def _kill_all(self) -> None:
        up, self._up = self._up, None
        if up is None or up.poll() is not None:
            return
        for one in (*psutil.Process(up.pid).children(recursive=True), up):
            one.kill()
        up.wait(STOP_S)
