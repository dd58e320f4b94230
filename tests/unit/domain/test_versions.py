"""Versions: arithmetic that must hold whatever clocks do."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.versions import (
    MAX_AHEAD_US,
    moment_us,
    next_version,
    observed,
    stamp_at,
    version_of_message,
)

MOMENTS = st.integers(min_value=0, max_value=(1 << 52) - 1)  # microseconds that fit beside the counter
VERSIONS = st.integers(min_value=0, max_value=(1 << 64) - 1)
MILLISECONDS = st.integers(min_value=0, max_value=(1 << 52) // 1000 - 1)
OFFSETS = st.integers(min_value=0, max_value=1 << 62)
GAP = 1000 << 12  # versions in one millisecond: so many messages may one partition append in it


@given(st.lists(MOMENTS, min_size=1))
def test_versions_only_grow_whatever_the_clock_does(moments):
    """Each version is above the one before, also when the clock stands still or steps back."""
    last = 0
    for now_us in moments:
        version = next_version(last, now_us)
        assert version > last
        last = version


@given(VERSIONS, MOMENTS)
def test_a_version_is_never_behind_the_clock(last, now_us):
    """So that gateways with equal clocks agree about order."""
    assert next_version(last, now_us) >= stamp_at(now_us)


@given(MOMENTS)
def test_the_moment_of_a_stamp_is_the_one_it_was_made_from(now_us):
    """Nothing of the physical part is lost beside the counter."""
    assert moment_us(stamp_at(now_us)) == now_us


@given(MOMENTS)
def test_a_version_fits_an_unsigned_64_bit_column(now_us):
    """The store keeps it as UInt64; 52 bits of microseconds reach the year 2112."""
    assert stamp_at(now_us) < 1 << 64


@given(VERSIONS, VERSIONS, MOMENTS)
def test_observing_never_decreases(last, seen, now_us):
    """What was given stays given."""
    assert observed(last, seen, now_us) >= last


@given(VERSIONS, MOMENTS, st.integers(min_value=0, max_value=MAX_AHEAD_US))
def test_a_plausible_version_is_followed(last, now_us, ahead_us):
    """Up to a minute ahead, somebody else's clock may simply be the better one."""
    seen = stamp_at(now_us + ahead_us)

    assert observed(last, seen, now_us) == max(last, seen)


@given(VERSIONS, MOMENTS, st.integers(min_value=1, max_value=1 << 60))
def test_a_stamp_from_the_far_future_is_ignored(last, now_us, beyond):
    """More than a minute ahead is a broken clock."""
    assert observed(last, stamp_at(now_us + MAX_AHEAD_US) + beyond, now_us) == last


@given(MILLISECONDS, OFFSETS, st.integers(min_value=1, max_value=GAP - 1))
def test_within_a_millisecond_messages_keep_the_order_of_the_log(timestamp_ms, offset, further):
    """Holds except where the offset wraps, once in 4,096,000 messages of one partition."""
    earlier = version_of_message(timestamp_ms, offset)
    later = version_of_message(timestamp_ms, offset + further)

    wrapped = offset % GAP + further >= GAP
    assert later > earlier or wrapped


@given(MILLISECONDS, st.integers(min_value=1, max_value=1000), OFFSETS, OFFSETS)
def test_across_milliseconds_the_append_time_decides(timestamp_ms, later_ms, offset, further):
    """No counter reaches into the next millisecond, wherever the offset wraps."""
    earlier = version_of_message(timestamp_ms, offset)
    later = version_of_message(timestamp_ms + later_ms, offset + further)

    assert later > earlier


@given(MILLISECONDS, OFFSETS)
def test_a_derived_version_lies_in_its_own_millisecond(timestamp_ms, offset):
    """So it compares with versions that gateways give at the same time."""
    assert moment_us(version_of_message(timestamp_ms, offset)) // 1000 == timestamp_ms
