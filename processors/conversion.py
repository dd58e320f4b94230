"""What does this record become?  Types, identity and columns for one dataset at one revision.

Pure. A record's row and id depend on the record and on what the owner declared, never on what its
neighbours were, so replays and workers with different knowledge of the schema agree. The schema decides one
thing only: an integer in a field that is known to hold decimals goes to the decimal column, which reads the
same and keeps the table narrow.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from headwater.domain.fields import Configuration, Field
from headwater.domain.identity import hashed
from headwater.domain.inference import infer, technical_name
from headwater.domain.schema import MAX_FIELDS, Rung, Schema
from headwater.domain.tables import CLICKHOUSE_TYPES, ROW_COLUMNS, physical_column
from headwater.domain.types import READERS, FieldType, Reading, read_text
from processors.parsing import Arrivals
from processors.refusals import Reason, Refusal
from processors.specialised import EXACT_INT, specialise

SYSTEM = len(ROW_COLUMNS)

Row = tuple[Any, ...]  # the values of domain.tables.ROW_COLUMNS, then of the columns
Cells = dict[str, Any]  # physical column -> value


@dataclass(slots=True)
class Converted:
    """What a batch of records became; each row has a value for every column."""

    rows: list[Row] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # name -> ClickHouse type, in the rows' order
    refused: list[Refusal] = field(default_factory=list)
    notes: int = 0  # fields left empty because their value did not fit the declared type


@dataclass(slots=True)
class Slot:
    """Where values under one JSON key go."""

    name: str  # the field's source name
    read: Callable[[Any], Reading] | None  # of a declared field
    rung: Rung  # of a declared field
    dropped: bool
    decimals: bool  # whether `seen` knows it to hold decimals
    rungs: frozenset[Rung]  # what is known to be in the field
    columns: Mapping[Rung, str]


class Converter:
    """Reads records of one dataset under one configuration, and learns what is new in them.

    `seen` is what is known to be in the fields; `learnt` what was met beyond it. The owner of a converter
    makes a new one when the configuration changes or `learnt` has been shared.
    """

    def __init__(self, configuration: Configuration, seen: Schema, *, on_error: str = "null") -> None:
        self._configuration = configuration
        self._fields = {one.source: one for one in configuration.fields}
        self._seen = seen
        self._quarantines = on_error == "quarantine"
        self._slots: dict[str, Slot] = {}
        self._id_names = sorted(one.source for one in configuration.id_fields)
        self._learnt: dict[str, set[Rung]] = {}
        self._fast = specialise(configuration, seen)

    @property
    def learnt(self) -> Schema:
        """What was met that `seen` did not hold."""
        return Schema(self._learnt)

    def upserts(self, arrivals: Arrivals, resource: str) -> Converted:
        """Return a row for each record, or its refusal."""
        converted = Converted()
        general = partial(self._upsert, converted, resource)
        if self._fast is not None:
            converted.columns.update(self._fast.columns)
            records, versions, received = arrivals.records, arrivals.versions, arrivals.received_at
            self._fast.convert(records, versions, received, resource, converted.rows, general)
        else:
            for record, version, received_at in _each(arrivals):
                general(record, version, received_at)
        return _filled(converted)

    def _upsert(
        self, converted: Converted, resource: str, record: Mapping[str, Any], version: int, received_at: str
    ) -> None:
        """Convert one record the general way."""
        cells, spelt, reasons = self._read(record, converted.columns)
        if reasons:
            converted.notes += len(reasons)
            if self._quarantines or any(reason.field in self._id_names for reason in reasons):
                converted.refused.append(_refusal(record, version, received_at, reasons))
                return
        system = (self._identify(spelt), version, 0, resource, received_at)
        converted.rows.append(_Draft((*system, cells)))

    def deletes(self, arrivals: Arrivals, resource: str) -> Converted:
        """Return a tombstone for each record, found by its key fields, or without any by all its values."""
        converted = Converted()
        for record, version, received_at in _each(arrivals):
            _, spelt, reasons = self._read(record, {})
            if any(reason.field in self._id_names for reason in reasons):
                converted.refused.append(_refusal(record, version, received_at, reasons))
            else:
                converted.rows.append(tombstone(self._identify(spelt), version, received_at, resource))
        return converted

    def _identify(self, spelt: Mapping[str, Any]) -> str:
        if self._id_names:
            return hashed([[name, spelt.get(name)] for name in self._id_names])
        return hashed([[name, spelt[name]] for name in sorted(spelt)])

    def _read(
        self, record: Mapping[str, Any], columns: dict[str, str]
    ) -> tuple[Cells, dict[str, Any], list[Reason]]:
        """Return the cells, the spelt values by field, and what did not fit; notes new columns."""
        cells: Cells = {}
        spelt: dict[str, Any] = {}
        reasons: list[Reason] = []
        for key, value in record.items():
            slot = self._slots.get(key) or self._slot(key)
            if value is None or slot.dropped:
                continue
            try:
                reading = self._reading(slot, value)
            except (ValueError, TypeError, RecursionError) as error:
                reasons.append(Reason("invalid_value", str(error), slot.name, "type"))
                continue
            if reading is None:
                continue
            rung, (stored, text) = reading
            if slot.name in spelt:  # two keys make one name: the last counts
                for column in slot.columns.values():
                    cells.pop(column, None)
            if rung not in slot.rungs and not self._learn(slot, rung):
                reasons.append(
                    Reason("too_many_fields", f"more than {MAX_FIELDS} fields", slot.name, "schema")
                )
                continue
            column = slot.columns[rung]
            cells[column] = stored
            columns.setdefault(column, CLICKHOUSE_TYPES[rung.field_type])
            spelt[slot.name] = text
        return cells, spelt, reasons

    def _reading(self, slot: Slot, value: Any) -> tuple[Rung, Reading] | None:
        if slot.read is not None:
            return slot.rung, slot.read(value)
        inferred = infer(value)
        if inferred is not None and inferred[0] is Rung.INT and slot.decimals and abs(value) <= EXACT_INT:
            return Rung.DOUBLE, inferred[1]
        return inferred

    def _learn(self, slot: Slot, rung: Rung) -> bool:
        """Note a new rung; False when the dataset has as many fields as it may."""
        names = self._learnt.keys() | set(self._seen)
        if slot.name not in names and len(names) >= MAX_FIELDS:
            return False
        self._learnt.setdefault(slot.name, set()).add(rung)
        slot.rungs = slot.rungs | {rung}
        return True

    def _slot(self, key: str) -> Slot:
        name = technical_name(key)
        one = self._fields.get(name)
        rungs = self._seen.rungs(name) | self._learnt.get(name, set())
        slot = Slot(
            name=name,
            read=_reader(one) if one and one.declared else None,
            rung=Rung(one.type.value) if one and one.declared else Rung.TEXT,
            dropped=name in self._configuration.deleted,
            decimals=Rung.DOUBLE in self._seen.rungs(name),
            rungs=frozenset(rungs),
            columns={rung: physical_column(name, rung.field_type) for rung in Rung},
        )
        if len(self._slots) < 4 * MAX_FIELDS:  # keys beyond this are noise; they are looked up anew each time
            self._slots[key] = slot
        return slot


class _Draft(tuple[Any, ...]):
    """A row of the general way until the batch's columns are known: its last value is its cells."""

    __slots__ = ()


