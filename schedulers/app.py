"""Wires the schedulers: the same parts in production and in tests, handed in from outside."""

import asyncio
from contextlib import AsyncExitStack

from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import Clock, SystemClock
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.process import Process
from headwater.runtime.store import Store
from schedulers.canary import Canary
from schedulers.gateway import Gateway, HttpGateway
from schedulers.settings import SchedulerSettings


def build(
    settings: SchedulerSettings,
    *,
    name: str,
    catalog: Catalog,
    gateway: Gateway,
    store: Store,
    clock: Clock,
) -> list[Canary]:
    """Return the jobs to run, each with a `run` that never ends."""
    canary = Canary(settings, name=name, catalog=catalog, gateway=gateway, store=store, clock=clock)
    return [canary] if settings.canary_enabled else []


async def main(settings: SchedulerSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    process.health.set("catalog", ok=False, detail="not read yet")
    await ensure_topics(settings.kafka)
    async with AsyncExitStack() as started:
        producer = KafkaProducer(settings.kafka)
        catalog = KafkaCatalog(settings.kafka, producer)
        store = ClickHouseStore(settings.store)
        gateway = HttpGateway(settings.gateway_url, settings.canary_push_timeout_s)
        for part in (producer, store, gateway, catalog):
            started.push_async_callback(part.close)
            await part.start()
        process.health.set("catalog", ok=True)
        jobs = build(
            settings,
            name=process.instance,
            catalog=catalog,
            gateway=gateway,
            store=store,
            clock=SystemClock(),
        )
        await run_until(process.stopping, jobs)


async def run_until(stopping: asyncio.Event, jobs: list[Canary]) -> None:
    """Run all jobs until it is time to stop; raises what a job raises."""
    running = [asyncio.create_task(job.run(), name=type(job).__name__) for job in jobs]
    waiting = asyncio.create_task(stopping.wait(), name="stopping")
    try:
        done, _ = await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            task.result()
    finally:
        for task in (waiting, *running):
            task.cancel()
        await asyncio.gather(waiting, *running, return_exceptions=True)
