"""From a run to what leaves the processor: messages of rows, messages of refusals, and counts.

Pure, and in slices: a push of many tiny records never holds all its rows in memory at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import orjson

from headwater.domain.datasets import Dataset
from headwater.domain.fields import configure
from headwater.domain.schema import Schema
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES, Op
from processors.conversion import Converted, Converter, Row, removals
from processors.parsing import Arrivals
from processors.refusals import Refusal
from processors.slots import UnknownFields

SLICE_RECORDS = 5_000
MAX_VALUE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # what headers and framing need
EARLIER_GENERATION = "earlier_generation"


@dataclass(frozen=True, slots=True)
class Workshop:
    """What converts the records for one generation, until the configuration or the schema changes."""

    dataset: Dataset
    schema: Schema
    converter: Converter

    @classmethod
    def of(cls, dataset: Dataset, schema: Schema) -> "Workshop":
        configuration = configure(dataset, schema)
        return cls(dataset, schema, Converter(configuration, schema, on_error=dataset.on_error))

    def fits(self, dataset: Dataset, schema: Schema) -> bool:
        """Tell whether the workshop is still up to date for a dataset in the same generation."""
        return self.dataset.revision == dataset.revision and self.schema is schema

    def policy(self, resource_id: str, *, checked: bool) -> UnknownFields:
        """Return what a resource does with unknown fields.

        Where the gateway has refused them already (`checked`), what we do not know yet is only new to us.
        """
        resource = self.dataset.resource(resource_id)
        policy = UnknownFields(resource.params.get("unknown_fields", "evolve") if resource else "evolve")
        return UnknownFields.EVOLVE if checked and policy is UnknownFields.REJECT else policy


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one message: JSON arrays with commas between them."""

    value: bytes
    count: int


@dataclass(slots=True)
class Product:
    """What a slice of records became."""

    parcels: list[Rows] = field(default_factory=list)
    columns: bytes = b"{}"  # JSON: physical column -> ClickHouse type, in the rows' order
    refused: list[Refusal] = field(default_factory=list)
    notes: int = 0


def slices(arrivals: Arrivals) -> Iterator[Arrivals]:
    """Cut arrivals into slices of at most SLICE_RECORDS, in order."""
    if len(arrivals) <= SLICE_RECORDS:
        yield arrivals
        return
    for start in range(0, len(arrivals), SLICE_RECORDS):
        end = start + SLICE_RECORDS
        yield Arrivals(
            arrivals.records[start:end],
            arrivals.versions[start:end],
            arrivals.received_at[start:end],
            arrivals.refused if start == 0 else [],
            arrivals.positions[start:end],
        )


def since(arrivals: Arrivals, version: int) -> tuple[Arrivals, int]:
    """Leave out the records below a version; return the rest and how many were left out."""
    if not arrivals.versions or min(arrivals.versions) >= version:
        return arrivals, 0
    keep = [index for index, own in enumerate(arrivals.versions) if own >= version]
    kept = replace(
        arrivals,
        records=[arrivals.records[index] for index in keep],
        versions=[arrivals.versions[index] for index in keep],
        received_at=[arrivals.received_at[index] for index in keep],
        positions=[arrivals.positions[index] for index in keep],
    )
    return kept, len(arrivals) - len(kept)


def produce(
    workshop: Workshop,
    arrivals: Arrivals,
    resource: str,
    op: Op,
    unknown: UnknownFields = UnknownFields.EVOLVE,
) -> Product:
    """Convert a slice and encode its rows."""
    converted = _convert(workshop.converter, arrivals, resource, op, unknown)
    parcels, oversized = encode(converted.rows)
    refused = [*arrivals.refused, *converted.refused, *map(_too_large, oversized)]
    return Product(parcels, orjson.dumps(converted.columns), refused, converted.notes)


def encode(rows: list[Row]) -> tuple[list[Rows], list[Row]]:
    """Return rows as values of at most MAX_VALUE_BYTES, and those that are larger alone.

    All at once, which costs a third of encoding one by one: nearly always they fit one message.
    """
    if not rows:
        return [], []
    value = orjson.dumps(rows)[1:-1]
    if len(value) <= MAX_VALUE_BYTES:
        return [Rows(value, len(rows))], []
    lines = list(map(orjson.dumps, rows))
    oversized = [row for row, line in zip(rows, lines, strict=True) if len(line) > MAX_VALUE_BYTES]
    return list(_packed([line for line in lines if len(line) <= MAX_VALUE_BYTES])), oversized


def _convert(
    converter: Converter, arrivals: Arrivals, resource: str, op: Op, unknown: UnknownFields
) -> Converted:
    match op:
        case Op.UPSERT:
            return converter.upserts(arrivals, resource, unknown)
        case Op.MERGE:
            return converter.merges(arrivals, resource, unknown)
        case Op.DELETE:
            return converter.deletes(arrivals, resource, unknown)
        case Op.DELETE_BY_ID:
            return removals(arrivals, resource)


def _packed(lines: Sequence[bytes]) -> Iterator[Rows]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) + 1 > MAX_VALUE_BYTES:
            yield Rows(b",".join(batch), len(batch))
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield Rows(b",".join(batch), len(batch))


def _too_large(row: Row) -> Refusal:
    line = orjson.dumps(row)
    text = line[: MAX_VALUE_BYTES // 8].decode(errors="replace")
    why = f"the row has {len(line)} bytes; {MAX_VALUE_BYTES} is the limit"
    # The fourth value of a patch is its arrival, of a row its resource, and then comes the arrival.
    received_at: str = row[3][1] if isinstance(row[3], list) else row[4]
    return Refusal.of(text, row[1], 0, received_at, "row_too_large", why)
