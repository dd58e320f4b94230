"""What do many durations come to?"""

from benchmarks.percentiles import percentiles_ms


def test_percentiles_are_measured_values_by_nearest_rank():
    """A percentile is a duration that happened, never one between two."""
    hundred = [number / 1000 for number in range(100, 0, -1)]

    assert percentiles_ms(hundred) == {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}


def test_one_duration_is_every_percentile():
    """The smallest sample has all percentiles."""
    assert percentiles_ms([0.25]) == {"p50_ms": 250, "p95_ms": 250, "p99_ms": 250, "max_ms": 250}


def test_nothing_measured_gives_no_numbers():
    """An empty sample is no zero: it has no percentiles."""
    assert percentiles_ms([]) == {}
