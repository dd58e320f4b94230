"""How long a process waits for its next start."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.embedded.restarts import RestartPolicy

POLICY = RestartPolicy(first_s=0.2, longest_s=30, stable_s=30)


def test_waits_double_up_to_the_longest():
    """A process that keeps failing must not take the machine's time."""
    assert [POLICY.delay_s(failures) for failures in (1, 2, 3)] == [0.2, 0.4, 0.8]
    assert POLICY.delay_s(20) == 30


@given(st.integers(min_value=1, max_value=10**9))
def test_wait_is_always_within_its_bounds(failures):
    """However often it failed."""
    assert 0.2 <= POLICY.delay_s(failures) <= 30


def test_stable_run_forgets_old_failures():
    """A crash once a day is not a crash loop."""
    assert POLICY.failures_after(7, ran_s=31) == 1
    assert POLICY.failures_after(7, ran_s=1) == 8
