"""Moves runs: takes them from Faust, has them converted, sends what they became, and only then finishes them.

Decides nothing (admission.py, pipeline.py). No exception of one run reaches Faust: while Kafka is away a run
is tried again with back-off (outlet.py), and the bound on runs in flight stops the fetching.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import orjson
import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.schema import Schema
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.files import Files
from headwater.runtime.health import Health
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import PATCHES, Header, Op, Topics
from headwater.runtime.schemas import Schemas
from processors.activity import Activity
from processors.admission import Admitted, Dropped, Rejected, attempt_of, pieces
from processors.keeper import Keeper
from processors.marking import ensure_patched
from processors.outlet import Consignment, Outgoing, Outlet, announcement
from processors.parsing import Arrivals, arrived_us, parse
from processors.patience import Patience
from processors.pipeline import EARLIER_GENERATION, Product, Workshop, produce, since, slices
from processors.refusals import Reason, Refusal, quarantine_values
from processors.settings import ProcessorSettings

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
        files: Files | None = None,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._catalog = catalog
        self._schemas = schemas
        self._activity = activity
        self._outlet = Outlet(settings, producer, health)
        self._keeper = Keeper(settings, files, health)
        self._patience = Patience(settings, catalog, health)
        self._workshops: dict[tuple[str, int], Workshop] = {}
        self._slots = asyncio.Semaphore(settings.runs_in_flight)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, runs: AsyncIterator[Any]) -> None:
        """Handle every run of a Faust stream; at most `runs_in_flight` of them at once."""
        async for event in runs:
            run: Run = event.value
            await self._slots.acquire()
            task = asyncio.create_task(self._handle(run))
            self._tasks.add(task)
            task.add_done_callback(self._done)

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
                await self._quarantine(run, verdict.dataset_uid, refused, consignment)
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
        dataset, attempt = admitted.dataset, attempt_of(run)
        kept, earlier = since(arrivals, 0 if admitted.replayed else dataset.since_version)
        if earlier:
            metrics.DISCARDED_RECORDS.labels(rule=EARLIER_GENERATION).inc(earlier)
        await self._keeper.keep(dataset.uid, admitted.op, run, kept)
        quarantined = 0
        for part in slices(kept):
            with _timed(metrics.PROCESSING_SECONDS):
                workshop = self._workshop(dataset)
                unknown = workshop.policy(admitted.resource, checked=admitted.checked)
                product = produce(workshop, part, admitted.resource, admitted.op, unknown)
            if len(learnt := workshop.converter.learnt):
                await self._share(dataset, learnt)
            greatest = max(part.versions, default=0)
            await self._send_rows(admitted, product, greatest, consignment)
            await self._quarantine(run, dataset.uid, product.refused, consignment)
            quarantined += len(product.refused)
            metrics.PROCESSED_RECORDS.labels(op=admitted.op.value).inc(len(part))
            metrics.FIELD_NOTES.inc(product.notes)
        if not admitted.replayed and not attempt and dataset.resource(admitted.resource) is not None:
            records, at_us = len(arrivals) + len(arrivals.refused), arrived_us(run.messages[-1])
            self._activity.note(
                dataset.uid, admitted.resource, records=records, quarantined=quarantined, at_us=at_us
            )

    def _workshop(self, dataset: Dataset) -> Workshop:
        schema = self._schemas.get(dataset.uid)
        place = (dataset.uid, dataset.generation)
        workshop = self._workshops.get(place)
        if workshop is None or not workshop.fits(dataset, schema):
            if len(self._workshops) >= self._settings.datasets_in_memory:
                self._workshops.clear()
            workshop = self._workshops[place] = Workshop.of(dataset, schema)
        return workshop

    async def _share(self, dataset: Dataset, learnt: Schema) -> None:
        """Publish what was learnt before any row that needs it leaves."""
        metrics.SCHEMA_GROWTHS.inc()
        await self._outlet.persist(partial(self._schemas.grow, dataset.uid, learnt))

    async def _send_rows(
        self, admitted: Admitted, product: Product, greatest: int, consignment: Consignment
    ) -> None:
        dataset = admitted.dataset
        shared = [
            (Header.DATASET, dataset.uid.encode()),
            (Header.GENERATION, b"%d" % dataset.generation),
            (Header.SCHEMA, product.columns),
            (Header.VERSION, b"%d" % greatest),
        ]
        if admitted.op is Op.MERGE:
            shared.append((Header.TARGET, PATCHES.encode()))
            if product.parcels and not (admitted.replayed or dataset.patched):
                await self._outlet.persist(partial(ensure_patched, self._catalog, dataset.uid))
        if dataset.history:
            shared.append((Header.HISTORY, b"1"))
        topic, key = self._topics.records, dataset.uid.encode()
        for rows in product.parcels:
            headers = (*shared, (Header.COUNT, b"%d" % rows.count))
            await consignment.add(Outgoing(topic, key, rows.value, headers))
            metrics.EMITTED_ROWS.inc(rows.count)

    async def _quarantine(
        self, run: Run, dataset_uid: str, refused: Sequence[Refusal], consignment: Consignment
    ) -> None:
        if not refused:
            return
        values = quarantine_values(
            refused,
            dataset=dataset_uid,
            resource=run.header(Header.RESOURCE),
            op=run.header(Header.OP) or Op.UPSERT,
            attempt=attempt_of(run),
        )
        topic, key = self._topics.quarantine, dataset_uid.encode()
        for value in values:
            await consignment.add(Outgoing(topic, key, value, ((Header.DATASET, key),)))
        for refusal in refused:
            metrics.QUARANTINED_RECORDS.labels(code=refusal.reasons[0].code).inc()


def _all_refused(arrivals: Arrivals, rejected: Rejected) -> list[Refusal]:
    reasons = (Reason(rejected.code, rejected.message),)
    texts = (orjson.dumps(record).decode() for record in arrivals.records)
    places = zip(texts, arrivals.versions, arrivals.positions, arrivals.received_at, strict=True)
    return [*arrivals.refused, *(Refusal(*place, reasons) for place in places)]


@contextmanager
def _timed(histogram: Any) -> Iterator[None]:
    started = perf_counter()
    yield
    histogram.observe(perf_counter() - started)
