"""Resident memory of each process in MB, its children included unless they are listed themselves."""

from collections.abc import Mapping

import psutil

from benchmarks.expectations import ExpectationFailed


def resident_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return megabytes by process name; raises ExpectationFailed when one is gone."""
    listed = frozenset(pids.values())
    return {name: round(_resident(name, pid, listed) / 1e6, 1) for name, pid in pids.items()}


def _resident(name: str, pid: int, listed: frozenset[int]) -> int:
    try:
        return sum(one.memory_info().rss for one in _family(psutil.Process(pid), listed))
    except psutil.NoSuchProcess as error:
        raise ExpectationFailed(f"{name} (process {pid}) is gone") from error


def _family(process: psutil.Process, listed: frozenset[int]) -> list[psutil.Process]:
    own = [child for child in process.children() if child.pid not in listed]
    return [process, *(member for child in own for member in _family(child, listed))]
