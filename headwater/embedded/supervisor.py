"""Who keeps the processes running?  Starts them, restarts what ends, stops them in order.

The first start is different: a process that ends before it was ever ready is a mistake in the set-up that
a restart cannot mend, so `start` raises and the stack comes down.
Afterwards every end is answered by a restart.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from headwater.embedded.child import Child, Command
from headwater.embedded.errors import ProcessFailed
from headwater.embedded.restarts import RestartPolicy
from headwater.embedded.state import ProcessState, State

OnLine = Callable[[str, str], None]  # process name, one line of its output
OnChange = Callable[[], None]
WATCH_S = 0.1


def ignore_line(_name: str, _line: str) -> None:
    """Do nothing: the line is in the process's log file."""


def ignore_change() -> None:
    """Do nothing."""


class Supervisor:
    """Keeps named commands running. One event loop, one thread: the children are tied to it."""

    def __init__(
        self,
        *,
        on_line: OnLine = ignore_line,
        on_change: OnChange = ignore_change,
        policy: RestartPolicy | None = None,
    ) -> None:
        self._on_line = on_line
        self._on_change = on_change
        self._policy = policy or RestartPolicy()
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._states: dict[str, ProcessState] = {}

    @property
    def processes(self) -> dict[str, ProcessState]:
        """How every process is now, in the order in which they were started."""
        return dict(self._states)

    async def start(self, commands: Sequence[Command]) -> None:
        """Start all at once; return when all are ready. Raises ProcessFailed for the first that is not."""
        starts = [asyncio.create_task(self._start(command)) for command in commands]
        try:
            await asyncio.gather(*starts)
        finally:
            for start in starts:
                start.cancel()

    async def stop(self, names: Iterable[str]) -> None:
        """Stop these, all at once, within their stop_timeout_s; unknown and stopped ones are no mistake."""
        await asyncio.gather(*(self._stop(name) for name in names if name in self._children))

    async def close(self) -> None:
        """Stop whatever still runs; closing twice is harmless."""
        await self.stop(list(self._children))

    def kill(self) -> None:
        """Kill everything at once."""
        for child in self._children.values():
            child.kill()

    async def _start(self, command: Command) -> None:
        name = command.name
        child = self._spawn(command)
        self._set(name, state=State.STARTING, pid=child.pid, metrics=command.metrics_url)
        await child.wait_ready()
        self._set(name, state=State.READY)
        self._keepers[name] = asyncio.create_task(self._keep(command), name=f"keep {name}")

    def _spawn(self, command: Command) -> Child:
        name = command.name
        child = Child(command, on_line=lambda line: self._on_line(name, line))
        self._children[name] = child
        child.spawn()
        return child

    async def _keep(self, command: Command) -> None:
        """Restart the process whenever it ends, until cancelled."""
        name, loop = command.name, asyncio.get_running_loop()
        failures, started = 0, loop.time()
        while True:
            status = await self._children[name].wait()
            failures = self._policy.failures_after(failures, loop.time() - started)
            delay_s = self._policy.delay_s(failures)
            self._set(name, state=State.RESTARTING, pid=None, restarts=self._states[name].restarts + 1)
            self._on_line(name, f"{_ended(status)}; restarting in {delay_s:.1f} s")
            await self._children[name].close()  # what it left behind
            await asyncio.sleep(delay_s)
            started = loop.time()
            try:
                await self._start_again(command)
            except ProcessFailed as error:
                self._on_line(name, str(error).splitlines()[0])
                await self._children[name].close()  # it ended or hangs: both are answered above

    async def _start_again(self, command: Command) -> None:
        child = self._spawn(command)
        self._set(command.name, state=State.STARTING, pid=child.pid)
        await child.wait_ready()
        self._set(command.name, state=State.READY)

    async def _stop(self, name: str) -> None:
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait({keeper})
        await self._children[name].close()
        self._set(name, state=State.STOPPED, pid=None)

    def _set(self, name: str, **changes: object) -> None:
        before = self._states.get(name, ProcessState())
        self._states[name] = replace(before, **changes)  # type: ignore[arg-type]  # fields of ProcessState
        self._on_change()


def _ended(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
