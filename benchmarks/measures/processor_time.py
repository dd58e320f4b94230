"""Processor time of each process: what a record costs, and where."""

from collections.abc import Mapping

import psutil

from benchmarks.expectations import ExpectationFailed


def processor_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return user and system seconds by process name; raises ExpectationFailed when one is gone."""
    return {name: _seconds(name, pid) for name, pid in pids.items()}


def microseconds_each(
    before: Mapping[str, float], after: Mapping[str, float], records: int
) -> dict[str, float]:
    """Return microseconds of processor time for each record, by process name."""
    return {name: round((after[name] - before[name]) * 1e6 / records, 2) for name in after}


def _seconds(name: str, pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess as error:
        raise ExpectationFailed(f"{name} (process {pid}) is gone") from error
    return float(times.user + times.system)
