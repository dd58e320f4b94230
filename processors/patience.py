"""Does the catalog know enough to decide?  Waits until it does, for as long as that may take.

Guarantee: nothing is decided by a catalog that may lack a change older than `catalog_max_age_s`. Whoever
changes a dataset may count on every processor having followed after that time.
"""

import asyncio

import structlog

from headwater.domain.datasets import Dataset
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Header
from processors.admission import Admitted, Behind, Dropped, Rejected, admit
from processors.settings import ProcessorSettings

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.05


class Patience:
    """Decides about runs by what the catalog says, after waiting where it says too little."""

    def __init__(self, settings: ProcessorSettings, catalog: Catalog, health: Health) -> None:
        self._settings = settings
        self._catalog = catalog
        self._health = health
        self._changed = asyncio.Event()
        self._given_up: dict[str, int] = {}  # of what a Behind names: what did not come
        catalog.subscribe(self._on_change)

    async def refresh(self) -> None:
        """Return at once while the catalog is young enough, else when it has heard from the broker again."""
        if self._catalog.age_s <= self._settings.catalog_max_age_s:
            return
        if self._catalog.ready:  # it waits for Kafka, which no restart would mend; if not, only one would
            self._health.set("kafka", ok=False, detail="the catalog hears nothing")
        metrics.RETRIES.labels(service="processors", cause="catalog").inc()
        log.warning("the catalog is too old to decide by, waiting", age_s=round(self._catalog.age_s, 1))
        while self._catalog.age_s > self._settings.catalog_max_age_s:  # noqa: ASYNC110 - an age has no event
            await asyncio.sleep(LOOK_EVERY_S)
        self._health.set("kafka", ok=True)

    async def verdict(self, run: Run) -> Admitted | Rejected | Dropped:
        """Decide about a run."""
        verdict = admit(run, self._dataset(run))
        if not isinstance(verdict, Behind):
            return verdict
        if self._given_up.get(verdict.what, 0) < verdict.least:
            try:
                async with asyncio.timeout(self._settings.catalog_patience_s):
                    return await self._caught_up(run)
            except TimeoutError:
                await self.refresh()  # that a catalog lags does not prove that it will never come
                if isinstance(admit(run, self._dataset(run)), Behind):
                    self._give_up(verdict)
        final = admit(run, self._dataset(run), patient=False)
        assert not isinstance(final, Behind)
        return final

    async def _caught_up(self, run: Run) -> Admitted | Rejected | Dropped:
        while isinstance(verdict := admit(run, self._dataset(run)), Behind):
            self._changed.clear()
            await self._changed.wait()
        return verdict

    def _give_up(self, behind: Behind) -> None:
        log.warning("the catalog lacks what a sender knew", what=behind.what, least=behind.least)
        if len(self._given_up) >= self._settings.datasets_in_memory:
            self._given_up.clear()  # forgetting only means to wait once more
        self._given_up[behind.what] = behind.least

    def _dataset(self, run: Run) -> Dataset | None:
        return self._catalog.find(run.header(Header.DATASET))

    def _on_change(self, _: Dataset | None, __: Dataset | None) -> None:
        self._changed.set()
