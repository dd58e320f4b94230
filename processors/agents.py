"""Moves runs: takes them from Faust, has them converted, sends what they became, and only then finishes them.

Decides nothing (admission.py, pipeline.py). No exception of one run reaches Faust: while Kafka is away a run
is tried again with back-off, and the bound on runs in flight stops the fetching.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import orjson
import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.errors import BrokerUnavailable
from headwater.domain.schema import Schema
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.health import Health
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Header, Op, Topics
from headwater.runtime.schemas import Schemas
from processors.admission import Admitted, Behind, Dropped, Rejected, admit
from processors.parsing import Arrivals, parse
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
    ) -> None:
        self._settings = settings
        self._health = health
        self._topics = topics
        self._producer = producer
        self._catalog = catalog
        self._schemas = schemas
        self._workshops: dict[str, Workshop] = {}
        self._slots = asyncio.Semaphore(settings.runs_in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._given_up: dict[str, int] = {}
        catalog.subscribe(self._on_change)

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

    def _on_change(self, _: Dataset | None, __: Dataset | None) -> None:
        self._changed.set()

    async def _handle(self, run: Run) -> None:
        verdict = admit(run, self._dataset(run))
        if isinstance(verdict, Behind):
            verdict = await self._catch_up(run, verdict)
        arrivals = parse(run)
        metrics.RUN_RECORDS.observe(len(arrivals) + len(arrivals.refused))
        match verdict:
            case Admitted():
                await self._process(run, verdict, arrivals)
            case Rejected():
                await self._quarantine(run, verdict.dataset_uid, _all_refused(arrivals, verdict))
            case Dropped():
                metrics.DISCARDED_RECORDS.labels(rule=verdict.rule).inc(len(arrivals))
        run.finish()

    def _dataset(self, run: Run) -> Dataset | None:
        return self._catalog.find(run.header(Header.DATASET))

    async def _catch_up(self, run: Run, behind: Behind) -> Admitted | Rejected | Dropped:
        """Wait until the catalog knows what the gateway knew, or for as long as that may take."""
        if self._given_up.get(behind.dataset_id, 0) < behind.revision:
            try:
                async with asyncio.timeout(self._settings.catalog_patience_s):
                    while isinstance(verdict := admit(run, self._dataset(run)), Behind):
                        self._changed.clear()
                        await self._changed.wait()
                    return verdict
            except TimeoutError:
                log.warning(
                    "the catalog lacks a revision", dataset=behind.dataset_id, revision=behind.revision
                )
                if len(self._given_up) >= self._settings.datasets_in_memory:
                    self._given_up.clear()  # forgetting only means to wait once more
                self._given_up[behind.dataset_id] = behind.revision
        verdict = admit(run, self._dataset(run), patient=False)
        assert not isinstance(verdict, Behind)
        return verdict

    async def _process(self, run: Run, admitted: Admitted, arrivals: Arrivals) -> None:
        dataset = admitted.dataset
        kept, earlier = since(arrivals, dataset.since_version)
        if earlier:
            metrics.DISCARDED_RECORDS.labels(rule=EARLIER_GENERATION).inc(earlier)
        for part in slices(kept):
            with _timed(metrics.PROCESSING_SECONDS):
                workshop = self._workshop(dataset)
                product = produce(workshop, part, admitted.resource, admitted.op)
            if len(learnt := workshop.converter.learnt):
                await self._share(dataset, learnt)
            await self._send_rows(run, dataset, product, max(part.versions, default=0))
            await self._quarantine(run, dataset.uid, product.refused, admitted)
            metrics.PROCESSED_RECORDS.labels(op=admitted.op.value).inc(len(part))
            metrics.FIELD_NOTES.inc(product.notes)

    def _workshop(self, dataset: Dataset) -> Workshop:
        schema = self._schemas.get(dataset.uid)
        workshop = self._workshops.get(dataset.uid)
        if workshop is None or not workshop.fits(dataset, schema):
            if len(self._workshops) >= self._settings.datasets_in_memory:
                self._workshops.clear()
            workshop = self._workshops[dataset.uid] = Workshop.of(dataset, schema)
        return workshop

    async def _share(self, dataset: Dataset, learnt: Schema) -> None:
        """Publish what was learnt before any row that needs it leaves."""
        metrics.SCHEMA_GROWTHS.inc()
        await self._persist(partial(self._schemas.grow, dataset.uid, learnt))

    async def _send_rows(self, run: Run, dataset: Dataset, product: Product, greatest: int) -> None:
        shared = (
            (Header.DATASET, dataset.uid.encode()),
            (Header.GENERATION, b"%d" % dataset.generation),
            (Header.SCHEMA, product.columns),
            (Header.SOURCE, run.source.encode()),
            (Header.VERSION, b"%d" % greatest),
        )
        topic, key = self._topics.records, dataset.uid.encode()
        for rows in product.parcels:
            headers = (*shared, (Header.COUNT, b"%d" % rows.count))
            await self._persist(partial(self._producer.send, topic, rows.value, key=key, headers=headers))
            metrics.EMITTED_ROWS.inc(rows.count)

    async def _quarantine(
        self, run: Run, dataset_uid: str, refused: list[Refusal], admitted: Admitted | None = None
    ) -> None:
        if not refused:
            return
        op = admitted.op if admitted else run.header(Header.OP) or Op.UPSERT
        values = quarantine_values(refused, dataset=dataset_uid, resource=run.header(Header.RESOURCE), op=op)
        headers = ((Header.DATASET, dataset_uid.encode()), (Header.SOURCE, run.source.encode()))
        key = dataset_uid.encode()
        for value in values:
            topic = self._topics.quarantine
            await self._persist(partial(self._producer.send, topic, value, key=key, headers=headers))
        for refusal in refused:
            metrics.QUARANTINED_RECORDS.labels(code=refusal.reasons[0].code).inc()

    async def _persist(self, send: Callable[[], Awaitable[Any]]) -> None:
        """Do it until Kafka has it: the run is not finished before, so nothing is lost if we die here."""
        delay_s = self._settings.retry_first_s
        while True:
            try:
                await send()
            except BrokerUnavailable as error:
                self._health.set("kafka", ok=False, detail=str(error))
                metrics.RETRIES.labels(service="processors", cause="broker").inc()
                log.warning("Kafka is away, trying again", error=str(error), delay_s=delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, self._settings.retry_longest_s)
            else:
                self._health.set("kafka", ok=True)
                return


def _all_refused(arrivals: Arrivals, rejected: Rejected) -> list[Refusal]:
    reasons = (Reason(rejected.code, rejected.message),)
    texts = (orjson.dumps(record).decode() for record in arrivals.records)
    return [
        *arrivals.refused,
        *(
            Refusal(text, version, 0, received_at, reasons)
            for text, version, received_at in zip(texts, arrivals.versions, arrivals.received_at, strict=True)
        ),
    ]


@contextmanager
def _timed(histogram: Any) -> Iterator[None]:
    started = perf_counter()
    yield
    histogram.observe(perf_counter() - started)
