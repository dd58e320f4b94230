"""Resident memory of each process, its children included, in MB."""

from collections.abc import Mapping

import psutil

from benchmarks.expectations import ExpectationFailed


def resident_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return megabytes by process name; raises ExpectationFailed when one is gone."""
    return {name: round(_resident(name, pid) / 1e6, 1) for name, pid in pids.items()}


def _resident(name: str, pid: int) -> int:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family)
    except psutil.NoSuchProcess as error:
        raise ExpectationFailed(f"{name} (process {pid}) is gone") from error
