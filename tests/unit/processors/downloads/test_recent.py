"""Answers are remembered for a while, and a bounded number of them."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.clock import ManualClock
from processors.downloads.recent import Recent


def test_an_answer_is_forgotten_when_it_is_too_old():
    """Age counts from when it was given, however often it was asked for."""
    clock = ManualClock()
    recent = Recent(10, 60, clock)
    recent.put("a", 1)

    clock.advance(59)
    assert recent.get("a") == 1
    clock.advance(1)
    assert recent.get("a") is None
    assert len(recent) == 0


def test_the_one_not_asked_for_longest_goes_first():
    """Asking counts as use."""
    recent = Recent(2, 60, ManualClock())
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    recent.put("c", 3)

    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans())), st.integers(0, 4))
def test_there_are_never_more_than_allowed(steps, size):
    """Nor is an answer ever given to another question."""
    recent = Recent(size, 60, ManualClock())
    for question, puts in steps:
        if puts:
            recent.put(question, question)
        assert recent.get(question) in (None, question)
        assert len(recent) <= size
