"""Which partition is next?  Pure: one at a time for a while, then the next in turn.

Small messages that follow each other closely go to one partition, so that their readers find them together
and handle them as one run; whoever sends much moves on quickly and keeps all readers busy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

STAY_BYTES = 128 * 1024
STAY_S = 0.05


@dataclass(slots=True)
class Turn:
    """Where one topic's messages go now."""

    number: int = -1  # of turns taken
    since_s: float = float("-inf")
    sent_bytes: int = 0

    def partition(self, partitions: Sequence[int], size_bytes: int, now_s: float) -> int:
        """Return the partition for a message of this size, one of `partitions`."""
        if self.sent_bytes >= STAY_BYTES or now_s - self.since_s >= STAY_S:
            self.number, self.since_s, self.sent_bytes = self.number + 1, now_s, 0
        self.sent_bytes += size_bytes
        return partitions[self.number % len(partitions)]
