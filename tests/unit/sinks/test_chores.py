"""What is to be tidied up, and when?"""

from hypothesis import given
from hypothesis import strategies as st

from sinks.chores import Chores


def test_what_is_wanted_is_due_once():
    """However often it was wanted meanwhile."""
    chores = Chores(10.0)
    for now_s in (1.0, 2.0):
        chores.want("a", now_s)

    assert chores.next_due_s() == 1.0
    assert chores.take(2.0) == ["a"]
    assert chores.take(2.0) == []
    assert chores.next_due_s() is None


def test_the_same_thing_rests_and_others_do_not():
    """The rest counts from when it was taken."""
    chores = Chores(10.0)
    chores.want("a", 1.0)
    chores.take(1.0)

    chores.want("a", 2.0)
    chores.want("b", 2.0)

    assert chores.take(2.0) == ["b"]
    assert chores.next_due_s() == 11.0
    assert chores.take(10.9) == []
    assert chores.take(11.0) == ["a"]


def test_what_rested_long_enough_is_forgotten():
    """Memory does not grow with everything that was ever done."""
    chores = Chores(10.0)
    chores.want("a", 1.0)
    chores.take(1.0)

    chores.take(11.0)

    assert chores._rests == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5), st.booleans())))
def test_nothing_is_done_too_often_or_forgotten(steps):
    """Two takes of one thing are a rest apart, and every wish is followed by one."""
    chores, now_s = Chores(7.0), 0.0
    taken, wanted = {}, set()
    for chore, pause_s, takes in steps:
        now_s += pause_s
        chores.want(chore, now_s)
        wanted.add(chore)
        for one in chores.take(now_s) if takes else ():
            assert now_s - taken.get(one, -7.0) >= 7.0
            taken[one] = now_s
            wanted.discard(one)

    assert set(chores.take(now_s + 7.0)) == wanted
