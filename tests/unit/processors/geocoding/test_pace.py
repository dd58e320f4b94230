"""Slots of a rate limit: evenly apart, never in the past, none too late."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processors.geocoding.pace import Pace

STEPS = st.lists(st.tuples(st.floats(0, 5), st.floats(-1, 10)), max_size=50)


@given(STEPS, st.floats(0.001, 3))
def test_slots_are_an_interval_apart_and_within_their_time(steps, interval_s):
    """Whoever asks, whenever: the provider sees one request per interval at most."""
    pace, now_s, taken = Pace(interval_s), 0.0, []
    for later_s, patience_s in steps:
        now_s += later_s
        slot_s = pace.slot(now_s, now_s + patience_s)
        if slot_s is not None:
            assert now_s <= slot_s <= now_s + patience_s
            taken.append(slot_s)

    assert all(after - before >= interval_s * (1 - 1e-9) for before, after in pairwise(taken))


def test_idle_time_is_not_saved_up():
    """After a pause there is no burst."""
    pace = Pace(1.0)
    pace.slot(0, 0)

    assert pace.slot(100, 200) == 100
    assert pace.slot(100, 200) == 101


def test_slot_that_comes_too_late_is_not_taken():
    """Who has no time leaves the queue as it was."""
    pace = Pace(1.0)
    pace.slot(0, 0)

    assert pace.slot(0, 0.5) is None
    assert pace.slot(0, 1) == 1