def _filled(converted: Converted) -> Converted:
    """Give every row a value for every column of its batch."""
    columns = tuple(converted.columns)
    if any(row.__class__ is _Draft or len(row) < SYSTEM + len(columns) for row in converted.rows):
        converted.rows = [_row(row, columns) for row in converted.rows]
    return converted


def _row(row: Row, columns: Sequence[str]) -> Row:
    if isinstance(row, _Draft):
        return (*row[:-1], *map(row[-1].get, columns))
    return row + (None,) * (SYSTEM + len(columns) - len(row))


def tombstone(record_id: str, version: int, received_at: str, resource: str) -> Row:
    """Return the row that says that a record is gone."""
    return (record_id, version, 1, resource, received_at)


def _reader(one: Field) -> Callable[[Any], Reading]:
    if one.type is FieldType.TEXT:
        return partial(read_text, separator=one.separator)
    return READERS[one.type]


def _each(arrivals: Arrivals) -> Iterable[tuple[dict[str, Any], int, str]]:
    return zip(arrivals.records, arrivals.versions, arrivals.received_at, strict=True)


def _refusal(record: Mapping[str, Any], version: int, received_at: str, reasons: Sequence[Reason]) -> Refusal:
    return Refusal(orjson.dumps(record).decode(), version, 0, received_at, tuple(reasons))
