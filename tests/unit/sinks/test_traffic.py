"""Are many rows on their way?"""

from sinks.traffic import WINDOW_S, Traffic


def test_many_rows_within_a_window_are_busy_for_another():
    """However small the inserts are; it ends by itself."""
    traffic = Traffic(100)
    for at in range(10):
        traffic.note(10, at / 100)

    assert traffic.is_busy(0.1)
    assert traffic.is_busy(0.09 + WINDOW_S - 0.01)
    assert not traffic.is_busy(0.1 + WINDOW_S)


def test_the_same_rows_over_a_longer_time_are_not():
    """A steady trickle holds nothing back."""
    traffic = Traffic(100)
    for at in range(10):
        traffic.note(10, at * 0.5)

    assert not traffic.is_busy(4.5)
