"""What is to be tidied up, and when?  Pure: the caller brings the time and says what it wants done.

Guarantee: what was wanted is due once, however often it was wanted meanwhile, and no sooner than `rest_s`
after the same thing was last taken.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Chores(Generic[K]):
    """Things that wait to be done, each with the moment from which it may be."""

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._wanted: dict[K, float] = {}  # -> when it is due
        self._rests: dict[K, float] = {}  # taken lately -> when it may be taken again

    def want(self, chore: K, now_s: float) -> None:
        """Have something done soon."""
        self._wanted.setdefault(chore, max(now_s, self._rests.get(chore, now_s)))

    def take(self, now_s: float) -> list[K]:
        """Return what is due now, in the order in which it was wanted."""
        due = [chore for chore, due_s in self._wanted.items() if due_s <= now_s]
        self._rests = {chore: until_s for chore, until_s in self._rests.items() if until_s > now_s}
        for chore in due:
            del self._wanted[chore]
            self._rests[chore] = now_s + self._rest_s
        return due

    def next_due_s(self) -> float | None:
        """Return the moment at which `take` will have more to give; None until something is wanted."""
        return min(self._wanted.values(), default=None)
