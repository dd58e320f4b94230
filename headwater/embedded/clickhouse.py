"""How does a ClickHouse run here?  Our endpoint over chDB, as a process of its own."""

import sys
from pathlib import Path

from headwater.embedded.child import Child, Command, OnLine
from headwater.embedded.ports import HOST, free_ports, is_listening

MEMORY_MB = 800


class ClickHouse:
    """An endpoint over one data directory, which keeps its tables over restarts and kills."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        memory_mb: int = MEMORY_MB,
        on_line: OnLine | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._port = port or free_ports(1)[0]
        self._log = log or data_dir / "clickhouse.log"
        self._memory_mb = memory_mb
        self._child: Child | None = None
        self._on_line = on_line

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start the endpoint; on return it answers."""
        await self.close()
        self._child = Child(self.command(), on_line=self._on_line)
        await self._child.start()

    async def close(self) -> None:
        """Stop the endpoint; its data stays. Closing twice is harmless."""
        if self._child is not None:
            await self._child.close()

    def kill(self) -> None:
        """Kill the endpoint as a power cut would; `start` brings it back."""
        if self._child is not None:
            self._child.kill()

    def command(self) -> Command:
        """Return how to run the endpoint; it opens its port when it is ready."""
        options = ("--data-dir", str(self._data_dir), "--host", HOST, "--port", str(self._port))
        limit = ("--memory-mb", str(self._memory_mb))
        return Command(
            name="store",
            argv=(sys.executable, "-m", "headwater.embedded.endpoint", *options, *limit),
            log=self._log,
            ready=lambda: is_listening(self._port),
        )
