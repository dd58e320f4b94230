"""Which physical tables are there, and which of them are over?

A table is ensured before the first rows that need it, and forgotten as soon as the store contradicts.
Tables of generations that the catalog has left, and of datasets that it has deleted, are dropped and stay
dropped: `is_over` is asked under the table's lock, so no late row can bring one back behind a drop.
Only what the catalog positively says counts: a dataset that it does not know yet is written to.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.tables import Table, rows_table
from headwater.runtime.catalog import Catalog
from headwater.runtime.store import Store
from sinks.patience import Patience

log = structlog.get_logger(__name__)

_ROWS_TABLE = re.compile(r"d_(?P<uid>.+)_g(?P<generation>\d+)", re.DOTALL)


class Tables:
    """What is known of the physical tables: made, growing, over."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._ensured: dict[str, set[str]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._deleted: set[str] = set()
        self._over: dict[str, None] = {}  # names to drop, oldest first
        self._news = asyncio.Event()
        catalog.subscribe(self._changed)

    def is_over(self, dataset: str, generation: int) -> bool:
        """Whether the catalog has left this generation for a later one, or deleted the dataset."""
        known = self._catalog.get(dataset)
        return generation < known.generation if known else dataset in self._deleted

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
            if (match := _ROWS_TABLE.fullmatch(name)) and self.is_over(
                "da_" + match["uid"], int(match["generation"])
            ):
                self._add(name)

    async def drop_what_is_over(self, patience: Patience) -> None:
        """Drop the tables that are over, and each further one as it gets over, until cancelled."""
        await patience.persist(self.sweep)
        while True:
            await self._news.wait()
            self._news.clear()
            while self._over:
                name = next(iter(self._over))
                async with self.lock(name):
                    await patience.persist(partial(self._store.drop_table, name))
                    self.forget(name)
                del self._over[name]
                log.info("table dropped: its generation is over", table=name)

    def _changed(self, old: Dataset | None, new: Dataset | None) -> None:
        if new is None and old is not None:
            self._deleted.add(old.uid)
        if old is None:
            return
        end = old.generation + 1 if new is None else new.generation
        for generation in range(old.generation, end):
            self._add(rows_table(old.uid, generation).name)

    def _add(self, name: str) -> None:
        self._over[name] = None
        self._news.set()
