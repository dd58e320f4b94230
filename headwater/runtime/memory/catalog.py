"""Which datasets exist?  The catalog's twin: the same rule over a log in memory."""

from collections.abc import Sequence
from dataclasses import replace

from headwater.domain.catalog_log import CatalogLog, Line, Verdict
from headwater.domain.datasets import Dataset, decode_dataset, encode_dataset
from headwater.domain.errors import BrokerUnavailable, Conflict
from headwater.runtime.catalog import Subscriber


class MemoryLog:
    """What several catalogs share, as processes share the topic; `available` plays the broker's death."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.readers: list[MemoryCatalog] = []
        self.available = True

    def append(self, line: Line) -> None:
        """Put one line on the log and let all readers read it; raises BrokerUnavailable when switched off."""
        if not self.available:
            raise BrokerUnavailable("the log in memory is switched off")
        self.lines.append(line)
        for reader in self.readers:
            reader.read(line)


class MemoryCatalog:
    """A catalog over a log in memory, its own unless one is given."""

    def __init__(self, shared: MemoryLog | None = None) -> None:
        self._shared = MemoryLog() if shared is None else shared
        self._log = CatalogLog()
        self._subscribers: list[Subscriber] = []
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready

    def get(self, uid: str) -> Dataset | None:
        return self._log.get(uid)

    def find(self, dataset_id: str) -> Dataset | None:
        return self._log.find(dataset_id)

    def all(self) -> Sequence[Dataset]:
        return self._log.all()

    def subscribe(self, callback: Subscriber) -> None:
        self._subscribers.append(callback)

    async def start(self) -> None:
        for line in self._shared.lines:
            self.read(line)
        self._shared.readers.append(self)
        self._ready = True

    async def close(self) -> None:
        self._ready = False
        if self in self._shared.readers:
            self._shared.readers.remove(self)

    async def write(self, dataset: Dataset) -> Dataset:
        written = decode_dataset(encode_dataset(replace(dataset, revision=dataset.revision + 1)))
        self._append(Line(dataset.uid, dataset.revision, written))
        return written

    async def delete(self, dataset: Dataset) -> None:
        self._append(Line(dataset.uid, dataset.revision, None))

    def read(self, line: Line) -> None:
        """Take the next line of the shared log."""
        outcome = self._log.apply(line)
        if outcome.verdict is Verdict.WINS:
            for subscriber in self._subscribers:
                subscriber(outcome.old, outcome.new)

    def _append(self, line: Line) -> None:
        if objection := self._log.objection(line):
            raise Conflict(objection)
        self._shared.append(line)
