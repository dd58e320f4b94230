"""What do many durations come to?"""

from collections.abc import Sequence

PERCENTS = (50, 95, 99)


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and max in milliseconds, by nearest rank; empty when nothing was measured."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    found = {f"p{percent}_ms": _at(ordered, percent) for percent in PERCENTS}
    return {**found, "max_ms": round(ordered[-1] * 1000, 2)}


def _at(ordered: Sequence[float], percent: int) -> float:
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return round(ordered[max(rank, 1) - 1] * 1000, 2)
