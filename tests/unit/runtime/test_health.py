"""Health: ready by checks, alive by progress."""

import pytest

from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def health(clock):
    """Health of a service that runs and is well."""
    health = Health(now=lambda: clock.now_us() / 1_000_000)
    health.set("kafka", ok=True)
    return health


def test_nothing_registered_is_not_ready(clock):
    """A service that has not said what it needs is still starting, and alive."""
    health = Health(now=lambda: clock.now_us() / 1_000_000)

    assert not health.ready
    assert health.failure is None


def test_one_failing_check_makes_it_unready(health):
    """All that a service needs must be there, and the report says what is not."""
    health.set("store", ok=False, detail="connection refused")

    assert not health.ready
    assert health.report()["checks"]["store"] == {"ok": False, "detail": "connection refused"}


def test_a_check_that_recovers_makes_it_ready_again(health):
    """Unready is not for ever."""
    health.set("store", ok=False)
    health.set("store", ok=True)

    assert health.ready


def test_a_failure_is_for_ever_and_keeps_its_first_reason(health):
    """What came first explains what came after."""
    health.fail("the log is corrupt")
    health.fail("cannot stop")

    assert not health.ready
    assert health.failure == "the log is corrupt"


def test_idle_work_is_never_stuck(health, clock):
    """A night without pushes is no reason to restart."""
    progress = health.progress("runs", unready_after_s=10, fail_after_s=60)
    progress.pending()
    progress.idle()
    clock.advance(3600)

    assert health.ready
    assert health.failure is None


def test_waiting_work_that_does_not_move_is_first_unready_and_then_failed(health, clock):
    """Unready first, so that nobody sends more; a restart when that did not help."""
    progress = health.progress("runs", unready_after_s=10, fail_after_s=60)
    progress.pending()

    clock.advance(10)
    assert not health.ready
    assert health.failure is None

    clock.advance(50)
    assert health.failure == "runs has not moved for 60 s while work is waiting"


def test_repeated_pending_keeps_the_first_moment(health, clock):
    """A caller that looks every second must not push the deadline away."""
    progress = health.progress("runs", unready_after_s=10)
    progress.pending()
    clock.advance(6)
    progress.pending()
    clock.advance(6)

    assert not health.ready


def test_movement_starts_the_patience_again(health, clock):
    """Slow is not stuck."""
    progress = health.progress("runs", unready_after_s=10, fail_after_s=60)
    for _ in range(20):
        progress.pending()
        clock.advance(9)
        progress.moved()

    assert health.ready
