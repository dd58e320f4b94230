"""Is it worth asking this provider now?  A circuit breaker; time is an argument, seconds that never go back.

Closed: everybody may ask. After some failures in a row it opens, and nobody asks for a while: the provider
gets its rest, and records wait without holding up those of others. Then one may try (half open): if that
succeeds everybody may ask again, if not the rest begins anew.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a breaker lets through: all, nobody, one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(slots=True)
class Breaker:
    """The state of one provider as its askers reported it.

    Whoever was admitted reports back by `succeeded`, `failed` or `abandoned`; a trial that never does is
    taken for lost after `rest_s`, so that no asker that dies can keep it half open for ever.
    """

    failures_to_open: int
    rest_s: float
    _failures: int = 0
    _open_until_s: float = float("-inf")
    _trial_since_s: float | None = None

    def state(self, now_s: float) -> State:
        """Return what it lets through now."""
        if now_s < self._open_until_s:
            return State.OPEN
        return State.HALF_OPEN if self._failures >= self.failures_to_open else State.CLOSED

    def admits(self, now_s: float) -> bool:
        """Tell whether one may ask now; half open, a yes is the trial."""
        match self.state(now_s):
            case State.OPEN:
                return False
            case State.CLOSED:
                return True
        if self._trial_since_s is not None and now_s < self._trial_since_s + self.rest_s:
            return False
        self._trial_since_s = now_s
        return True

    def succeeded(self) -> None:
        """Note an answer. An open breaker stays so until its time: who asked to be left alone meant it."""
        self._failures = 0
        self._trial_since_s = None

    def failed(self, now_s: float, rest_s: float | None = None) -> None:
        """Note a failure; with `rest_s` the provider named the time itself, and opens it at once."""
        self._failures += 1
        self._trial_since_s = None
        if rest_s is not None or self._failures >= self.failures_to_open:
            until_s = now_s + (self.rest_s if rest_s is None else rest_s)
            self._open_until_s = max(self._open_until_s, until_s)

    def abandoned(self) -> None:
        """Note that an asker left without an answer, for reasons of its own."""
        self._trial_since_s = None
