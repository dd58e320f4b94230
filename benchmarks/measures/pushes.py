"""Batches and single pushes over HTTP: how many a second, and how far behind is what is searchable?"""

from typing import Any

from benchmarks.job import LoadProcess
from benchmarks.measures.visible import until_searchable
from benchmarks.target import Target

SINGLES_CEILING = 40_000  # pushes a second for which requests are made beforehand


async def batches(target: Target, records: int, *, batch: int = 500, connections: int = 8) -> dict[str, Any]:
    """Return records/s from the first byte sent until all are searchable."""
    job = _job(target, records, batch=batch, connections=connections, seconds=None)
    async with LoadProcess("benchmarks.load.closed", job) as load:
        sent = await load.run(timeout_s=300)
    visible = await until_searchable(target, records, within_s=300)
    return {
        "records": records,
        "accepted_per_s": round(records / (sent["last_ack"] - sent["started"])),
        "searchable_per_s": round(records / (visible - sent["started"])),
        "latency": sent["latency"],
    }


async def singles(target: Target, *, connections: int, seconds: float) -> dict[str, Any]:
    """Return acknowledged pushes/s, and how long after the last one all were searchable."""
    ceiling = int(SINGLES_CEILING * seconds)
    job = _job(target, ceiling, batch=1, connections=connections, seconds=seconds)
    async with LoadProcess("benchmarks.load.closed", job) as load:
        sent = await load.run(timeout_s=seconds + 60)
    visible = await until_searchable(target, sent["requests"], within_s=120)
    return {
        "connections": connections,
        "records": sent["requests"],
        "acknowledged_per_s": round(sent["requests"] / (sent["last_ack"] - sent["started"])),
        "behind_s": round(visible - sent["last_ack"], 3),
        "latency": sent["latency"],
    }


def _job(
    target: Target, records: int, *, batch: int, connections: int, seconds: float | None
) -> dict[str, Any]:
    return {
        "target": target.to_json(),
        "first": 0,
        "records": records,
        "batch": batch,
        "connections": connections,
        "seconds": seconds,
    }
