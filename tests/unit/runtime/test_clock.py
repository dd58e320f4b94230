"""The stamper: one process never gives a version twice, whatever its clock does."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.versions import MAX_AHEAD_US, stamp_at
from headwater.runtime.clock import ManualClock, Stamper, SystemClock

STEPS = st.lists(
    st.tuples(st.floats(-100, 100), st.integers(1, 10_000)), max_size=50
)  # seconds to move the clock by, records of the next push


@given(STEPS)
def test_pushes_never_share_a_version_however_the_clock_jumps(steps):
    """Each push of n records owns n consecutive versions above all earlier ones."""
    clock = ManualClock()
    stamper = Stamper(clock)
    last = 0
    for seconds, count in steps:
        clock.advance(seconds)
        first = stamper.stamp(count)

        assert first > last
        last = first + count - 1


def test_a_version_follows_the_clock_when_it_can():
    """The physical part leads: versions of different gateways compare by time."""
    clock = ManualClock()

    assert Stamper(clock).stamp() == stamp_at(clock.now_us())


def test_an_observed_version_is_surpassed():
    """Who has read a version writes above it, even if the other gateway's clock was ahead."""
    clock = ManualClock()
    stamper = Stamper(clock)
    theirs = stamp_at(clock.now_us() + 5_000_000)
    stamper.observe(theirs)

    assert stamper.stamp() == theirs + 1


def test_a_version_from_the_far_future_is_not_followed():
    """One broken clock must not carry everybody's versions away."""
    clock = ManualClock()
    stamper = Stamper(clock)
    stamper.observe(stamp_at(clock.now_us() + MAX_AHEAD_US + 1))

    assert stamper.stamp() == stamp_at(clock.now_us())


def test_a_manual_clock_moves_only_when_told():
    """Tests own the time."""
    clock = ManualClock(now_us=1_000_000)
    assert (clock.now_us(), clock.now_us()) == (1_000_000, 1_000_000)

    clock.advance(-0.5)
    assert clock.now_us() == 500_000


def test_the_system_clock_speaks_microseconds():
    """The unit is the whole contract: years 2020 to 2100."""
    assert 1_577_836_800_000_000 < SystemClock().now_us() < 4_102_444_800_000_000
