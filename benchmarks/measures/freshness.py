"""Push to searchable, at a rate that is offered whatever the stack does."""

from typing import Any

from benchmarks.job import LoadProcess
from benchmarks.measures.visible import until_searchable
from benchmarks.target import Target

CONNECTIONS = 64
POLL_INTERVAL_S = 0.01
PROBES_PER_S = 20


async def freshness(target: Target, *, rate: int, seconds: float) -> dict[str, Any]:
    """Return percentiles from the moment a push was due until a search answer held it."""
    job = {
        "target": target.to_json(),
        "first": 0,
        "rate": rate,
        "seconds": seconds,
        "probe_every": max(1, rate // PROBES_PER_S),
        "connections": CONNECTIONS,
        "poll_interval_s": POLL_INTERVAL_S,
    }
    async with LoadProcess("benchmarks.load.open", job) as load:
        result = await load.run(timeout_s=seconds + 60)
    await until_searchable(target, result["records"], within_s=60)
    return {
        "rate": rate,
        "records": result["records"],
        "probes": result["probes"],
        "polls": result["polls"],
        "searchable": result["searchable"],
        "acknowledged": result["latency"],
    }
