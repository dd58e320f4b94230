"""When is everything searchable?"""

import pytest

from benchmarks.measures.visible import LONGEST_S, SHORTEST_S, pause_s


def test_the_pause_is_half_of_what_the_rest_will_take():
    """Counts are few on the way and close at the end."""
    assert pause_s(arrived=1_000, missing=1_000, seconds=0.4) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arrived", "missing", "pause"),
    [(1_000_000, 1, SHORTEST_S), (1, 1_000_000, LONGEST_S), (0, 10, SHORTEST_S)],
)
def test_the_pause_has_bounds(arrived, missing, pause):
    """A standstill is not waited for, and the end is not missed by much."""
    assert pause_s(arrived=arrived, missing=missing, seconds=1.0) == pause
