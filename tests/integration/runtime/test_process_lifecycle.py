"""A real process: its management port, its signals, its exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.timeout(60)

SERVICE = """
import asyncio, sys
from dataclasses import dataclass, field
from headwater.runtime.process import run
from headwater.runtime.settings import ProcessSettings

@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    process: ProcessSettings = field(default_factory=ProcessSettings)

async def main(settings, process):
    process.health.set("store", ok=False, detail="away")
    if "crash" in sys.argv:
        raise RuntimeError("broken on purpose")
    await process.stopping.wait()
    if "hang" in sys.argv:
        await asyncio.Event().wait()

run("test", Settings, main)
"""

# Starts a service as its child, says the child's pid, and waits to be killed.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stderr=subprocess.PIPE, text=True)
while "started" not in child.stderr.readline():
    pass
print(child.pid, flush=True)
time.sleep(60)
"""


def environment(**changes: str) -> dict[str, str]:
    """Return our environment with a service that logs JSON and takes any free management port."""
    return {**os.environ, "HEADWATER_LOG_FORMAT": "json", "HEADWATER_METRICS_PORT": "0", **changes}


class Service:
    """A started process and what it logged."""

    def __init__(self, *arguments: str, **changes: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, *arguments],
            env=environment(**changes),
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self, event: str) -> dict[str, str]:
        """Return the next log line of this event; fails at the end of the log."""
        for text in self.process.stderr:
            if text.startswith("{") and (line := json.loads(text))["event"] == event:
                return line
        pytest.fail(f"the process never logged {event!r}")

    def end(self) -> tuple[int, str]:
        """Wait for the exit; return the code and the rest of the log."""
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


@pytest.fixture
def start():
    started: list[Service] = []

    def start(*arguments: str, **changes: str) -> Service:
        started.append(Service(*arguments, **changes))
        return started[-1]

    yield start
    for service in started:
        service.process.kill()
        service.process.communicate()


def status_of(url: str) -> int:
    """Return the HTTP status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - procfs
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_probes_answer_and_sigterm_stops_cleanly(start):
    """Alive but not ready while a check fails; exit 0 when told to stop."""
    service = start()
    url = service.line("started")["management"]

    assert [status_of(url + path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 200]

    service.process.send_signal(signal.SIGTERM)
    assert service.end()[0] == 0


def test_a_crash_is_logged_with_its_traceback_and_exits_with_1(start):
    """The supervisor restarts it; the log says why."""
    code, log = start("crash").end()

    assert code == 1
    assert "RuntimeError: broken on purpose" in log


def test_a_second_signal_exits_at_once(start):
    """Who presses Ctrl-C twice means it."""
    service = start("hang")
    service.line("started")
    service.process.send_signal(signal.SIGINT)
    service.line("stopping")
    service.process.send_signal(signal.SIGINT)

    assert service.end()[0] == 128 + signal.SIGINT


def test_a_taken_management_port_is_one_clear_sentence_and_exit_2(start):
    """No traceback: it is the operator's to mend."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, log = start(HEADWATER_METRICS_PORT=str(port)).end()

    assert code == 2
    assert log == f"HEADWATER_METRICS_PORT is {port}; that port of 127.0.0.1 is taken by another process\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_does_not_outlive_its_killed_parent():
    """A supervisor killed with -9 leaves no services behind."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, SERVICE],
        env=environment(HEADWATER_PARENT_DEATH="1"),
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not is_running(child)
