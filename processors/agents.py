"""Moves runs: takes them from Faust, has them converted, sends what they became, and only then finishes them.

Decides nothing (admission.py, pipeline.py). No exception of one run reaches Faust: while Kafka is away a run
is tried again with back-off (outlet.py), and the bound on runs in flight stops the fetching.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import structlog

from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.files import Files
from headwater.runtime.health import Health
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Header, Topics
from headwater.runtime.schemas import Schemas
from processors.activity import Activity
from processors.admission import Admitted, Dropped, Rejected, pieces
from processors.keeper import Keeper
from processors.outlet import Consignment, Outgoing, Outlet, announcement
from processors.parsing import Arrivals, arrived_us, parse
from processors.patience import Patience
from processors.pipeline import EARLIER_GENERATION, since, slices
from processors.refusals import Reason, Refusal
from processors.second_tries import SecondTries
from processors.settings import ProcessorSettings
from processors.shipping import Sender, Shipping
from processors.staging import Service, Stager
from processors.works import Works

log = structlog.get_logger(__name__)


class Processor:
    """Everything between a run and its finish."""

    def __init__(
        self,
        settings: ProcessorSettings,
        *,
        topics: Topics,
        producer: Producer,
        catalog: Catalog,
        schemas: Schemas,
        health: Health,
        activity: Activity,
        clock: Clock,
        files: Files | None = None,
        services: Mapping[str, Service] | None = None,
    ) -> None:
        self._topics = topics
        self._catalog = catalog
        self._activity = activity
        self._outlet = Outlet(settings, producer, health)
        self._shipping = Shipping(topics, self._outlet, catalog)
        self._works = Works(
            settings, schemas=schemas, outlet=self._outlet, health=health, services=services or {}
        )
        self._second_tries = SecondTries(
            settings,
            topics=topics,
            catalog=catalog,
            clock=clock,
            works=self._works,
            shipping=self._shipping,
            outlet=self._outlet,
        )
        self._keeper = Keeper(settings, files, health)
        self._patience = Patience(settings, catalog, health)
        self._slots = asyncio.Semaphore(settings.runs_in_flight)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def stager(self) -> Stager:
        """What runs stacks, with the services that their look-ups ask."""
        return self._works.stager

    async def take(self, runs: AsyncIterator[Any]) -> None:
        """Handle every run of a Faust stream; at most `runs_in_flight` of them at once."""
        async for event in runs:
            run: Run = event.value
            await self._slots.acquire()
            task = asyncio.create_task(self._handle(run))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def take_again(self, dataset_uid: str, value: bytes) -> None:
        """Try the records of a message of topic postponed again; what they became is on the log on return."""
        await self._patience.refresh()
        await self._second_tries.take(dataset_uid, value)

    async def drain(self) -> None:
        """Wait until what is in flight is finished."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()):
            # A defect of ours: the run stays unfinished, the liveness check restarts the process.
            log.error("a run failed", error=repr(error), exc_info=error)

    async def _handle(self, run: Run) -> None:
        await self._patience.refresh()
        for piece in pieces(run, self._catalog.find(run.header(Header.DATASET))):
            await self._convey(piece)
        run.finish()

    async def _convey(self, run: Run) -> None:
        """Let everything that a run becomes leave, or tell that it became nothing."""
        verdict = await self._patience.verdict(run)
        arrivals = parse(run)
        metrics.RUN_RECORDS.observe(len(arrivals) + len(arrivals.refused))
        consignment = Consignment(run.source, self._outlet)
        match verdict:
            case Admitted():
                await self._process(run, verdict, arrivals, consignment)
                dataset, generation = verdict.dataset.uid, verdict.dataset.generation
            case Rejected():
                refused = _all_refused(arrivals, verdict)
                await self._shipping.quarantine(verdict.dataset_uid, refused, Sender.of(run), consignment)
                dataset, generation = verdict.dataset_uid, 0
            case Dropped():
                metrics.DISCARDED_RECORDS.labels(rule=verdict.rule).inc(len(arrivals))
                dataset, generation = verdict.dataset_uid, verdict.generation
        if not await consignment.close():
            line = announcement(dataset, generation, run.source, max(arrivals.versions, default=0))
            await self._outlet.send(Outgoing(self._topics.applied, dataset.encode(), line))

    async def _process(
        self, run: Run, admitted: Admitted, arrivals: Arrivals, consignment: Consignment
    ) -> None:
        dataset, sender = admitted.dataset, Sender.of(run)
        kept, earlier = since(arrivals, 0 if admitted.replayed else dataset.since_version)
        if earlier:
            metrics.DISCARDED_RECORDS.labels(rule=EARLIER_GENERATION).inc(earlier)
        await self._keeper.keep(dataset.uid, admitted.op, run, kept)
        quarantined = 0
        for part in slices(kept):
            # What is built for readers is not to lack the records that would have to wait.
            made = await self._works.make(admitted, part, gives_up=admitted.replayed)
            greatest = max(part.versions, default=0)
            quarantined += await self._shipping.ship(
                admitted, made.products, sender, consignment, greatest=greatest
            )
            await self._second_tries.postpone(admitted, made)
            metrics.PROCESSED_RECORDS.labels(op=admitted.op.value).inc(len(part) - len(made.waiting))
        if not admitted.replayed and not sender.attempt and dataset.resource(admitted.resource) is not None:
            records, at_us = len(arrivals) + len(arrivals.refused), arrived_us(run.messages[-1])
            self._activity.note(
                dataset.uid, admitted.resource, records=records, quarantined=quarantined, at_us=at_us
            )


def _all_refused(arrivals: Arrivals, rejected: Rejected) -> list[Refusal]:
    reasons = (Reason(rejected.code, rejected.message),)
    texts = (orjson.dumps(record).decode() for record in arrivals.records)
    places = zip(texts, arrivals.versions, arrivals.positions, arrivals.received_at, strict=True)
    return [*arrivals.refused, *(Refusal(*place, reasons) for place in places)]
