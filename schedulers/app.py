"""Wires the schedulers: the same parts in production and in tests, handed in from outside."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from headwater.runtime.activity import Activity, ActivityTail
from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.changes import ChangeTail
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import Clock, SystemClock
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.groups import KafkaOffsets, Offsets
from headwater.runtime.kafka.producer import KafkaProducer, Producer
from headwater.runtime.kafka.reader import KafkaReader, LogReader
from headwater.runtime.leases import Leases, lease_documents
from headwater.runtime.mail import Mailer, SmtpMailer
from headwater.runtime.process import Process
from headwater.runtime.schemas import SchemaBook, Schemas
from headwater.runtime.store import Store
from schedulers.alerts.alerter import Alerter
from schedulers.alerts.notices import Letterhead
from schedulers.alerts.webhook import HttpWebhook, Webhook
from schedulers.canary import Canary
from schedulers.gateway import Gateway, HttpGateway
from schedulers.rebuild.rebuild import Pace, World
from schedulers.rebuild.rebuilder import Rebuilder
from schedulers.republish import Calm, Republisher
from schedulers.settings import SchedulerSettings


class Job(Protocol):
    """Something that a scheduler does all the time."""

    async def run(self) -> None:
        """Do it, for ever."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the jobs work with."""

    catalog: Catalog
    gateway: Gateway
    store: Store
    schemas: Schemas
    producer: Producer
    offsets: Offsets
    reader: Callable[[], LogReader]  # a new one, of topic raw
    leases: Leases
    activity: Activity
    mailer: Mailer
    webhook: Webhook
    clock: Clock


def build(settings: SchedulerSettings, *, name: str, parts: Parts) -> list[Job]:
    """Return the jobs to run; `name` is this scheduler's among all schedulers."""
    jobs: list[Job] = []
    if settings.canary_enabled:
        jobs.append(
            Canary(
                settings,
                name=name,
                catalog=parts.catalog,
                gateway=parts.gateway,
                store=parts.store,
                clock=parts.clock,
            )
        )
    if settings.rebuild_enabled:
        jobs.append(_rebuilder(settings, parts))
    if settings.republish_enabled:
        jobs.append(_republisher(settings, parts))
    if settings.alerts_enabled:
        jobs.append(_alerter(settings, parts))
    return jobs


async def main(settings: SchedulerSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    process.health.set("catalog", ok=False, detail="not read yet")
    await ensure_topics(settings.kafka)
    async with AsyncExitStack() as started:
        parts = await _start(settings, started)
        process.health.set("catalog", ok=True)
        jobs = build(settings, name=process.instance, parts=parts)
        for job in jobs:
            if isinstance(job, Republisher):
                changes = ChangeTail(settings.kafka, job.note)
                started.push_async_callback(changes.close)
                await changes.start()
        await run_until(process.stopping, jobs)


async def run_until(stopping: asyncio.Event, jobs: Sequence[Job]) -> None:
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


async def _start(settings: SchedulerSettings, started: AsyncExitStack) -> Parts:
    """Return the real parts, started; `started` closes them in the end, the last first."""
    kafka, clock = settings.kafka, SystemClock()
    producer = KafkaProducer(kafka)
    catalog = KafkaCatalog(kafka, producer)
    store = ClickHouseStore(settings.store)
    gateway = HttpGateway(settings.gateway_url, settings.canary_push_timeout_s)
    schemas = SchemaBook(kafka, producer)
    leases = lease_documents(kafka, producer)
    activity = ActivityTail(kafka)
    webhook = HttpWebhook(settings.alert_webhook_timeout_s)
    for part in (producer, store, gateway, webhook, schemas, leases, activity, catalog):
        started.push_async_callback(part.close)
        await part.start()
    offsets = KafkaOffsets(kafka)
    started.push_async_callback(offsets.close)
    return Parts(
        catalog=catalog,
        gateway=gateway,
        store=store,
        schemas=schemas,
        producer=producer,
        offsets=offsets,
        reader=partial(KafkaReader, kafka, kafka.topics.raw),
        leases=Leases(leases, clock),
        activity=activity,
        mailer=SmtpMailer(settings.smtp, clock),
        webhook=webhook,
        clock=clock,
    )


def _rebuilder(settings: SchedulerSettings, parts: Parts) -> Rebuilder:
    world = World(
        topics=settings.kafka.topics,
        catalog=parts.catalog,
        store=parts.store,
        schemas=parts.schemas,
        producer=parts.producer,
        offsets=parts.offsets,
        reader=parts.reader,
        clock=parts.clock,
        pause=asyncio.sleep,
    )
    pace = Pace(ahead_records=settings.rebuild_ahead_records, settle_s=settings.rebuild_settle_s)
    return Rebuilder(world, pace, leases=parts.leases, at_once=settings.rebuilds_at_once)


def _republisher(settings: SchedulerSettings, parts: Parts) -> Republisher:
    calm = Calm(quiet_s=settings.republish_quiet_s, every_s=settings.republish_every_s)
    return Republisher(
        calm, catalog=parts.catalog, activity=parts.activity, leases=parts.leases, clock=parts.clock
    )


def _alerter(settings: SchedulerSettings, parts: Parts) -> Alerter:
    head = Letterhead(
        domain=settings.domain, public_url=settings.public_url, zone=ZoneInfo(settings.time_zone)
    )
    return Alerter(
        settings,
        head=head,
        catalog=parts.catalog,
        activity=parts.activity,
        leases=parts.leases,
        mailer=parts.mailer,
        webhook=parts.webhook,
        clock=parts.clock,
    )
