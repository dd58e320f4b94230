"""How often may this key come?"""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rates import MINUTE_US, Rates

START_US = 1_700_000_000_000_000


def test_a_minute_s_worth_can_be_used_at_once_and_comes_back_evenly():
    """60 a minute: sixty at once, then one a second."""
    rates = Rates()
    first = [rates.take("k", 60, START_US) for _ in range(61)]

    assert [one.is_allowed for one in first] == [True] * 60 + [False]
    assert first[0].remaining == 59
    assert (first[60].remaining, first[60].next_us) == (0, 1_000_000)
    assert not rates.take("k", 60, START_US + 999_999).is_allowed
    assert rates.take("k", 60, START_US + 1_000_000).is_allowed
    assert not rates.take("k", 60, START_US + 1_000_000).is_allowed


@given(st.integers(1, 10_000), st.lists(st.integers(-MINUTE_US, MINUTE_US), max_size=80))
def test_no_window_has_more_than_two_minutes_worth(limit, steps):
    """However requests come, and wherever the clock jumps, no more get in than the bucket can have held."""
    rates, now_us, forward_us, allowed = Rates(), START_US, 0, 0
    high_us = now_us
    for step in steps:
        now_us += step
        allowed += rates.take("k", limit, now_us).is_allowed
        forward_us += max(0, step)
        high_us = max(high_us, now_us)

    assert allowed <= limit + forward_us * limit // MINUTE_US + 1


def test_keys_do_not_share():
    """One busy key leaves the others theirs."""
    rates = Rates()
    assert rates.take("a", 1, START_US).is_allowed
    assert not rates.take("a", 1, START_US).is_allowed
    assert rates.take("b", 1, START_US).is_allowed


def test_number_of_buckets_is_bounded():
    """Whoever was not there for longest is forgotten first."""
    rates = Rates(most_buckets=3)
    for key in ("a", "b", "c", "a", "d"):
        rates.take(key, 1, START_US)

    assert len(rates) == 3
    assert not rates.take("a", 1, START_US).is_allowed
    assert rates.take("b", 1, START_US).is_allowed


def test_a_changed_limit_counts_at_once():
    """What is left of the old allowance is at most the new one."""
    rates = Rates()
    rates.take("k", 100, START_US)

    assert rates.take("k", 2, START_US).remaining == 1


def test_headers_say_how_much_is_left_and_when_all_is_back():
    """The moment is written as on the other APIs."""
    headers = Rates().take("k", 60, START_US).headers()

    assert headers == {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "59",
        "X-RateLimit-Reset": "2023-11-14 22:13:21+00:00",
    }
