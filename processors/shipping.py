"""Where do products go?  Rows to topic records, refusals to topic quarantine, with what sinks must know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import PATCHES, Header, Op, Topics
from processors.admission import Admitted, attempt_of
from processors.marking import ensure_patched
from processors.outlet import Consignment, Outgoing, Outlet
from processors.pipeline import Product
from processors.refusals import Refusal, quarantine_values


@dataclass(frozen=True, slots=True)
class Sender:
    """What a refusal says of the request that its record came with."""

    resource: str
    op: str
    attempt: int = 0  # how often the records were replayed from quarantine

    @classmethod
    def of(cls, run: Run) -> "Sender":
        """Return who sent a run."""
        return cls(run.header(Header.RESOURCE), run.header(Header.OP) or Op.UPSERT, attempt_of(run))


class Shipping:
    """Puts products into consignments."""

    def __init__(self, topics: Topics, outlet: Outlet, catalog: Catalog) -> None:
        self._topics = topics
        self._outlet = outlet
        self._catalog = catalog

    async def ship(
        self,
        admitted: Admitted,
        products: Iterable[tuple[Op, Product]],
        sender: Sender,
        consignment: Consignment,
        *,
        greatest: int,
    ) -> int:
        """Send all products of a slice (`greatest`: its greatest version); return how many were refused."""
        refused = 0
        for op, product in products:
            await self._send_rows(admitted, op, product, greatest, consignment)
            await self.quarantine(admitted.dataset.uid, product.refused, sender, consignment)
            refused += len(product.refused)
            metrics.FIELD_NOTES.inc(product.notes)
        return refused

    async def quarantine(
        self, dataset_uid: str, refused: Sequence[Refusal], sender: Sender, consignment: Consignment
    ) -> None:
        """Send refusals."""
        if not refused:
            return
        values = quarantine_values(
            refused, dataset=dataset_uid, resource=sender.resource, op=sender.op, attempt=sender.attempt
        )
        topic, key = self._topics.quarantine, dataset_uid.encode()
        for value in values:
            await consignment.add(Outgoing(topic, key, value, ((Header.DATASET, key),)))
        for refusal in refused:
            metrics.QUARANTINED_RECORDS.labels(code=refusal.reasons[0].code).inc()

    async def _send_rows(
        self, admitted: Admitted, op: Op, product: Product, greatest: int, consignment: Consignment
    ) -> None:
        if not product.parcels:
            return
        dataset = admitted.dataset
        shared = [
            (Header.DATASET, dataset.uid.encode()),
            (Header.GENERATION, b"%d" % dataset.generation),
            (Header.SCHEMA, product.columns),
            (Header.VERSION, b"%d" % greatest),
        ]
        if op is Op.MERGE:
            shared.append((Header.TARGET, PATCHES.encode()))
            if not (admitted.replayed or dataset.patched):
                await self._outlet.persist(partial(ensure_patched, self._catalog, dataset.uid))
        if dataset.history:
            shared.append((Header.HISTORY, b"1"))
        topic, key = self._topics.records, dataset.uid.encode()
        for rows in product.parcels:
            headers = (*shared, (Header.COUNT, b"%d" % rows.count))
            await consignment.add(Outgoing(topic, key, rows.value, headers))
            metrics.EMITTED_ROWS.inc(rows.count)
