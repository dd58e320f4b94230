"""Which datasets exist?  The catalog's twin."""

from headwater.domain.datasets import Dataset
from headwater.runtime.catalog import DATASETS
from headwater.runtime.documents import MemoryDocuments, MemoryLog

__all__ = ["MemoryCatalog", "MemoryLog"]


class MemoryCatalog(MemoryDocuments[Dataset]):
    """A catalog over a log in memory, its own unless one is given."""

    def __init__(self, shared: MemoryLog[Dataset] | None = None) -> None:
        super().__init__(DATASETS, shared)
