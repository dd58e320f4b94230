"""What does a slice of records become under a dataset's configuration?  Stack, conversion, encoding.

Keeps what was compiled for each dataset, and makes sure that what a slice taught about the schema is known to
everybody before a row that needs it can leave.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from headwater.domain.datasets import Dataset
from headwater.domain.errors import StoreUnavailable
from headwater.domain.schema import Schema
from headwater.runtime import metrics
from headwater.runtime.health import Health
from headwater.runtime.kafka.topics import Op
from headwater.runtime.schemas import Schemas
from processors.admission import Admitted
from processors.outlet import Outlet
from processors.parsing import Arrivals
from processors.persistence import Persistence
from processors.pipeline import (
    Product,
    Workshop,
    before_stack,
    produce,
    produce_staged,
    stack_policy,
)
from processors.postponed import Late
from processors.settings import ProcessorSettings
from processors.staging import Service, Stager


@dataclass(slots=True)
class Made:
    """What a slice became, and which of its records somebody who is away could not be asked about."""

    products: list[tuple[Op, Product]] = field(default_factory=list)
    waiting: list[tuple[Late, str]] = field(default_factory=list)  # of which nothing is stored; the provider
    given_up: list[tuple[Late, str]] = field(default_factory=list)  # which are stored as they are


class Works:
    """Makes products of records."""

    def __init__(
        self,
        settings: ProcessorSettings,
        *,
        schemas: Schemas,
        outlet: Outlet,
        health: Health,
        services: Mapping[str, Service],
    ) -> None:
        self._settings = settings
        self._schemas = schemas
        self._outlet = outlet
        self.stager = Stager(
            services,
            Persistence(settings, health, check="store", cause="store", failure=StoreUnavailable),
        )
        self._workshops: dict[tuple[str, int], Workshop] = {}
        self._compiling = asyncio.Lock()  # maps are loaded once, not by everybody who needs them

    async def make(
        self, admitted: Admitted, part: Arrivals, *, gives_up: bool = False, placed: bool = False
    ) -> Made:
        """Return what a slice becomes. With `gives_up` nobody is waited for; with `placed` products name
        their rows.
        """
        dataset = admitted.dataset
        workshop = await self._workshop(dataset)
        if dataset.processors and admitted.op is not Op.DELETE_BY_ID:
            return await self._make_staged(admitted, workshop, part, gives_up, placed)
        unknown = workshop.policy(admitted.resource, checked=admitted.checked)
        with _timed(metrics.PROCESSING_SECONDS):
            product = produce(workshop, part, admitted.resource, admitted.op, unknown)
        await self._share(dataset, workshop)
        return Made([(admitted.op, product)])

    async def _make_staged(
        self, admitted: Admitted, workshop: Workshop, part: Arrivals, gives_up: bool, placed: bool
    ) -> Made:
        dataset, op = admitted.dataset, admitted.op
        with _timed(metrics.STACK_SECONDS):
            unknown = workshop.policy(admitted.resource, checked=admitted.checked)
            ready = before_stack(workshop, part, unknown)
            policy = stack_policy(workshop, op, gives_up=gives_up)
            pieces = await self.stager.stage(workshop.chain, ready, op, policy, dataset.uid)
        made = Made([(op, Product(refused=ready.refused))])
        for staged in pieces:
            workshop = await self._workshop(dataset)  # others may have taught it something meanwhile
            with _timed(metrics.PROCESSING_SECONDS):
                made.products += produce_staged(workshop, staged, admitted.resource, op, placed=placed)
            await self._share(dataset, workshop)
            made.waiting += staged.waiting
            made.given_up += staged.given_up
            for rule, count in staged.discarded.items():
                metrics.DISCARDED_RECORDS.labels(rule=rule).inc(count)
        return made

    async def _workshop(self, dataset: Dataset) -> Workshop:
        schema = self._schemas.get(dataset.uid)
        place = (dataset.uid, dataset.generation)
        workshop = self._workshops.get(place)
        if workshop is not None and workshop.fits(dataset, schema):
            return workshop
        if workshop is not None and workshop.dataset.processors == dataset.processors:
            workshop = workshop.next(dataset, schema)
        else:
            workshop = await self._compiled(dataset, schema)
        if len(self._workshops) >= self._settings.datasets_in_memory:
            self._workshops.clear()
        self._workshops[place] = workshop
        return workshop

    async def _compiled(self, dataset: Dataset, schema: Schema) -> Workshop:
        """Return a new workshop. A stack may load maps for seconds: the loop goes on meanwhile."""
        if not dataset.processors:
            return Workshop.of(dataset, schema)
        async with self._compiling:
            return await asyncio.to_thread(Workshop.of, dataset, schema)

    async def _share(self, dataset: Dataset, workshop: Workshop) -> None:
        """Publish what was learnt."""
        if len(learnt := workshop.converter.learnt):
            metrics.SCHEMA_GROWTHS.inc()
            await self._outlet.persist(partial(self._schemas.grow, dataset.uid, learnt))


@contextmanager
def _timed(histogram: Any) -> Iterator[None]:
    started = perf_counter()
    yield
    histogram.observe(perf_counter() - started)
