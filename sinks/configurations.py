"""How was a dataset configured before?  Every configuration that counted, kept in a table.

A row for each revision whose configuration differs from the one before; keys, secrets, builds and what the
system notes for itself (generation, floors, ...) are no part of a configuration.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.tables import DATASET_VERSIONS
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.store import RowsRefused, Store
from sinks.patience import Patience
from sinks.tables import Tables

log = structlog.get_logger(__name__)

MAX_WAITING = 10_000  # revisions that wait for the store


def configuration(dataset: Dataset) -> dict[str, Any]:
    """Return what the owner of a dataset has configured, as JSON."""
    return {
        "title": dataset.title,
        "metadata": dict(dataset.metadata),
        "processors": [one.to_json() for one in dataset.processors],
        "fields": [one.to_json() for one in dataset.fields],
        "on_error": dataset.on_error,
        "on_processor_error": dataset.on_processor_error,
        "history": dataset.history,
        "restricted": dataset.restricted,
        "resources": [
            {
                "uid": one.uid,
                "resource_id": one.resource_id,
                "title": one.title,
                "type": one.type,
                "enabled": one.enabled,
                "params": dict(one.params),
            }
            for one in dataset.resources
        ],
    }


class Configurations:
    """Writes the configurations that the catalog tells of. Build before the catalog starts.

    What was told while no sink ran is told again at the start, from the catalog's log; what is stored already
    is left as it is, with the moment at which it was first seen.
    """

    def __init__(
        self, store: Store, catalog: Catalog, tables: Tables, *, clock: Clock, patience: Patience
    ) -> None:
        self._store = store
        self._tables = tables
        self._clock = clock
        self._patience = patience
        self._waiting: dict[tuple[str, int], tuple[int, bytes]] = {}  # -> when it came, and the document
        self._news = asyncio.Event()
        catalog.subscribe(self._changed)

    async def run(self) -> None:
        """Write what comes, in its order, until cancelled."""
        while True:
            while self._waiting:
                (uid, revision), (saved_at_us, document) = next(iter(self._waiting.items()))
                await self._patience.persist(
                    self._saving(uid, revision, saved_at_us, document), failed=self._forget_table
                )
                del self._waiting[uid, revision]
            self._news.clear()
            await self._news.wait()

    def _saving(self, uid: str, revision: int, saved_at_us: int, document: bytes) -> Callable[[], Any]:
        async def save() -> None:
            async with self._tables.lock(DATASET_VERSIONS.name):
                if self._tables.is_deleted(uid):
                    return
                await self._tables.ensure(DATASET_VERSIONS, ())
                if not await self._is_saved(uid, revision, document):
                    await self._insert(uid, revision, saved_at_us, document)

        return save

    async def _is_saved(self, uid: str, revision: int, document: bytes) -> bool:
        """Whether this revision or a later one is there, or an earlier one with the same configuration."""
        newest = await self._store.dataset_versions(uid, 1, 0)
        if not newest:
            return False
        ((saved, _),) = newest
        return saved >= revision or await self._store.dataset_version(uid, saved) == orjson.loads(document)

    async def _insert(self, uid: str, revision: int, saved_at_us: int, document: bytes) -> None:
        moment = datetime.fromtimestamp(saved_at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        row = {"dataset": uid, "revision": revision, "saved_at": moment, "document": document.decode()}
        try:
            await self._store.insert(DATASET_VERSIONS.name, orjson.dumps(row))
        except RowsRefused as error:
            log.warning("a configuration was not kept", dataset=uid, revision=revision, error=str(error))

    def _forget_table(self) -> None:
        self._tables.forget(DATASET_VERSIONS.name)

    def _changed(self, old: Dataset | None, new: Dataset | None) -> None:
        if new is None:
            return
        document = configuration(new)
        if old is not None and configuration(old) == document:
            return
        if len(self._waiting) >= MAX_WAITING:
            log.warning("a configuration was not kept: too many wait", dataset=new.uid, revision=new.revision)
            return
        self._waiting[new.uid, new.revision] = (self._clock.now_us(), orjson.dumps(document))
        self._news.set()
