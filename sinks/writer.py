"""Moves parcels into the store: what batching.py says is due, until it is stored, quarantined or discarded.

Guarantee: a run is finished only after each of its rows is durable in its tables (its own and, where the
dataset keeps its history, that one too) or in the quarantine table, or was discarded because its generation
is over. A process that dies in between leaves the run unfinished,
so it is read again; versions make the repeat harmless.
While the store is away nothing is lost and nothing grows: batches in flight are tried again and again, the
buffer fills up to its bound, and then `put` waits, which stops the fetching.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

import structlog

from headwater.domain.tables import QUARANTINE, ROW_COLUMNS, Table
from headwater.runtime import metrics
from headwater.runtime.clock import Clock
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Run
from headwater.runtime.store import RowsRefused, Store
from sinks.applied import AppliedNews, applied_value
from sinks.batching import Batch, Batcher
from sinks.parcels import Parcel, replaced
from sinks.patience import Patience
from sinks.refusals import (
    STORE_REFUSED,
    UNADDRESSED,
    Refusal,
    insert_all_but_refused,
    quarantine_row,
    split_rows,
)
from sinks.settings import SinkSettings
from sinks.tables import Tables
from sinks.traffic import Traffic

log = structlog.get_logger(__name__)

EARLIER_GENERATION = "earlier_generation"


class _Over(Exception):
    """The rows' generation is over: they are discarded."""


