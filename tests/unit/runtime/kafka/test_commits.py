"""The committed offset never passes a run that is not finished."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.kafka.commits import CommitQueue

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=20)


def fetched_runs(lengths, start=0, gap=0):
    """Return a queue and its runs [first, end), with gaps as compaction and transactions leave them."""
    queue, runs, first = CommitQueue(), [], start
    for length in lengths:
        runs.append((first, first + length))
        queue.fetched(*runs[-1])
        first += length + gap
    return queue, runs


@given(LENGTHS, st.randoms(), st.integers(0, 3))
def test_no_order_of_finishing_commits_past_an_unfinished_run(lengths, random, gap):
    """And once all are finished, the offset is at the end."""
    queue, runs = fetched_runs(lengths, gap=gap)
    order = list(runs)
    random.shuffle(order)
    unfinished = set(runs)
    for run in order:
        queue.finished(run[0])
        unfinished.remove(run)
        if unfinished:
            oldest = min(first for first, _ in unfinished)
            assert queue.safe_offset is None or queue.safe_offset <= oldest
        else:
            assert queue.safe_offset == runs[-1][1]
    assert queue.in_flight == 0


@given(LENGTHS)
def test_finishing_in_order_moves_at_once(lengths):
    """The safe offset follows each finish: nothing is held back longer than needed."""
    queue, runs = fetched_runs(lengths, start=7)
    for first, end in runs:
        queue.finished(first)
        assert queue.safe_offset == end


def test_nothing_finished_means_nothing_to_commit():
    """A fresh queue has no opinion."""
    queue, _ = fetched_runs([5, 5])
    assert queue.safe_offset is None
    queue.finished(5)
    assert queue.safe_offset is None
    assert repr(queue) == "CommitQueue(safe=None, in_flight=2, ahead=1)"


def test_unknown_and_repeated_finishes_are_ignored():
    """A run of an earlier assignment may report late."""
    queue, _ = fetched_runs([5])
    queue.finished(99)
    queue.finished(0)
    queue.finished(0)
    assert queue.safe_offset == 5


def test_runs_come_in_the_order_of_the_log():
    """Reading backwards without a seek would break the guarantee, so it is refused."""
    queue, _ = fetched_runs([5, 5])
    with pytest.raises(ValueError, match="older"):
        queue.fetched(3, 8)
