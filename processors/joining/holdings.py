"""What is held of another dataset, and what does it weigh?  All its records by key, or late answers.

Nothing here asks anybody; joins.py reads what is missing.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from headwater.domain.join_keys import fingerprint
from processors.joining.remote import Match, Remote
from processors.stack.join import MAX_MATCHES, Question

FIRST_PAGE, LAST_PAGE = 2_000, 6_000  # records
PAGE_BYTES = 4 * 1024 * 1024  # of what a page takes in memory, about
ENTRY_BYTES = 300  # what a key and its place in a dictionary take

Answer = tuple[Match, ...]
Rows = Sequence[Mapping[str, Any]]


class Gathering:
    """Matches by key while they are read, in the order in which they come; of a key as many as count."""

    def __init__(self, remote: Remote, page: int = FIRST_PAGE) -> None:
        self.page = page  # records to read next, fewer of large ones
        self._remote = remote
        self._match = remote.matcher()
        self._found: dict[Question, list[Match]] = {}
        self.sizes: dict[Question, int] = {}  # bytes by key
        self.records = 0
        self.bytes = 0

    def add(self, rows: Rows) -> None:
        """Take a page of stored records."""
        found, sizes, remote, before = self._found, self.sizes, self._remote, self.bytes
        for row in rows:
            key = remote.key(row)
            if key is None:
                continue
            matches = found.setdefault(key, [])
            if len(matches) <= MAX_MATCHES:
                matches.append(self._match(row))
                size = remote.weight(row)
                sizes[key] = sizes.get(key, ENTRY_BYTES) + size
                self.records += 1
                self.bytes += size
        if rows:
            self.page = min(LAST_PAGE, max(1, PAGE_BYTES * len(rows) // max(1, self.bytes - before)))

    def index(self) -> dict[Question, Answer]:
        """Return what was gathered."""
        return {key: tuple(matches) for key, matches in self._found.items()}


class Whole:
    """All records of a dataset."""

    def __init__(self, remote: Remote, gathered: Gathering) -> None:
        self._remote = remote
        self._index = gathered.index()
        self.records = gathered.records
        self.bytes = gathered.bytes + ENTRY_BYTES * len(self._index)

    def answers(self, questions: Collection[Question]) -> Mapping[Question, Answer]:
        """Return the answers; a question that is not among them has no match."""
        if self._remote.reads_keys_as_asked:
            return self._index
        typed = ((question, self._remote.typed(question)) for question in questions)
        return {question: self._index[key] for question, key in typed if key in self._index}


class Recent:
    """Answers that were given since a dataset was last known to have changed, the latest used last."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.page = FIRST_PAGE
        self._answers: OrderedDict[Question, tuple[Answer, int]] = OrderedDict()  # with its bytes
        self.records = 0  # an answer without a match counts as one
        self.bytes = 0

    def answers(self, questions: Iterable[Question]) -> tuple[dict[Question, Answer], list[Question]]:
        """Return what is known, and the questions of which nothing is."""
        known: dict[Question, Answer] = {}
        unknown: list[Question] = []
        held = self._answers
        for question in questions:
            entry = held.get(question)
            if entry is None:
                unknown.append(question)
            else:
                held.move_to_end(question)
                known[question] = entry[0]
        return known, unknown

    def errand(self, questions: Iterable[Question]) -> "Errand":
        """Return questions that are to be taken to the store."""
        return Errand(self.remote, questions, self.page)

    def keep(self, question: Question, answer: Answer, size: int) -> None:
        """Remember an answer."""
        self._forget(self._answers.pop(question, None))
        self._answers[question] = (answer, size)
        self.records += max(1, len(answer))
        self.bytes += size

    def shrink(self, records: int, size: int) -> None:
        """Forget the answers that were not used for longest, until there are no more than so many."""
        while self._answers and (self.records > records or self.bytes > size):
            self._forget(self._answers.popitem(last=False)[1])

    def _forget(self, entry: tuple[Answer, int] | None) -> None:
        if entry is not None:
            self.records -= max(1, len(entry[0]))
            self.bytes -= entry[1]


class Errand:
    """Questions to take to the store, and what it said."""

    def __init__(self, remote: Remote, questions: Iterable[Question], page: int) -> None:
        self._keys = {question: remote.typed(question) for question in questions}
        self.gathered = Gathering(remote, page)
        self.prints = frozenset(fingerprint(key) for key in self._keys.values() if key is not None)

    def answers(self) -> Iterable[tuple[Question, Answer, int]]:
        """Return every question with its answer and the bytes of that."""
        index, sizes = self.gathered.index(), self.gathered.sizes
        for question, key in self._keys.items():
            if key is None or key not in index:
                yield question, (), ENTRY_BYTES
            else:
                yield question, index[key], sizes[key]