class Writer:
    """Everything between a parcel and the end of its run."""

    def __init__(
        self,
        settings: SinkSettings,
        *,
        store: Store,
        tables: Tables,
        news: AppliedNews,
        clock: Clock,
        health: Health,
    ) -> None:
        self._settings = settings
        self._store = store
        self._tables = tables
        self._news = news
        self._clock = clock
        self._health = health
        self._patience = Patience(health, first_s=settings.retry_first_s, longest_s=settings.retry_longest_s)
        self._batcher: Batcher[Parcel] = Batcher(settings.batch_policy)
        self._writing: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._closing = False
        self._traffic = Traffic(settings.insert_busy_rows)

    def is_busy(self) -> bool:
        """Tell whether many rows are on their way."""
        return self._traffic.is_busy(self._now_s())

    async def put(self, parcel: Parcel) -> None:
        """Take a parcel; waits while the buffer is full, and for good once the writer is closing."""
        while self._closing or not self._batcher.has_room:
            self._room.clear()
            await self._room.wait()
        self._batcher.add(parcel.table.name, parcel, self._now_s())
        self._start_due()

    async def put_unaddressed(self, run: Run, reason: str) -> None:
        """Take a run whose rows are for no table: they go to quarantine."""
        lines = split_rows([message.value for message in run.messages], arrays=True)
        metrics.QUARANTINED_RECORDS.labels(code=UNADDRESSED).inc(len(lines))
        log.warning("rows for no table", topic=run.topic, source=run.source, reason=reason)
        refused = [(line, reason) for line in lines]
        await self.put(replaced(run, self._quarantined("", UNADDRESSED, refused, ROW_COLUMNS)))

    async def drop_what_is_over(self) -> None:
        """Drop the tables of past generations, until cancelled."""
        await self._tables.drop_what_is_over(self._patience)

    async def close(self) -> None:
        """Take no more, finish what is in flight in bounded time, leave the rest to a later reader."""
        self._closing = True
        if self._alarm:
            self._alarm.cancel()
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=self._settings.stop_timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._news.close(self._settings.stop_timeout_s)

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait or are being inserted."""
        return self._batcher.buffered_bytes

    def _start_due(self) -> None:
        """Start writing what is due, and come back when the next is."""
        if self._closing:
            return
        for batch in self._batcher.take(self._now_s()):
            metrics.FLUSH.labels(reason=batch.reason.value).inc()
            task = asyncio.create_task(self._write(batch), name=f"write {batch.table}")
            self._writing.add(task)
            task.add_done_callback(self._written)
        if self._alarm:
            self._alarm.cancel()
        due_s = self._batcher.next_due_s()
        self._alarm = None if due_s is None else asyncio.get_running_loop().call_at(due_s, self._start_due)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # A defect of ours. The runs stay unfinished and a restart reads them again.
            log.error("a batch failed", error=repr(error), exc_info=error)
            self._health.fail(f"a batch failed: {error!r}")

    async def _write(self, batch: Batch[Parcel]) -> None:
        await self._store_batch(batch)
        self._traffic.note(batch.rows, self._now_s())
        self._batcher.done(batch, self._now_s())
        self._room.set()
        self._start_due()

    async def _store_batch(self, batch: Batch[Parcel]) -> None:
        """Store a batch in an insert for each layout of its rows: nearly always there is one."""
        layouts: dict[tuple[Any, ...], list[Parcel]] = {}
        for parcel in batch.parcels:
            layouts.setdefault((parcel.layout, parcel.history is None), []).append(parcel)
        for parcels in layouts.values():
            await self._store_parcels(parcels)

    async def _store_parcels(self, parcels: Sequence[Parcel]) -> None:
        """Store parcels of one layout in one insert, or each alone when there are rows to refuse."""
        rows = b"\n".join(value for parcel in parcels for value in parcel.values)
        count = sum(parcel.rows for parcel in parcels)
        try:
            await self._insert(parcels, rows, count)
        except _Over:
            self._discard(parcels)
            return
        except RowsRefused:
            # Perhaps a table lost a column behind our back: it gets it again with the next insert.
            for table in parcels[0].tables:
                self._tables.forget(table.name)
        else:
            self._stored(parcels, count)
            return
        for parcel in parcels:
            await self._store_parcel(parcel)

    async def _store_parcel(self, parcel: Parcel) -> None:
        """Store one parcel, its bad rows in quarantine."""
        rows = split_rows(parcel.values, arrays=bool(parcel.layout))
        try:
            refused = await insert_all_but_refused(
                lambda some: self._insert((parcel,), b"\n".join(some), len(some)), rows
            )
        except _Over:
            self._discard((parcel,))
            return
        if refused:
            await self._quarantine(parcel, refused)
        self._stored((parcel,), len(rows) - len(refused))

    def _stored(self, parcels: Sequence[Parcel], rows: int) -> None:
        """Finish parcels whose rows are durable, then tell of it."""
        _finish(parcels)
        if not parcels[0].is_refused:
            metrics.STORED_ROWS.inc(rows)
            self._news.tell(parcels[0].dataset, applied_value(parcels, rows))
            return
        datasets: dict[tuple[str, int], list[Parcel]] = {}
        for parcel in parcels:
            datasets.setdefault((parcel.dataset, parcel.generation), []).append(parcel)
        for (dataset, _), some in datasets.items():
            if dataset:
                self._news.tell(dataset, applied_value(some, 0))

    def _discard(self, parcels: Sequence[Parcel]) -> None:
        """Finish parcels whose generation is over, and tell of it: nobody needs to wait for their rows.

        Where another generation took the place of theirs, the rebuild brings the same records there.
        """
        metrics.DISCARDED_RECORDS.labels(rule=EARLIER_GENERATION).inc(sum(parcel.rows for parcel in parcels))
        _finish(parcels)
        self._news.tell(parcels[0].dataset, applied_value(parcels, 0))

    async def _insert(self, parcels: Sequence[Parcel], rows: bytes, count: int) -> None:
        """Insert into the parcels' tables, with all columns that they name. Raises RowsRefused and _Over."""
        for table in parcels[0].tables:
            attempt = partial(self._attempt, table, parcels, rows)
            await self._patience.persist(attempt, failed=partial(self._tables.forget, table.name))
        metrics.INSERT_ROWS.observe(count)

    async def _attempt(self, table: Table, parcels: Sequence[Parcel], rows: bytes) -> None:
        """Insert into one table, unless its generation is over. Raises what the store raises, and _Over."""
        first = parcels[0]
        async with self._tables.lock(table.name):
            if not first.is_refused and self._tables.is_over(first.dataset, first.generation):
                raise _Over
            await self._tables.ensure(table, (parcel.columns for parcel in parcels))
            started = perf_counter()
            await self._store.insert(table.name, rows, first.layout or None)
            metrics.INSERT_SECONDS.observe(perf_counter() - started)

    async def _quarantine(self, parcel: Parcel, refused: Sequence[Refusal]) -> None:
        """Put refused rows into the quarantine table; durable on return."""
        rows = b"\n".join(self._quarantined(parcel.dataset, STORE_REFUSED, refused, parcel.layout))

        async def attempt() -> None:
            await self._tables.ensure(QUARANTINE, ())
            await self._store.insert(QUARANTINE.name, rows)

        await self._patience.persist(attempt, failed=partial(self._tables.forget, QUARANTINE.name))
        metrics.QUARANTINED_RECORDS.labels(code=STORE_REFUSED).inc(len(refused))
        log.warning("the store refused rows", table=parcel.table.name, rows=len(refused), why=refused[0][1])

    def _quarantined(
        self, dataset: str, code: str, refused: Sequence[Refusal], layout: Sequence[str]
    ) -> list[bytes]:
        now = datetime.fromtimestamp(self._clock.now_us() / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return [
            quarantine_row(line, layout=layout, dataset=dataset, code=code, message=message, received_at=now)
            for line, message in refused
        ]

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _finish(parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        parcel.run.finish()
