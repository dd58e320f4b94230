"""What was answered lately?  A bounded memory of answers, each with the moment from which it is forgotten."""

from collections import OrderedDict

from processors.stack.geocoding_answers import Lasting, Question


class Memory:
    """The answers to the questions that were asked last; times are microseconds since 1970."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._answers: OrderedDict[Question, tuple[Lasting, int]] = OrderedDict()

    def get(self, question: Question, now_us: int) -> Lasting | None:
        """Return the answer if it is known and has not expired."""
        known = self._answers.get(question)
        if known is None:
            return None
        answer, expires_us = known
        if expires_us <= now_us:
            del self._answers[question]
            return None
        self._answers.move_to_end(question)
        return answer

    def put(self, question: Question, answer: Lasting, expires_us: int) -> None:
        """Remember an answer; the one that was not needed for longest goes."""
        self._answers[question] = (answer, expires_us)
        self._answers.move_to_end(question)
        if len(self._answers) > self._limit:
            self._answers.popitem(last=False)

    def __len__(self) -> int:
        return len(self._answers)
