"""Which change of a document counts?  The rule that all readers of a compacted log apply alike.

A line carries a document and the revision it was made from, its base. Going through the log in order, a line
*wins* when its base is the document's present revision and its name does not belong to another live
document; otherwise it *loses* and changes nothing. So of several writers exactly one wins, and each learns it
by reading its own line back. A key that was deleted stays deleted.

Compaction keeps the last line of every key, even one that lost. Therefore a document whose last line lost is
*disputed*, and is settled by repeating what counts word for word (`settlement`): such a line *repeats* and
changes nothing. Where no dispute is open, the last lines alone tell the same as the whole log, whatever
their base. The topics are compacted a day after they were written (min.compaction.lag.ms), a dispute is
settled in moments and, should its writer die, by the next reader that starts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar


class Document(Protocol):
    """What can be on a log of documents: a frozen value that knows how often it was written."""

    @property
    def revision(self) -> int:
        """0: never written."""
        ...


T = TypeVar("T", bound=Document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """What the documents of one log are: how they are called, told apart, kept and counted."""

    noun: str  # in sentences: "dataset"
    key: Callable[[T], str]  # what stays the same through all changes
    name: Callable[
        [T], str
    ]  # what only one live document may have, and by which it is found; the key will do
    name_noun: str = "name"  # in sentences: "dataset_id"
    revised: Callable[[T, int], T]  # the same document under another revision
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]  # raises KeyError, TypeError or ValueError


@dataclass(frozen=True, slots=True)
class Line(Generic[T]):
    """One line of the log: a key's new document (None: deleted) and the revision it was made from."""

    key: str
    base: int
    document: T | None


class Verdict(Enum):
    """What a line does."""

    WINS = auto()
    REPEATS = auto()
    LOSES = auto()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one line: the document before and after it, and why it lost if it did."""

    verdict: Verdict
    old: T | None
    new: T | None
    objection: str = ""


class DocumentLog(Generic[T]):
    """The state after the lines so far; equal for all readers of the same lines."""

    def __init__(self, kind: Kind[T]) -> None:
        self._kind = kind
        self._live: dict[str, T] = {}
        self._owners: dict[str, str] = {}  # name -> key of the live document that has it
        self._deleted: set[str] = set()
        self._disputed: set[str] = set()
        self._ordered: tuple[T, ...] | None = None

    def get(self, key: str) -> T | None:
        """Return the live document with this key."""
        return self._live.get(key)

    def find(self, name: str) -> T | None:
        """Return the live document that has this name."""
        owner = self._owners.get(name)
        return None if owner is None else self._live[owner]

    def all(self) -> Sequence[T]:
        """Return every live document, by name."""
        if self._ordered is None:
            self._ordered = tuple(self._live[self._owners[name]] for name in sorted(self._owners))
        return self._ordered

    @property
    def disputed(self) -> frozenset[str]:
        """The keys whose last line lost; compaction must not get to them before they are settled."""
        return frozenset(self._disputed)

    def change(self, document: T) -> Line[T]:
        """Return the line that replaces a document as of the revision that it carries."""
        base = document.revision
        return Line(self._kind.key(document), base, self._kind.revised(document, base + 1))

    def deletion(self, document: T) -> Line[T]:
        """Return the line that deletes a document as of the revision that it carries."""
        return Line(self._kind.key(document), document.revision, None)

    def settlement(self, key: str) -> Line[T]:
        """Return the line that settles a dispute: what counts, word for word."""
        document = self._live.get(key)
        return Line(key, 0 if document is None else document.revision - 1, document)

    def objection(self, line: Line[T]) -> str:
        """Return why this line would lose if it came next; nothing if it would win."""
        present = self._live.get(line.key)
        what = f"{self._kind.noun} {line.key}"
        if line.key in self._deleted:
            return f"{what} was deleted meanwhile; it cannot be changed"
        if present is not None and present.revision != line.base:
            return (
                f"{what} was changed meanwhile: this change was made from revision {line.base}, "
                f"the present one is {present.revision}; read it again and repeat the change"
            )
        if line.document is None:
            return ""
        name = self._kind.name(line.document)
        if self._owners.get(name, line.key) != line.key:
            return f"the {self._kind.name_noun} {name!r} is taken by another {self._kind.noun}"
        return ""

    def apply(self, line: Line[T]) -> Outcome[T]:
        """Take the next line of the log and return what became of it."""
        present = self._live.get(line.key)
        if line.document == present:
            return self._repeat(line.key, present)
        if objection := self.objection(line):
            self._disputed.add(line.key)
            return Outcome(Verdict.LOSES, present, present, objection)
        self._disputed.discard(line.key)
        self._replace(line.key, present, line.document)
        return Outcome(Verdict.WINS, present, line.document)

    def _repeat(self, key: str, present: T | None) -> Outcome[T]:
        if present is None:
            self._deleted.add(key)
        self._disputed.discard(key)
        return Outcome(Verdict.REPEATS, present, present)

    def _replace(self, key: str, old: T | None, new: T | None) -> None:
        self._ordered = None
        if old is not None:
            del self._owners[self._kind.name(old)]
        if new is None:
            del self._live[key]
            self._deleted.add(key)
        else:
            self._live[key] = new
            self._owners[self._kind.name(new)] = key
