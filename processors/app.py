"""Wires the processors: the same parts in production and in tests, handed in from outside."""

import asyncio
import socket
from typing import Any

from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clock import SystemClock
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
from processors.settings import ProcessorSettings


def build(
    settings: ProcessorSettings,
    *,
    producer: Producer,
    catalog: Catalog,
    schemas: Schemas,
    health: Health,
    activity: Activity,
    files: Files | None = None,
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
        files=files,
    )

    async def convert(stream: Any) -> None:
        await processor.take(stream.noack().events())

    app.agent(run_topic(app, topics.raw), name="processors")(convert)
    return app, processor


async def main(settings: ProcessorSettings, process: Process) -> None:
    """Run the service until the process is told to stop."""
    await ensure_topics(settings.kafka)
    producer = KafkaProducer(settings.kafka)
    catalog = KafkaCatalog(settings.kafka, producer)
    schemas = SchemaBook(settings.kafka, producer)
    await producer.start()
    await asyncio.gather(catalog.start(), schemas.start())
    activity = Activity(
        producer,
        settings.kafka.topics.activity,
        clock=SystemClock(),
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
        files=open_files(settings.files) if settings.files.url else None,
    )
    await activity.start()
    try:
        await run_worker(app, process, needs="kafka")
        await processor.drain()
    finally:
        await activity.close()
        await schemas.close()
        await catalog.close()
        await producer.close()
