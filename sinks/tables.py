"""Which physical tables are there, and which of them are over?

A table is ensured before the first rows that need it, and forgotten as soon as the store contradicts.
Tables of generations that the catalog has left, of builds that were aborted and of datasets that were deleted
are dropped and stay dropped: `is_over` is asked under the table's lock, so no late row can bring one back
behind a drop. What the shared tables hold of a deleted dataset goes with them.
Only what the catalog positively says counts: a dataset that it does not know yet is written to.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.tables import (
    ARCHIVE,
    DATASET_VERSIONS,
    Table,
    history_table,
    patches_history_table,
    patches_table,
    rows_table,
)
from headwater.runtime.catalog import Catalog
from headwater.runtime.store import Store, UnknownTable
from sinks.patience import Patience

log = structlog.get_logger(__name__)

_TABLE = re.compile(r"d_(?P<uid>.+)_g(?P<generation>\d+)(_p|_h|_ph)?", re.DOTALL)
_OF_GENERATION = (rows_table, patches_table, history_table, patches_history_table)


class Tables:
    """What is known of the physical tables: made, growing, over.

    A generation that gets over is dropped `drop_after_s` later, as readers who have not heard yet read it.
    """

    def __init__(self, store: Store, catalog: Catalog, *, drop_after_s: float = 0.0) -> None:
        self._store = store
        self._catalog = catalog
        self._drop_after_s = drop_after_s
        self._ensured: dict[str, set[str]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._deleted: set[str] = set()
        self._over: dict[tuple[str, int], float] = {}  # generations to drop -> when, oldest first
        self._to_forget: dict[str, None] = {}  # uids of deleted datasets, oldest first
        self._news = asyncio.Event()
        catalog.subscribe(self._changed)

    def is_over(self, dataset: str, generation: int) -> bool:
        """Whether the catalog has left this generation for good, or deleted the dataset."""
        known = self._catalog.get(dataset)
        return known.is_over(generation) if known else dataset in self._deleted

    def is_deleted(self, dataset: str) -> bool:
        """Whether the catalog has said that the dataset (uid) was deleted."""
        return dataset in self._deleted

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:
        """Hold a table: nobody else writes to it or drops it meanwhile."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(name) is lock:
                del self._locks[name]

    async def ensure(self, table: Table, columns: Iterable[Mapping[str, str]]) -> None:
        """Make sure that the table exists and has these columns; asks the store only for what is new.

        Raises what the store raises.
        """
        there = self._ensured.get(table.name)
        wanted = {name: kind for one in columns for name, kind in one.items()}
        missing = {name: kind for name, kind in wanted.items() if there is None or name not in there}
        if there is not None and not missing:
            return
        await self._store.ensure_table(table, missing)
        self._ensured.setdefault(table.name, set()).update(missing)

    def forget(self, name: str) -> None:
        """Ensure this table again before the next rows: the store does not have it as we thought."""
        self._ensured.pop(name, None)

    async def sweep(self) -> None:
        """Find the tables that were over before we started. Raises StoreUnavailable."""
        for name in await self._store.tables():
            if match := _TABLE.fullmatch(name):
                uid, generation = "da_" + match["uid"], int(match["generation"])
                if self.is_over(uid, generation):
                    self._over.setdefault((uid, generation), 0.0)

    async def drop_what_is_over(self, patience: Patience) -> None:
        """Drop the tables that are over, and each further one as it gets over, until cancelled."""
        await patience.persist(self.sweep)
        while True:
            while self._over:
                generation, due_s = next(iter(self._over.items()))
                await asyncio.sleep(due_s - asyncio.get_running_loop().time())
                await self._drop(*generation, patience)
                del self._over[generation]
            while self._to_forget:
                uid = next(iter(self._to_forget))
                await self._forget_dataset(uid, patience)
                del self._to_forget[uid]
            if not self._over:
                self._news.clear()
                await self._news.wait()

    async def _drop(self, uid: str, generation: int, patience: Patience) -> None:
        for table in _OF_GENERATION:
            name = table(uid, generation).name
            async with self.lock(name):
                await patience.persist(partial(self._store.drop_table, name))
                self.forget(name)
        log.info("tables dropped: their generation is over", dataset=uid, generation=generation)

    async def _forget_dataset(self, uid: str, patience: Patience) -> None:
        """Delete what the shared tables hold; whoever writes to them asks `is_deleted` under their locks."""

        async def attempt() -> None:
            try:
                await self._store.forget(uid)
            except UnknownTable:
                return  # then nothing is kept there of anybody

        async with self.lock(ARCHIVE.name), self.lock(DATASET_VERSIONS.name):
            await patience.persist(attempt)
        log.info("dataset forgotten: it was deleted", dataset=uid)

    def _changed(self, old: Dataset | None, new: Dataset | None) -> None:
        if old is None:
            return
        if new is None:
            self._deleted.add(old.uid)
            self._to_forget[old.uid] = None
        due_s = asyncio.get_running_loop().time() + self._drop_after_s
        for generation in generations_left(old, new):
            self._over.setdefault((old.uid, generation), due_s)
        self._news.set()


def generations_left(old: Dataset, new: Dataset | None) -> list[int]:
    """Return the generations that are over since a change of a dataset (None: its deletion), in order."""
    top = max(old.last_generation, old.generation, new.generation if new else 0)
    return [
        generation
        for generation in range(old.generation, top + 1)
        if not old.is_over(generation) and (new is None or new.is_over(generation))
    ]
