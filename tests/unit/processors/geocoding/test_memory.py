"""Answers in memory: bounded, and forgotten in time."""

from hypothesis import given
from hypothesis import strategies as st

from processors.geocoding.memory import Memory
from processors.stack.geocoding_answers import Found, NotFound, Question


def question(number):
    return Question("ban", (("address", str(number)),))


def test_answer_is_known_until_it_expires():
    """The moment itself is too late."""
    memory = Memory(10)
    memory.put(question(1), Found(1, 2), 100)

    assert memory.get(question(1), 99) == Found(1, 2)
    assert memory.get(question(1), 100) is None
    assert len(memory) == 0


def test_newer_answer_replaces_the_older():
    """Also one that found nothing."""
    memory = Memory(10)
    memory.put(question(1), Found(1, 2), 100)
    memory.put(question(1), NotFound(), 200)

    assert memory.get(question(1), 150) == NotFound()


def test_what_was_not_needed_for_longest_goes_first():
    """Reading counts as need."""
    memory = Memory(2)
    for number in (1, 2):
        memory.put(question(number), NotFound(), 100)
    memory.get(question(1), 0)
    memory.put(question(3), NotFound(), 100)

    assert [memory.get(question(number), 0) is not None for number in (1, 2, 3)] == [True, False, True]


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_memory_never_holds_more_than_its_limit(numbers, limit):
    """And always holds what came last."""
    memory = Memory(limit)
    for number in numbers:
        memory.put(question(number), NotFound(), 100)
        assert len(memory) <= limit
        assert memory.get(question(number), 0) is not None
