"""Keeps the raw records of the resources whose recovery is on, cheaply: seldom, and much at once.

Guarantee: a run of topic raw is finished only after all of its messages that are archived are durable in the
archive. Repeats are harmless, as a message's place on the log is part of its key. Nobody waits for the
archive: it may lag by its age and size, and a store that is away stops only it.
Rows go first: while many of them are on their way the archive waits, within a bound.
The price of cheapness: what is decided is decided when the message is read, by the catalog of that moment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import ARCHIVE
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Header
from headwater.runtime.store import RowsRefused, Store
from sinks.archive_rows import (
    ARCHIVE_COLUMNS,
    ArchiveRows,
    archive_rows,
    is_archived,
    is_native,
    needs_news,
)
from sinks.patience import Patience
from sinks.settings import SinkSettings
from sinks.tables import Tables

log = structlog.get_logger(__name__)

CHECK = "archive"  # in the process's health
LOOK_EVERY_S = 0.1  # while the catalog is behind, or rows go first
Kept = tuple[Run, str, ArchiveRows]  # with the dataset's uid


class Archiver:
    """Everything between a run of topic raw and its place in the archive."""

    def __init__(
        self,
        settings: SinkSettings,
        *,
        store: Store,
        tables: Tables,
        catalog: Catalog,
        health: Health,
        clock: Clock,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._is_busy = is_busy
        self._store = store
        self._tables = tables
        self._catalog = catalog
        self._health = health
        self._patience = Patience(
            health, first_s=settings.retry_first_s, longest_s=settings.retry_longest_s, check=CHECK
        )
        self._kept: list[Kept] = []
        self._size = 0
        self._flushing = asyncio.Lock()
        self._alarm: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[None]] = set()

    async def take(self, runs: AsyncIterator[Any]) -> None:
        """Archive every run of a Faust stream; stops taking while a full batch waits for the store."""
        async for event in runs:
            await self._let_rows_pass(event.value)
            await self.put(event.value)

    async def put(self, run: Run) -> None:
        """Take one run; it is finished once it is archived, or at once when it is not kept."""
        dataset = await self._decided_by(run)
        rows = archive_rows(run, dataset) if dataset and is_archived(run, dataset) else None
        if dataset is None or rows is None or not rows.messages:
            run.finish()
            return
        self._kept.append((run, dataset.uid, rows))
        self._size += len(rows.value)
        if self._size >= self._settings.archive_max_bytes:
            await self._flush()
        elif self._alarm is None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(self._settings.archive_max_age_s, self._start_flush)

    async def _let_rows_pass(self, run: Run) -> None:
        """Wait while the row path is busy, until the run is as old as the archive may lag for that."""
        until_us = run.messages[0].timestamp_ms * 1000 + round(self._settings.archive_yield_s * 1_000_000)
        while self._is_busy() and self._clock.now_us() < until_us:  # noqa: ASYNC110 - a lull has no event
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """Stop; what is not archived yet stays unfinished and is read again."""
        if self._alarm:
            self._alarm.cancel()
        for task in self._flushes:
            task.cancel()
        await asyncio.gather(*self._flushes, return_exceptions=True)

    async def _decided_by(self, run: Run) -> Dataset | None:
        """Return the dataset of a run, once the catalog is new enough to decide about it.

        A catalog that was heard of after the run came knows all that the gateway knew: a dataset that it has
        not then was deleted, and one of an earlier revision is another with the same name.
        """
        loop = asyncio.get_running_loop()
        came_s = loop.time()
        dataset_id = run.header(Header.DATASET)
        while needs_news(run, dataset := self._catalog.find(dataset_id)):
            if self._catalog.age_s <= loop.time() - came_s:
                return None
            await asyncio.sleep(LOOK_EVERY_S)
        if is_native(run):
            while self._catalog.age_s > self._settings.catalog_max_age_s:  # noqa: ASYNC110 - an age has no event
                await asyncio.sleep(LOOK_EVERY_S)
            dataset = self._catalog.find(dataset_id)
        return dataset

    def _start_flush(self) -> None:
        task = asyncio.create_task(self._flush(), name="archive")
        self._flushes.add(task)
        task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        self._flushes.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # A defect of ours. The runs stay unfinished and a restart reads them again.
            log.error("the archive failed", error=repr(error), exc_info=error)
            self._health.fail(f"the archive failed: {error!r}")

    async def _flush(self) -> None:
        """Insert what was kept so far, and finish it. One insert at a time."""
        async with self._flushing:
            if self._alarm:
                self._alarm.cancel()
                self._alarm = None
            kept, self._kept, self._size = self._kept, [], 0
            if not kept:
                return
            await self._patience.persist(lambda: self._insert(kept), failed=self._forget_table)
        metrics.ARCHIVED_MESSAGES.inc(sum(rows.messages for _, _, rows in kept))
        for run, _, _ in kept:
            run.finish()

    async def _insert(self, kept: list[Kept]) -> None:
        """Insert all but what a deleted dataset sent; raises StoreUnavailable, UnknownTable."""
        async with self._tables.lock(ARCHIVE.name):
            value = b"".join(rows.value for _, uid, rows in kept if not self._tables.is_deleted(uid))
            if not value:
                return
            await self._tables.ensure(ARCHIVE, ())
            try:
                await self._store.insert_binary(ARCHIVE.name, ARCHIVE_COLUMNS, value)
            except RowsRefused as error:
                # Nothing in a message can cause this: the table is not as it should be. An operator can mend
                # that, and until then the messages wait on the log.
                raise StoreUnavailable(f"the archive's table does not take its rows: {error}") from error

    def _forget_table(self) -> None:
        self._tables.forget(ARCHIVE.name)
