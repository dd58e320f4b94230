"""Wires the sinks: the same parts in production and in tests, handed in from outside."""

import asyncio
from typing import Any

from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import SystemClock
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer, Producer
from headwater.runtime.kafka.runs import ROWS_ROUTING
from headwater.runtime.kafka.transport import RunApp, RunPolicy, make_app, run_topic
from headwater.runtime.kafka.worker import run_worker
from headwater.runtime.process import Process
from headwater.runtime.store import Store
from sinks.agent import take_quarantine, take_rows
from sinks.applied import AppliedNews
from sinks.settings import SinkSettings
from sinks.tables import Tables
from sinks.writer import Writer

GROUP = "headwater-sinks"


def build(
    settings: SinkSettings,
    *,
    store: Store,
    producer: Producer,
    catalog: Catalog,
    process: Process,
) -> tuple[RunApp, Writer]:
    """Return the Faust app and the writer that its agents feed. Build before the catalog starts:
    what it tells while it starts says which datasets are deleted.
    """
    topics = settings.kafka.topics
    policy = RunPolicy(routing=ROWS_ROUTING)
    # Not process.instance: two sinks that nobody named must not take each other's place in the group.
    app = make_app(topics.prefix + GROUP, settings.kafka, policy, instance=settings.process.instance)
    writer = Writer(
        settings,
        store=store,
        tables=Tables(store, catalog),
        news=AppliedNews(producer, topics.applied, settings.applied_timeout_s),
        clock=SystemClock(),
        health=process.health,
    )

    async def rows(stream: Any) -> None:
        await take_rows(stream.noack().events(), writer)

    async def quarantine(stream: Any) -> None:
        await take_quarantine(stream.noack().events(), writer)

    app.agent(run_topic(app, topics.records), name="rows")(rows)
    app.agent(run_topic(app, topics.quarantine), name="quarantine")(quarantine)

    return app, writer


async def main(settings: SinkSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    process.health.set("store", ok=False, detail="not asked yet")
    await ensure_topics(settings.kafka)
    producer = KafkaProducer(settings.kafka)
    store = ClickHouseStore(settings.store)
    catalog = KafkaCatalog(settings.kafka, producer)
    app, writer = build(settings, store=store, producer=producer, catalog=catalog, process=process)
    try:
        await producer.start()
        await store.start()
        await catalog.start()
        async with asyncio.TaskGroup() as tasks:
            dropping = tasks.create_task(writer.drop_what_is_over(), name="drop tables")
            await run_worker(app, process, needs="store")
            dropping.cancel()
    finally:
        await writer.close()
        await catalog.close()
        await store.close()
        await producer.close()
