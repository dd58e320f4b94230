"""What runs, and where?  run.json: written by `headwater up`, read by the other commands and by tests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import orjson

from headwater.embedded.datadir import DataDir
from headwater.embedded.errors import NotRunning


class State(StrEnum):
    """How a process of the stack is."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"  # it runs, and says that it cannot serve now
    RESTARTING = "restarting"  # it ended, and waits for its next start
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process: its id (None while there is none), the URL of its management port, how it is."""

    pid: int | None = None
    metrics: str | None = None
    state: State = State.STARTING
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The running stack."""

    pid: int
    kafka: str  # host:port
    urls: Mapping[str, str]  # gateway, push, management, search, metrics, clickhouse
    processes: Mapping[str, ProcessState] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return all(one.state is State.READY for one in self.processes.values())

    def write(self, path: Path) -> None:
        """Replace the file; a reader sees the old one or the new one, whole."""
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))
        partial.replace(path)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        processes = {
            name: ProcessState(**{**one, "state": State(one["state"])})
            for name, one in document["processes"].items()
        }
        return cls(**{**document, "processes": processes})


def read_state(data_dir: DataDir) -> RunState:
    """Return what runs on the data directory. Raises NotRunning when nothing does, or not yet."""
    if data_dir.is_locked:
        try:
            return RunState.from_json(orjson.loads(data_dir.run_file.read_bytes()))
        except FileNotFoundError:
            pass
    raise NotRunning(f"nothing runs on {data_dir.path}; start it with `headwater up`, or give --data-dir")
