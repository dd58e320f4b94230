"""Wires the sinks: the same parts in production and in tests, handed in from outside."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import SystemClock
from headwater.runtime.files import open_files
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer, Producer
from headwater.runtime.kafka.runs import ARCHIVE_ROUTING, ROWS_ROUTING
from headwater.runtime.kafka.transport import RunApp, RunPolicy, make_app, run_topic
from headwater.runtime.kafka.worker import run_worker
from headwater.runtime.process import Process
from headwater.runtime.store import Store
from sinks import archive
from sinks.agent import take_quarantine, take_rows
from sinks.applied import AppliedNews
from sinks.archive import Archiver
from sinks.configurations import Configurations
from sinks.housekeeping import Housekeeper
from sinks.leftovers import Leftovers
from sinks.patience import Patience
from sinks.settings import MIB, SinkSettings
from sinks.tables import Tables
from sinks.writer import Writer

# The archive is in no hurry: it reads seldom, and what one reading brings is large.
ARCHIVE_POLICY = RunPolicy(
    routing=ARCHIVE_ROUTING, max_bytes=MIB, buffered_runs=4, small_fetch_bytes=MIB, rest_s=0.5
)

Background = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Sinks:
    """What the process runs."""

    rows: RunApp
    raw: RunApp | None  # reads for the archive; an app of its own, so that rows never wait for it
    writer: Writer
    archiver: Archiver
    background: tuple[Background, ...]  # each runs until it is cancelled

    async def close(self) -> None:
        """Finish what is in flight, in bounded time."""
        await self.archiver.close()
        await self.writer.close()


def build(
    settings: SinkSettings,
    *,
    store: Store,
    producer: Producer,
    catalog: Catalog,
    process: Process,
) -> Sinks:
    """Return the parts, wired. Build before the catalog starts: what it tells while it starts says which
    datasets are deleted.
    """
    clock, topics, health = SystemClock(), settings.kafka.topics, process.health
    tables = Tables(store, catalog, drop_after_s=settings.drop_after_s)
    news = AppliedNews(producer, topics.applied, settings.applied_timeout_s)
    writer = Writer(settings, store=store, tables=tables, news=news, clock=clock, health=health)
    archiver = Archiver(
        settings,
        store=store,
        tables=tables,
        catalog=catalog,
        health=health,
        clock=clock,
        is_busy=writer.is_busy,
    )
    patience = Patience(health, first_s=settings.retry_first_s, longest_s=settings.retry_longest_s)
    configurations = Configurations(store, catalog, tables, clock=clock, patience=patience)
    housekeeper = Housekeeper(
        store, catalog, clock=clock, patience=patience, garbage_interval_s=settings.garbage_interval_s
    )
    background: list[Background] = [writer.drop_what_is_over, configurations.run, housekeeper.run]
    if settings.files.url:
        leftovers = Leftovers(open_files(settings.files), catalog, retry_s=settings.retry_longest_s)
        background.append(leftovers.run)
    return Sinks(
        rows=_rows_app(settings, writer),
        raw=_raw_app(settings, archiver) if settings.archive_enabled else None,
        writer=writer,
        archiver=archiver,
        background=tuple(background),
    )


def _rows_app(settings: SinkSettings, writer: Writer) -> RunApp:
    topics = settings.kafka.topics
    # Not process.instance: two sinks that nobody named must not take each other's place in the group.
    instance = settings.process.instance
    app = make_app(topics.sinks_group, settings.kafka, RunPolicy(routing=ROWS_ROUTING), instance=instance)

    async def rows(stream: Any) -> None:
        await take_rows(stream.noack().events(), writer)

    async def quarantine(stream: Any) -> None:
        await take_quarantine(stream.noack().events(), writer)

    app.agent(run_topic(app, topics.records), name="rows")(rows)
    app.agent(run_topic(app, topics.quarantine), name="quarantine")(quarantine)
    return app


def _raw_app(settings: SinkSettings, archiver: Archiver) -> RunApp:
    topics = settings.kafka.topics
    app = make_app(topics.archive_group, settings.kafka, ARCHIVE_POLICY, instance=settings.process.instance)

    async def keep(stream: Any) -> None:
        await archiver.take(stream.noack().events())

    app.agent(run_topic(app, topics.raw), name="archive")(keep)
    return app


async def main(settings: SinkSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    process.health.set("store", ok=False, detail="not asked yet")
    await ensure_topics(settings.kafka)
    producer = KafkaProducer(settings.kafka)
    store = ClickHouseStore(settings.store)
    catalog = KafkaCatalog(settings.kafka, producer)
    sinks = build(settings, store=store, producer=producer, catalog=catalog, process=process)
    try:
        await producer.start()
        await store.start()
        await catalog.start()
        await _run(sinks, process)
    finally:
        await sinks.close()
        await catalog.close()
        await store.close()
        await producer.close()


async def _run(sinks: Sinks, process: Process) -> None:
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(one(), name=one.__qualname__) for one in sinks.background]
        async with asyncio.TaskGroup() as workers:
            workers.create_task(run_worker(sinks.rows, process, needs="store"))
            if sinks.raw is not None:
                archiving = run_worker(sinks.raw, process, needs=archive.CHECK, name="archive worker")
                workers.create_task(archiving)
        for task in background:
            task.cancel()
