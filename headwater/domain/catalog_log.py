"""Which change of the catalog counts?  The rule that all readers of the catalog's log apply alike.

A line carries a dataset's document and the revision it was made from, its base. Going through the log in
order, a line *wins* when its base is the dataset's present revision and its dataset_id does not belong to
another live dataset; otherwise it *loses* and changes nothing. So of several writers exactly one wins, and
each learns it by reading its own line back. A uid that was deleted stays deleted.

Compaction keeps the last line of every uid, even one that lost. Therefore a dataset whose last line lost is
*disputed*, and is settled by repeating what counts word for word (`settlement`): such a line *repeats* and
changes nothing. Where no dispute is open, the last lines alone tell the same as the whole log, whatever
their base. The topic is compacted a day after it was written (its min.compaction.lag.ms), a dispute is
settled in moments and, should its writer die, by the next reader that starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from headwater.domain.datasets import Dataset


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log: a dataset's new document (None: deleted) and the revision it was made from."""

    uid: str
    base: int
    dataset: Dataset | None


class Verdict(Enum):
    """What a line does."""

    WINS = auto()
    REPEATS = auto()
    LOSES = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line: the document before and after it, and why it lost if it did."""

    verdict: Verdict
    old: Dataset | None
    new: Dataset | None
    objection: str = ""


class CatalogLog:
    """The state after the lines so far; equal for all readers of the same lines."""

    def __init__(self) -> None:
        self._live: dict[str, Dataset] = {}
        self._owners: dict[str, str] = {}  # dataset_id -> uid of the live dataset that has it
        self._deleted: set[str] = set()
        self._disputed: set[str] = set()
        self._ordered: tuple[Dataset, ...] | None = None

    def get(self, uid: str) -> Dataset | None:
        """Return the live dataset with this uid."""
        return self._live.get(uid)

    def find(self, dataset_id: str) -> Dataset | None:
        """Return the live dataset that has this dataset_id."""
        owner = self._owners.get(dataset_id)
        return None if owner is None else self._live[owner]

    def all(self) -> Sequence[Dataset]:
        """Return every live dataset, by dataset_id."""
        if self._ordered is None:
            self._ordered = tuple(self._live[self._owners[name]] for name in sorted(self._owners))
        return self._ordered

    @property
    def disputed(self) -> frozenset[str]:
        """The uids whose last line lost; compaction must not get to them before they are settled."""
        return frozenset(self._disputed)

    def settlement(self, uid: str) -> Line:
        """Return the line that settles a dispute: what counts, word for word."""
        dataset = self._live.get(uid)
        return Line(uid, 0 if dataset is None else dataset.revision - 1, dataset)

    def objection(self, line: Line) -> str:
        """Return why this line would lose if it came next; nothing if it would win."""
        present = self._live.get(line.uid)
        if line.uid in self._deleted:
            return f"dataset {line.uid} was deleted meanwhile; it cannot be changed"
        if present is not None and present.revision != line.base:
            return (
                f"dataset {line.uid} was changed meanwhile: this change was made from revision {line.base}, "
                f"the present one is {present.revision}; read it again and repeat the change"
            )
        if line.dataset is not None and self._owners.get(line.dataset.dataset_id, line.uid) != line.uid:
            return f"the dataset_id {line.dataset.dataset_id!r} is taken by another dataset"
        return ""

    def apply(self, line: Line) -> Outcome:
        """Take the next line of the log and return what became of it."""
        present = self._live.get(line.uid)
        if line.dataset == present:
            return self._repeat(line.uid, present)
        if objection := self.objection(line):
            self._disputed.add(line.uid)
            return Outcome(Verdict.LOSES, present, present, objection)
        self._disputed.discard(line.uid)
        self._replace(line.uid, present, line.dataset)
        return Outcome(Verdict.WINS, present, line.dataset)

    def _repeat(self, uid: str, present: Dataset | None) -> Outcome:
        if present is None:
            self._deleted.add(uid)
        self._disputed.discard(uid)
        return Outcome(Verdict.REPEATS, present, present)

    def _replace(self, uid: str, old: Dataset | None, new: Dataset | None) -> None:
        self._ordered = None
        if old is not None:
            del self._owners[old.dataset_id]
        if new is None:
            del self._live[uid]
            self._deleted.add(uid)
        else:
            self._live[uid] = new
            self._owners[new.dataset_id] = uid
