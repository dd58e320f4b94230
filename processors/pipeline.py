"""From a run to what leaves the processor: messages of rows, messages of refusals, and counts.

Pure, and in slices: a push of many tiny records never holds all its rows in memory at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import orjson

from headwater.domain.datasets import Dataset
from headwater.domain.errors import InvalidDocument
from headwater.domain.fields import configure, named_in_stack
from headwater.domain.schema import Schema
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES, Op
from processors.conversion import Converted, Converter, Row, removals
from processors.parsing import Arrivals
from processors.refusals import Reason, Refusal
from processors.slots import UnknownFields
from processors.stack.chain import Chain, Policy
from processors.staging import Staged, refusal, screened

SLICE_RECORDS = 5_000
MAX_VALUE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # what headers and framing need
NO_STACK = Chain((), frozenset())
EARLIER_GENERATION = "earlier_generation"


@dataclass(frozen=True, slots=True)
class Workshop:
    """What converts the records for one generation, until the configuration or the schema changes."""

    dataset: Dataset
    schema: Schema
    converter: Converter
    chain: Chain = NO_STACK
    key: frozenset[str] = frozenset()  # source names of the unique key
    known: frozenset[str] = frozenset()  # names under which fields may be sent, where there is a stack
    problem: str = ""  # why the stack cannot run any more; then every record is refused

    @classmethod
    def of(cls, dataset: Dataset, schema: Schema, chain: Chain | None = None) -> "Workshop":
        """Return the workshop; `chain` is the dataset's stack if it was compiled before."""
        configuration = configure(dataset, schema)
        if not dataset.processors:
            return cls(dataset, schema, Converter(configuration, schema, on_error=dataset.on_error))
        problem = ""
        try:
            chain = chain or Chain.of(dataset.processors)
        except InvalidDocument as error:
            problem = str(error)
            chain = NO_STACK
        converter = Converter(configuration, schema, on_error=dataset.on_error, outputs=chain.outputs)
        sources = {one.source for one in configuration.fields}
        return cls(
            dataset,
            schema,
            converter,
            chain=chain,
            key=frozenset(one.source for one in configuration.id_fields),
            known=named_in_stack(dataset.processors) | sources | configuration.deleted,
            problem=problem,
        )

    def next(self, dataset: Dataset, schema: Schema) -> "Workshop":
        """Return the workshop for a later state of the dataset: same generation, same stack."""
        return Workshop.of(dataset, schema, None if self.problem else self.chain)

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
    places: list[tuple[str, int]] = field(default_factory=list)  # id and version of each row, where asked for
    given_up: bool = False  # its records were not answered, and are stored all the same


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
    kept = arrivals.chosen([index for index, own in enumerate(arrivals.versions) if own >= version])
    return replace(kept, refused=arrivals.refused), len(arrivals) - len(kept)


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


@dataclass(frozen=True, slots=True)
class Load:
    """Records that are converted in one way."""

    op: Op
    arrivals: Arrivals


def stack_policy(workshop: Workshop, op: Op, *, gives_up: bool) -> Policy:
    """Return what becomes of records that a processor cannot handle.

    A deletion needs only its key: what a stack cannot make of the few fields that were sent is left empty.
    """
    lenient = workshop.dataset.on_processor_error == "null" or op is Op.DELETE
    return Policy(lenient=lenient, gives_up=gives_up, deletes=op is Op.DELETE, key=workshop.key)


def before_stack(workshop: Workshop, arrivals: Arrivals, unknown: UnknownFields) -> Arrivals:
    """Return the arrivals that pass the stack; of a stack that cannot run they are all refused."""
    if workshop.problem:
        reasons = [Reason("invalid_stack", f"the stack cannot run: {workshop.problem}")]
        refused = [refusal(arrivals, place, reasons) for place in range(len(arrivals))]
        return Arrivals(refused=[*arrivals.refused, *refused])
    return screened(arrivals, workshop.known, unknown)


def produce_staged(
    workshop: Workshop, staged: Staged, resource: str, op: Op, *, placed: bool = False
) -> list[tuple[Op, Product]]:
    """Convert what a stack made of a slice; of a record that became several, all parts are stored or none.

    With `placed`, and where records were given up, the products name their rows.
    """
    loads = _loads(staged, op)
    converted = [_convert_load(workshop, load, resource) for load in loads]
    refused = [one for each in converted for one in each.refused]
    if refused and staged.several:
        places = {(one.version, one.position): one for one in reversed(refused)}
        refused = list(places.values())
        loads = _loads(staged.without(places.keys()), op)
        converted = [_convert_load(workshop, load, resource) for load in loads]
    products = []
    for load, each in zip(loads, converted, strict=True):
        rows = list({row[:2]: row for row in each.rows}.values()) if staged.several else each.rows
        products.append((load.op, _product(rows, each, placed=placed or bool(staged.given_up))))
        products[-1][1].given_up = bool(staged.given_up)
    products.append((op, Product(refused=[*staged.refused, *refused], notes=staged.notes)))
    return products


def _product(rows: list[Row], converted: Converted, *, placed: bool) -> Product:
    parcels, oversized = encode(rows)
    return Product(
        parcels,
        orjson.dumps(converted.columns),
        list(map(_too_large, oversized)),
        converted.notes,
        [(row[0], row[1]) for row in rows] if placed else [],
    )


def _loads(staged: Staged, op: Op) -> list[Load]:
    loads = [Load(op, staged.kept), Load(Op.DELETE, staged.doomed)]
    return [load for load in loads if len(load.arrivals)]


def _convert_load(workshop: Workshop, load: Load, resource: str) -> Converted:
    return _convert(workshop.converter, load.arrivals, resource, load.op, UnknownFields.EVOLVE)


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
