"""When may a process that ended start again?  Soon at first, then ever later, until it has proved stable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """All in seconds."""

    first_s: float = 0.2
    longest_s: float = 30.0
    stable_s: float = 30.0  # a run of this length counts as healthy

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after this many failures in a row (at least 1)."""
        return min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))

    def failures_after(self, failures: int, ran_s: float) -> int:
        """Return the failures in a row when one more run has ended after `ran_s`."""
        return 1 if ran_s >= self.stable_s else failures + 1
