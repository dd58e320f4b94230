"""What does nobody need any more?  Old records of the archive, and what syncs left behind.

Deletions are repeatable and any number of sinks may do them at once. They are for space, not for truth:
readers do not show what is below a dataset's floor, and no replay reads what its owner deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import structlog

from headwater.domain.datasets import Dataset, Resource
from headwater.domain.tables import PATCHED, VERSION, patches_table, rows_table
from headwater.domain.versions import stamp_at
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.store import Store, UnknownTable
from sinks.chores import Chores
from sinks.patience import Patience

log = structlog.get_logger(__name__)

DAY_S = 24 * 3600.0
DAY_US = 24 * 3600 * 1_000_000
RETENTION = "recovery_retention_days"  # a resource's parameter; without it the archive is kept for good


class Housekeeper:
    """Deletes what is over, for one dataset at a time."""

    def __init__(
        self, store: Store, catalog: Catalog, *, clock: Clock, patience: Patience, garbage_interval_s: float
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._patience = patience
        self._synced: Chores[str] = Chores(garbage_interval_s)
        self._expiring: Chores[str] = Chores(0.0)
        self._next_round_s = 0.0
        self._news = asyncio.Event()
        catalog.subscribe(self._changed)

    async def run(self) -> None:
        """Tidy up whenever there is something to tidy up, until cancelled."""
        while True:
            now_s = self._now_s()
            if now_s >= self._next_round_s:
                self._next_round_s = now_s + DAY_S
                for dataset in self._catalog.all():
                    self._expiring.want(dataset.uid, now_s)
            for uid in self._synced.take(now_s):
                await self._delete_superseded(uid)
            for uid in self._expiring.take(now_s):
                await self._delete_expired(uid)
            await self._rest()

    async def _rest(self) -> None:
        dues = (self._next_round_s, self._synced.next_due_s(), self._expiring.next_due_s())
        wait_s = min(due for due in dues if due is not None) - self._now_s()
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    async def _delete_superseded(self, uid: str) -> None:
        """Delete the rows and patches that are not in the set of the last sync; the history stays."""
        dataset = self._catalog.get(uid)
        if dataset is None or not dataset.sync_version:
            return
        floor = dataset.sync_version
        for table, column in ((rows_table, VERSION), (patches_table, PATCHED)):
            name = table(uid, dataset.generation).name
            await self._persist(partial(self._store.delete_rows_before, name, floor, column))
        log.info("deleted what a sync had left behind", dataset=uid, before_version=floor)

    async def _delete_expired(self, uid: str) -> None:
        dataset = self._catalog.get(uid)
        for resource_id, before in expired(dataset, self._clock.now_us()) if dataset else ():
            await self._persist(partial(self._store.delete_archived, uid, resource_id, before))

    async def _persist(self, deletion: Callable[[], Awaitable[None]]) -> None:
        async def attempt() -> None:
            try:
                await deletion()
            except UnknownTable:
                return  # what does not exist needs no tidying

        await self._patience.persist(attempt)

    def _changed(self, old: Dataset | None, new: Dataset | None) -> None:
        if new is None:
            return
        if new.sync_version > (old.sync_version if old else 0):
            self._synced.want(new.uid, self._now_s())
            self._news.set()
        if old is not None and _archived_since(old) != _archived_since(new):
            self._expiring.want(new.uid, self._now_s())
            self._news.set()

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def expired(dataset: Dataset, now_us: int) -> Iterator[tuple[str, int]]:
    """Yield of which resources (ids) the archive is not kept before which version.

    Whether the recovery of a resource is on now does not matter: what it archived stays until it is too old.
    """
    for resource in dataset.resources:
        before = max(resource.archived_since, _too_old(resource, now_us))
        if before:
            yield resource.resource_id, before


def _too_old(resource: Resource, now_us: int) -> int:
    days = resource.params.get(RETENTION)
    if isinstance(days, bool) or not isinstance(days, int | float) or days <= 0:
        return 0
    return stamp_at(max(0, now_us - round(days * DAY_US)))


def _archived_since(dataset: Dataset) -> dict[str, int]:
    return {one.resource_id: one.archived_since for one in dataset.resources if one.archived_since}
