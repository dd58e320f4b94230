"""Children under the supervisor, with small stand-ins for the services."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.embedded.child import Child, Command
from headwater.embedded.errors import ProcessFailed
from headwater.embedded.restarts import RestartPolicy
from headwater.embedded.state import State
from headwater.embedded.supervisor import Supervisor

WAIT_S = 20
POLITE = "import signal, time\nsignal.signal(15, lambda *_: exit(0))\nprint('up', flush=True)\ntime.sleep(60)"
STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


@pytest.fixture
def command(tmp_path):
    """Makes a command of a Python script that is ready when it has said `up`."""

    def command(script, name="one", **options):
        log = tmp_path / f"{name}.log"

        async def ready():
            return log.exists() and b"up" in log.read_bytes()

        return Command(name=name, argv=(sys.executable, "-c", script), log=log, ready=ready, **options)

    return command


@pytest.fixture
async def supervisor():
    supervisor = Supervisor(policy=RestartPolicy(first_s=0.05))
    yield supervisor
    await supervisor.close()


async def until(condition):
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.01)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_child_has_a_session_of_its_own(command):
    """The terminal's Ctrl-C must reach us alone."""
    child = Child(command(POLITE))
    await child.start()
    assert os.getsid(child.pid) == child.pid
    await child.close()
    await child.close()
    assert (child.exit_status, child.pid) == (0, None)


async def test_child_that_does_not_stop_is_killed(command):
    """Every stop ends."""
    child = Child(command(STUBBORN, stop_timeout_s=0.2))
    await child.start()
    await child.close()
    assert child.exit_status == -signal.SIGKILL


async def test_child_that_ends_too_early_says_why(command):
    """Its last words are in the error."""
    child = Child(command("print('no such port'); exit(3)"))
    with pytest.raises(ProcessFailed, match=r"(?s)status 3.*no such port"):
        await child.start()


async def test_child_that_is_never_ready_is_given_up(command):
    """Every start ends."""
    child = Child(command("import time; time.sleep(60)", start_timeout_s=0.1))
    with pytest.raises(ProcessFailed, match="not ready"):
        await child.start()
    await child.close()


async def test_program_that_does_not_exist_is_a_sentence(command):
    """Not a traceback."""
    missing = command("")
    child = Child(Command(name="x", argv=("/nowhere/java",), log=missing.log, ready=missing.ready))
    with pytest.raises(ProcessFailed, match="cannot be started"):
        await child.start()
    await child.close()


async def test_killed_process_is_restarted(command, supervisor):
    """And counted."""
    await supervisor.start([command(POLITE)])
    first = supervisor.processes["one"].pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.processes["one"].restarts == 1)
    await until(lambda: supervisor.processes["one"].state is State.READY)
    assert supervisor.processes["one"].pid != first


async def test_first_start_that_fails_is_told(command, supervisor):
    """A restart cannot mend a wrong setting."""
    with pytest.raises(ProcessFailed, match="two ended with status 2"):
        await supervisor.start([command(POLITE), command("exit(2)", "two")])


async def test_stopped_process_stays_down(command, supervisor):
    """A stop is no crash."""
    await supervisor.start([command(POLITE), command(POLITE, "two")])
    await supervisor.stop(["one", "unknown"])
    assert State.STOPPED is supervisor.processes["one"].state
    assert State.READY is supervisor.processes["two"].state


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
async def test_tied_program_dies_with_its_parent():
    """After a kill -9 of `headwater up` no broker is left behind."""
    from headwater.embedded import leash

    tied = [sys.executable, "-I", "-S", leash.__file__, "/bin/sleep", "60"]
    script = (
        "import subprocess, time\n"
        f"child = subprocess.Popen({tied!r}, env={{'HEADWATER_PARENT_DEATH': '1'}})\n"
        f"while b'sleep' not in open(f'/proc/{{child.pid}}/cmdline', 'rb').read()[:12]: time.sleep(0.01)\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)  # noqa: ASYNC220
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    await until(lambda: not is_alive(pid))
