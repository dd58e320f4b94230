"""What a lease says, and how it is written."""

import pytest

from headwater.domain.leases import SKEW_US, Lease, decode_lease, encode_lease

HELD = Lease(name="alerts", owner="a", until_us=10_000_000, state={"n": [1]}, revision=3)


def test_a_lease_comes_back_as_it_was_written():
    """Whoever takes over reads what the last holder kept."""
    assert decode_lease(encode_lease(HELD)) == HELD


@pytest.mark.parametrize("value", [b"no json", b"[]", b"{}", b'{"name": "a", "nonsense": 1}'])
def test_foreign_values_are_told_apart(value):
    """Each raises what a reader skips a line for."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode_lease(value)


def test_others_wait_longer_than_the_holder_may_act():
    """The difference is what clocks may differ by."""
    assert HELD.is_held(HELD.until_us - 1)
    assert not HELD.is_held(HELD.until_us)
    assert not HELD.is_free("b", HELD.until_us + SKEW_US - 1)
    assert HELD.is_free("b", HELD.until_us + SKEW_US)
    assert HELD.is_free("a", 0)


def test_a_released_lease_keeps_its_state():
    """And is free for anybody at any moment."""
    free = HELD.released()
    assert (free.owner, free.state) == ("", HELD.state)
    assert free.is_free("b", 0)
    assert not free.is_held(0)
