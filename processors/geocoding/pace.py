"""When may the next request leave?  Slots at even distances; time is an argument, in seconds."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Gives out slots, each `interval_s` after the one before; a slot that is not used is lost."""

    interval_s: float
    _next_s: float = float("-inf")

    def slot(self, now_s: float, latest_s: float) -> float | None:
        """Return the moment of the next slot, now or later; None, and none is taken, when it is too late."""
        moment_s = max(now_s, self._next_s)
        if moment_s > latest_s:
            return None
        self._next_s = moment_s + self.interval_s
        return moment_s
