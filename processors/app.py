"""Wires the processors: the same parts in production and in tests, handed in from outside."""

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clock import Clock, SystemClock
from headwater.runtime.files import Files, open_files
from headwater.runtime.health import Health
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer, Producer
from headwater.runtime.kafka.runs import RAW_ROUTING
from headwater.runtime.kafka.transport import RunApp, RunPolicy, make_app, run_topic
from headwater.runtime.kafka.worker import run_worker
from headwater.runtime.process import Process
from headwater.runtime.schemas import SchemaBook, Schemas
from processors.activity import Activity
from processors.agents import Processor
from processors.answering import Answers
from processors.pump import Pump
from processors.questions import Questions
from processors.services import open_look_ups
from processors.settings import ProcessorSettings
from processors.staging import Service


def build(
    settings: ProcessorSettings,
    *,
    producer: Producer,
    catalog: Catalog,
    schemas: Schemas,
    health: Health,
    activity: Activity,
    clock: Clock,
    files: Files | None = None,
    services: Mapping[str, Service] | None = None,
) -> tuple[RunApp, Processor]:
    """Return the Faust app and the processor whose agent it runs."""
    policy = RunPolicy(
        routing=RAW_ROUTING, max_messages=settings.run_max_messages, max_bytes=settings.run_max_bytes
    )
    topics = settings.kafka.topics
    # Not process.instance: two processors that nobody named must not take each other's place in the group.
    app = make_app(topics.processors_group, settings.kafka, policy, instance=settings.process.instance)
    processor = Processor(
        settings,
        topics=topics,
        producer=producer,
        catalog=catalog,
        schemas=schemas,
        health=health,
        activity=activity,
        clock=clock,
        files=files,
        services=services,
    )

    async def convert(stream: Any) -> None:
        await processor.take(stream.noack().events())

    app.agent(run_topic(app, topics.raw), name="processors")(convert)
    return app, processor


async def main(settings: ProcessorSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    await ensure_topics(settings.kafka)
    clock = SystemClock()
    async with AsyncExitStack() as parts:
        producer = KafkaProducer(settings.kafka)
        parts.push_async_callback(producer.close)
        catalog = KafkaCatalog(settings.kafka, producer)
        parts.push_async_callback(catalog.close)
        schemas = SchemaBook(settings.kafka, producer)
        parts.push_async_callback(schemas.close)
        await producer.start()
        await asyncio.gather(catalog.start(), schemas.start())
        files = open_files(settings.files) if settings.files.url else None
        look_ups = await open_look_ups(
            settings,
            parts,
            catalog=catalog,
            schemas=schemas,
            files=files,
            health=process.health,
            clock=clock,
        )
        activity = Activity(
            producer,
            settings.kafka.topics.activity,
            clock=clock,
            # A new name for every start would leave lines that nobody ever replaces.
            instance=settings.process.instance or f"processors@{socket.gethostname()}",
            limit=settings.datasets_in_memory,
        )
        app, processor = build(
            settings,
            producer=producer,
            catalog=catalog,
            schemas=schemas,
            health=process.health,
            activity=activity,
            clock=clock,
            files=files,
            services=look_ups.services,
        )
        await activity.start()
        parts.push_async_callback(activity.close)
        answers = Answers(processor.stager, look_ups.world)
        beside = (
            Pump(settings.kafka, clock, processor.take_again).run(),
            Questions(settings.kafka, producer, clock, answers.answer).run(),
        )
        await _run_beside(run_worker(app, process, needs="kafka"), *beside)
        await processor.drain()


async def _run_beside(worker: Coroutine[Any, Any, None], *beside: Coroutine[Any, Any, None]) -> None:
    """Return when the worker does; what runs beside it ends then. Raises what any of them raises."""
    tasks = [asyncio.create_task(one) for one in (worker, *beside)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
