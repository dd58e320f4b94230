"""A circuit breaker: nobody asks a provider that is down, and somebody tries again."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from processors.geocoding.breaker import Breaker, State

REST_S = 10.0


def test_failures_in_a_row_open_it():
    """One success between them begins the count anew."""
    breaker = Breaker(3, REST_S)
    for _ in range(2):
        breaker.failed(0)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(0)
    assert breaker.state(0) is State.CLOSED

    breaker.failed(0)

    assert breaker.state(0) is State.OPEN
    assert not breaker.admits(REST_S - 0.1)


def test_one_may_try_after_the_rest():
    """All others wait for what comes of it."""
    breaker = Breaker(1, REST_S)
    breaker.failed(0)

    assert breaker.admits(REST_S)
    assert breaker.state(REST_S) is State.HALF_OPEN
    assert not breaker.admits(REST_S)


def test_trial_that_succeeds_closes_it():
    """Everybody may ask again at once."""
    breaker = Breaker(2, REST_S)
    for _ in range(2):
        breaker.failed(0)
    breaker.admits(REST_S)

    breaker.succeeded()

    assert all(breaker.admits(REST_S) for _ in range(3))


def test_trial_that_fails_begins_the_rest_anew():
    """One failure is enough then."""
    breaker = Breaker(5, REST_S)
    for _ in range(5):
        breaker.failed(0)
    breaker.admits(REST_S)

    breaker.failed(REST_S + 1)

    assert not breaker.admits(2 * REST_S)
    assert breaker.admits(2 * REST_S + 1)


def test_trial_that_was_abandoned_or_lost_lets_another_try():
    """An asker that ran out of time says so; one that died is given up after the rest."""
    breaker = Breaker(1, REST_S)
    breaker.failed(0)
    assert breaker.admits(REST_S)
    breaker.abandoned()
    assert breaker.admits(REST_S)

    assert not breaker.admits(2 * REST_S - 0.1)
    assert breaker.admits(2 * REST_S)


def test_rest_that_the_provider_asked_for_counts_at_once_and_to_its_end():
    """Also when answers to earlier requests still come in."""
    breaker = Breaker(5, REST_S)
    breaker.failed(0, rest_s=60)
    breaker.succeeded()

    assert not breaker.admits(59)
    assert all(breaker.admits(60) for _ in range(3))


def test_shorter_rest_does_not_end_a_longer_one():
    """The later end counts."""
    breaker = Breaker(1, REST_S)
    breaker.failed(0, rest_s=60)
    breaker.failed(1)

    assert not breaker.admits(59)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["admits", "succeeded", "failed", "rested", "abandoned"]),
            st.floats(0, 20),
        ),
        max_size=40,
    )
)
def test_no_history_keeps_it_shut_for_ever(history):
    """Whatever was reported, and whoever never reported: after the longest rest somebody may ask."""
    breaker, now_s = Breaker(3, REST_S), 0.0
    for event, later_s in history:
        now_s += later_s
        match event:
            case "admits":
                breaker.admits(now_s)
            case "failed":
                breaker.failed(now_s)
            case "rested":
                breaker.failed(now_s, rest_s=60)
            case _:
                getattr(breaker, event)()

    assert breaker.admits(now_s + 60 + REST_S)


class Provider(RuleBasedStateMachine):
    """A provider that is down at times: while the breaker is open it is not asked at all."""

    @initialize(threshold=st.integers(1, 4))
    def begin(self, threshold):
        self.threshold = threshold
        self.breaker = Breaker(threshold, REST_S)
        self.now_s = 0.0
        self.row = 0
        self.last_failure_s = None

    @rule(later_s=st.floats(0, 15))
    def wait(self, later_s):
        self.now_s += later_s

    @rule(works=st.booleans())
    def ask(self, works):
        admitted = self.breaker.admits(self.now_s)
        resting = self.row >= self.threshold and self.now_s < self.last_failure_s + REST_S
        assert admitted is not resting
        if not admitted:
            return
        if works:
            self.row = 0
            self.breaker.succeeded()
        else:
            self.row += 1
            self.last_failure_s = self.now_s
            self.breaker.failed(self.now_s)

    @invariant()
    def state_says_what_asking_would(self):
        if hasattr(self, "breaker") and self.breaker.state(self.now_s) is State.CLOSED:
            assert self.breaker.admits(self.now_s)


TestProvider = Provider.TestCase
