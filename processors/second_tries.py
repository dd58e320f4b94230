"""What becomes of records that wait for somebody who is away?  They are tried again, and never lost.

Guarantee: a record that cannot be answered is on topic postponed before its run is finished, and leaves the
topic only after what it became is on the log. So it is tried at least once more, which converges by version.
"""

from collections.abc import Iterable, Sequence

import structlog

from headwater.domain.datasets import Dataset
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.topics import Op, Topics
from processors.admission import Admitted, generation_of
from processors.conversion import tombstone
from processors.outlet import Consignment, Outgoing, Outlet
from processors.pipeline import EARLIER_GENERATION, Product, encode, since
from processors.postponed import Late, Postponed, RowPlace, read
from processors.settings import ProcessorSettings
from processors.shipping import Sender, Shipping
from processors.works import Made, Works

log = structlog.get_logger(__name__)

UNPUBLISHED = "unpublished"
NOT_ANSWERED = "not_answered"


class SecondTries:
    """Sends records to topic postponed, and takes them up again."""

    def __init__(
        self,
        settings: ProcessorSettings,
        *,
        topics: Topics,
        catalog: Catalog,
        clock: Clock,
        works: Works,
        shipping: Shipping,
        outlet: Outlet,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._catalog = catalog
        self._clock = clock
        self._works = works
        self._shipping = shipping
        self._outlet = outlet

    async def postpone(self, admitted: Admitted, made: Made) -> None:
        """Let the records wait that were not answered; they are on the log on return."""
        now_us = self._clock.now_us()
        fresh = Postponed(resource=admitted.resource, op=admitted.op, since_us=now_us, tries=0, records=())
        await self._postpone(admitted.dataset.uid, fresh, made)

    async def take(self, dataset_uid: str, value: bytes) -> None:
        """Try the records of one message of the topic again; what they became is on the log on return."""
        try:
            postponed = read(value)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("line of topic postponed cannot be read", dataset=dataset_uid, error=repr(error))
            return
        dataset = self._catalog.get(dataset_uid)
        if dataset is None or not dataset.published:
            metrics.DISCARDED_RECORDS.labels(rule=UNPUBLISHED).inc(len(postponed.records))
            return
        made = await self._try(dataset, postponed)
        if building := dataset.build and generation_of(dataset, dataset.build.generation):
            await self._try(building, postponed)
        await self._wait_on(dataset_uid, postponed, made)

    async def _try(self, dataset: Dataset, postponed: Postponed) -> Made:
        """Make and send what the records are in one generation."""
        admitted = Admitted(dataset, postponed.resource, postponed.op, checked=False)
        kept, earlier = since(postponed.arrivals(), dataset.since_version)
        if earlier:
            metrics.DISCARDED_RECORDS.labels(rule=EARLIER_GENERATION).inc(earlier)
        made = await self._works.make(admitted, kept, gives_up=self._gives_up(postponed), placed=True)
        if postponed.stored:
            made.products.append((Op.DELETE, self._undone(postponed, made)))
        consignment = Consignment("", self._outlet)
        await self._shipping.ship(
            admitted,
            made.products,
            Sender(postponed.resource, postponed.op),
            consignment,
            greatest=max(kept.versions, default=0),
        )
        await consignment.close()
        metrics.PROCESSED_RECORDS.labels(op=postponed.op.value).inc(len(kept) - len(made.waiting))
        return made

    async def _wait_on(self, dataset_uid: str, postponed: Postponed, made: Made) -> None:
        """Let those wait once more that were not answered again."""
        if self._age_s(postponed) > self._settings.forget_after_s:
            count = len(made.waiting) + len(made.given_up)
            if count:
                log.warning("nobody answered, given up for good", dataset=dataset_uid, records=count)
                metrics.RETRIES.labels(service="processors", cause=NOT_ANSWERED).inc(count)
            return
        await self._postpone(dataset_uid, postponed, made)

    async def _postpone(self, dataset_uid: str, postponed: Postponed, made: Made) -> None:
        if made.waiting:
            await self._send(dataset_uid, postponed.again(_lates(made.waiting)))
        if made.given_up:
            again = postponed.again(_lates(made.given_up))
            await self._send(dataset_uid, again.kept_as(_places(made, postponed.op)))
        for _, provider in made.waiting:
            metrics.POSTPONED_RECORDS.labels(provider=provider).inc()
        for _, provider in made.given_up:
            metrics.GIVEN_UP_RECORDS.labels(provider=provider).inc()

    def _gives_up(self, postponed: Postponed) -> bool:
        return postponed.given_up or self._age_s(postponed) >= self._settings.give_up_after_s

    def _age_s(self, postponed: Postponed) -> float:
        return (self._clock.now_us() - postponed.since_us) / 1_000_000

    def _undone(self, postponed: Postponed, made: Made) -> Product:
        """Return tombstones of the rows that the records were stored as and are not any more."""
        present = {place for _, product in made.products for place in product.places}
        arrived = {late.version: late.received_at for late in postponed.records}
        rows = [
            tombstone(record_id, version, arrived[version], postponed.resource)
            for record_id, version in postponed.stored
            if (record_id, version) not in present and version in arrived
        ]
        parcels, _ = encode(rows)
        return Product(parcels)

    async def _send(self, dataset_uid: str, postponed: Postponed) -> None:
        for value in postponed.values():
            outgoing = Outgoing(self._topics.postponed, dataset_uid.encode(), value, partition=postponed.tier)
            await self._outlet.send(outgoing)


def _lates(named: Iterable[tuple[Late, str]]) -> tuple[Late, ...]:
    return tuple(late for late, _ in named)


def _places(made: Made, op: Op) -> Sequence[RowPlace]:
    """Return the rows that records without an answer were stored as; merges change rows, they make none."""
    if op is not Op.UPSERT:
        return ()
    return [place for _, product in made.products if product.given_up for place in product.places]
