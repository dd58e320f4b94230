"""Messages stay on one partition for a moment, and over time all partitions get their share."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.kafka.turns import STAY_BYTES, STAY_S, Turn

PARTITIONS = [0, 1, 2, 3]


def test_small_messages_in_quick_succession_stay_together():
    """Their reader finds them in one fetch."""
    turn = Turn()
    assert len({turn.partition(PARTITIONS, 100, 7 + STAY_S * n / 20) for n in range(20)}) == 1


def test_after_a_while_the_next_one_has_its_turn():
    """However little is sent."""
    turn = Turn()
    assert [turn.partition(PARTITIONS, 1, 2 * STAY_S * n) for n in range(5)] == [0, 1, 2, 3, 0]


@given(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=60))
def test_much_is_spread_evenly(sizes):
    """No partition gets ahead by more than one turn's bytes and one message."""
    turn, load = Turn(), dict.fromkeys(PARTITIONS, 0)
    for size in sizes:
        load[turn.partition(PARTITIONS, size, 0.0)] += size
    assert max(load.values()) - min(load.values()) <= STAY_BYTES * (len(sizes) // 4 + 1) + max(sizes) * (
        len(sizes) // 4 + 1
    )


@given(st.lists(st.sampled_from([[0], [0, 1], [1, 3], PARTITIONS]), max_size=20))
def test_a_partition_without_a_leader_is_passed_over(available):
    """Only what is offered is chosen."""
    turn = Turn()
    for step, partitions in enumerate(available):
        assert turn.partition(partitions, STAY_BYTES, float(step)) in partitions
