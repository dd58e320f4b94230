"""How fresh is what readers see?  The last measured times from push to searchable."""

from collections import deque
from statistics import median

KEPT = 30


class Freshness:
    """A window over the newest measurements, in seconds."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=KEPT)
        self.missed = 0  # records that were not found in time

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def miss(self) -> None:
        """Note a record that readers did not find in time."""
        self.missed += 1

    @property
    def text(self) -> str:
        """What to show: median and worst, in milliseconds."""
        if not self._seconds:
            return "not measured yet"
        shown = f"{1000 * median(self._seconds):.0f} ms (worst {1000 * max(self._seconds):.0f} ms)"
        return shown + (f", {self.missed} not found in time" if self.missed else "")
