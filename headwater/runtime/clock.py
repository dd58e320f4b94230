"""What time is it?  The only place that asks; everybody else is told."""

import time
from datetime import UTC, datetime
from typing import Protocol

from headwater.domain.versions import next_version, observed


def moment(us: int) -> datetime:
    """Return the moment of microseconds since 1970, in UTC."""
    seconds, rest_us = divmod(us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_us)


class Clock(Protocol):
    """A source of the present moment."""

    def now_us(self) -> int:
        """Return microseconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


class ManualClock:
    """A clock that stands still until a test moves it, in any direction."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def advance(self, seconds: float) -> None:
        """Move the clock; negative steps it back, as real clocks do."""
        self._now_us += round(seconds * 1_000_000)


class Stamper:
    """Gives versions: always above every one that it gave or was shown before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def stamp(self, count: int = 1) -> int:
        """Return the first of `count` consecutive versions."""
        first = next_version(self._last, self._clock.now_us())
        self._last = first + count - 1
        return first

    def observe(self, version: int) -> None:
        """Learn of a version that somebody else gave, so that ours come after it."""
        self._last = observed(self._last, version, self._clock.now_us())
