"""Which fields does a dataset know?  Those of its configuration and those that were seen; remembered."""

from headwater.domain.datasets import Dataset
from headwater.domain.fields import configure, named_in_stack
from headwater.domain.schema import Schema

REMEMBERED = 1024  # datasets


class KnownFields:
    """The names under which fields may be pushed, for resources that reject all others."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Schema, frozenset[str]]] = {}  # by uid: what it was made from

    def of(self, dataset: Dataset, seen: Schema) -> frozenset[str]:
        """Return the known names; discarded fields are known, too."""
        found = self._known.get(dataset.uid)
        if found is None or found[:2] != (dataset.revision, seen):
            configuration = configure(dataset, seen)
            names = {one.source for one in configuration.fields} | configuration.deleted
            names |= named_in_stack(dataset.processors)
            if len(self._known) >= REMEMBERED:
                self._known.pop(next(iter(self._known)))
            found = self._known[dataset.uid] = (dataset.revision, seen, frozenset(names))
        return found[2]
