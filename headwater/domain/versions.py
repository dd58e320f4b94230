"""Which write wins?  A 64-bit hybrid logical clock stamp on every record; the greater one.

A version is microseconds since 1970 shifted left by 12 bits, plus a counter. The counter leaves room for
4,096 stamps in one microsecond of one gateway, and for 4,096,000 messages in one millisecond of a
Kafka partition, so that a version derived from a Kafka position keeps the order of the log. It fits an
unsigned 64-bit column until the year 2112. Compare two versions, never subtract them.

Source: Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in
Globally Distributed Databases" (2014), with the physical part first.
"""

from enum import IntEnum

COUNTER_BITS = 12
STAMPS_PER_MS = 1000 << COUNTER_BITS
MAX_AHEAD_US = 60_000_000  # a stamp further in the future than this is somebody's broken clock


class Numbering(IntEnum):
    """Which version has record i of a message with several?"""

    CONSECUTIVE = 0  # the message's plus i: a gateway, or a sender of versions, stamped them
    SHARED = 1  # the message's: its place on the log gave it, and the next place gives the next
    JOINED = 2  # the message's plus i: each was a message of its own, in the next place


def stamp_at(now_us: int) -> int:
    """Return the smallest version of a moment, microseconds since 1970."""
    return now_us << COUNTER_BITS


def moment_us(version: int) -> int:
    """Return the moment that a version was made from, microseconds since 1970."""
    return version >> COUNTER_BITS


def next_version(last: int, now_us: int) -> int:
    """Return a version above `last`, even when the clock stepped back."""
    return max(last + 1, stamp_at(now_us))


def observed(last: int, seen: int, now_us: int) -> int:
    """Return the new `last` after a version of somebody else was seen.

    A stamp more than MAX_AHEAD_US ahead of our clock is ignored: following it would let one broken clock
    carry everybody's versions away.
    """
    return max(last, seen) if seen <= stamp_at(now_us + MAX_AHEAD_US) else last


def version_of_message(timestamp_ms: int, offset: int) -> int:
    """Return the version of a record that came without one, from where the broker put it.

    The raw topic stamps messages with the broker's append time, which never decreases in one partition;
    the offset orders the messages of one millisecond. A replay of the log gives the same version again.
    """
    return timestamp_ms * STAMPS_PER_MS + offset % STAMPS_PER_MS
