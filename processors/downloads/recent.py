"""What was answered a short while ago?  A bounded memory: the least recently used answers go first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from headwater.runtime.clock import Clock

Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """At most `size` answers, each for `age_s` seconds of the clock that is handed in."""

    def __init__(self, size: int, age_s: float, clock: Clock) -> None:
        self._size = size
        self._age_us = round(age_s * 1_000_000)
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[int, Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, question: Hashable) -> Answer | None:
        """Return the answer unless it is too old or was never given."""
        found = self._answers.get(question)
        if found is None:
            return None
        if self._clock.now_us() - found[0] >= self._age_us:
            del self._answers[question]
            return None
        self._answers.move_to_end(question)
        return found[1]

    def put(self, question: Hashable, answer: Answer) -> None:
        """Remember an answer from now on."""
        self._answers[question] = (self._clock.now_us(), answer)
        self._answers.move_to_end(question)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
