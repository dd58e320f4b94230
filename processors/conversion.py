"""What does this record become?  Types, identity and columns for one dataset at one revision.

Pure. A record's row and id depend on the record and on what the owner declared, never on what its
neighbours were, so replays and workers with different knowledge of the schema agree. The schema decides one
thing only: an integer in a field that is known to hold decimals goes to the decimal column, which reads the
same and keeps the table narrow.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from headwater.domain.fields import Configuration
from headwater.domain.identity import hashed, is_record_id
from headwater.domain.inference import infer
from headwater.domain.schema import MAX_FIELDS, Rung, Schema
from headwater.domain.tables import CLICKHOUSE_TYPES, RECORD_ID, ROW_COLUMNS
from headwater.domain.types import Reading
from processors.parsing import Arrivals
from processors.patches import NULLS, Patch, patch_row, patch_types
from processors.refusals import Reason, Refusal
from processors.slots import UNKNOWN_FIELD, Slot, Slots, UnknownField, UnknownFields
from processors.specialised import EXACT_INT, specialise

SYSTEM = len(ROW_COLUMNS)
NEEDS_KEY = "merge_needs_key"

Row = tuple[Any, ...]  # the values of ROW_COLUMNS or PATCH_COLUMNS (domain/tables.py), then of the columns
Cells = dict[str, Any]  # physical column -> value


@dataclass(slots=True)
class Converted:
    """What a batch of records became; each row has a value for every column."""

    rows: list[Row] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # name -> ClickHouse type, in the rows' order
    refused: list[Refusal] = field(default_factory=list)
    notes: int = 0  # fields left empty because their value did not fit the declared type


class Converter:
    """Reads records of one dataset under one configuration, and learns what is new in them.

    `seen` is what is known to be in the fields; `learnt` what was met beyond it. The owner of a converter
    makes a new one when the configuration changes or `learnt` has been shared.
    """

    def __init__(
        self,
        configuration: Configuration,
        seen: Schema,
        *,
        on_error: str = "null",
        outputs: Collection[str] = (),  # fields that a stack writes into every record, a value or null
    ) -> None:
        self._slots = Slots(configuration, seen)
        self._quarantines = on_error == "quarantine"
        self._id_names = sorted(one.source for one in configuration.id_fields)
        self._fast = specialise(configuration, seen, outputs)

    @property
    def learnt(self) -> Schema:
        """What was met that `seen` did not hold."""
        return self._slots.learnt

    def upserts(
        self, arrivals: Arrivals, resource: str, unknown: UnknownFields = UnknownFields.EVOLVE
    ) -> Converted:
        """Return a row for each record, or its refusal."""
        converted = Converted()
        general = partial(self._upsert, converted, arrivals, resource, unknown)
        if self._fast is not None:
            converted.columns.update(self._fast.columns)
            records, versions, received = arrivals.records, arrivals.versions, arrivals.received_at
            self._fast.convert(records, versions, received, resource, converted.rows, general)
        else:
            for record, version, received_at in _each(arrivals):
                general(record, version, received_at)
        return _filled(converted)

    def merges(
        self, arrivals: Arrivals, resource: str, unknown: UnknownFields = UnknownFields.EVOLVE
    ) -> Converted:
        """Return a patch for each record, or its refusal: without all key fields it patches nothing.

        Of records that share their id and their version the patches are joined, the later over the earlier.
        """
        converted = Converted()
        patches: dict[tuple[str, int], tuple[Patch, str]] = {}
        columns: dict[str, str] = {}
        for record, version, received_at in _each(arrivals):
            patch, spelt, reasons = self._patch(record, version, columns, unknown)
            if self._refuses(reasons):
                converted.refused.append(_refusal(arrivals, record, version, received_at, reasons))
            else:
                converted.notes += len(reasons)
                place = (self._identify(spelt), version)
                patches[place] = ({**patches.get(place, ({}, ""))[0], **patch}, received_at)
        for (record_id, version), (patch, received_at) in patches.items():
            converted.rows.append(_Draft(patch_row(record_id, version, resource, received_at, patch)))
        converted.columns = patch_types(columns)
        return _filled(converted)

    def deletes(
        self, arrivals: Arrivals, resource: str, unknown: UnknownFields = UnknownFields.EVOLVE
    ) -> Converted:
        """Return a tombstone for each record, found by its key fields, or without any by all its values."""
        converted = Converted()
        for record, version, received_at in _each(arrivals):
            _, spelt, reasons = self._read(record, {}, unknown)
            if any(self._is_fatal(reason) for reason in reasons):
                converted.refused.append(_refusal(arrivals, record, version, received_at, reasons))
            else:
                converted.rows.append(tombstone(self._identify(spelt), version, received_at, resource))
        return converted

    def _upsert(
        self,
        converted: Converted,
        arrivals: Arrivals,
        resource: str,
        unknown: UnknownFields,
        record: Mapping[str, Any],
        version: int,
        received_at: str,
    ) -> None:
        """Convert one record the general way."""
        cells, spelt, reasons = self._read(record, converted.columns, unknown)
        if reasons:
            converted.notes += len(reasons)
            if self._refuses(reasons):
                converted.refused.append(_refusal(arrivals, record, version, received_at, reasons))
                return
        system = (self._identify(spelt), version, 0, resource, received_at)
        converted.rows.append(_Draft((*system, cells)))

    def _patch(
        self, record: Mapping[str, Any], version: int, columns: dict[str, str], unknown: UnknownFields
    ) -> tuple[Patch, dict[str, Any], list[Reason]]:
        """Return a record's patch, its spelt values by field, and what did not fit; notes new columns."""
        named: dict[str, tuple[Slot, bool]] = {}  # the last key of a name counts, as in a record
        for key, value in record.items():
            slot = self._slots.find(key, unknown)
            named[slot.name] = (slot, value is None)
        missing = [name for name in self._id_names if name not in named]
        if missing or not self._id_names:
            return {}, {}, [_needs_key(missing)]
        cells, spelt, reasons = self._read(record, columns, unknown)
        patch: Patch = {}
        for name, (slot, is_null) in named.items():
            column = next((one for one in slot.columns.values() if one in cells), None)
            if column is not None and not is_null:
                patch[name] = (column, [version, cells[column]])
            elif not slot.dropped and (rung := self._slots.null_rung(slot)) is not None:
                spelt.pop(name, None)
                column = slot.columns[rung]
                columns.setdefault(column, CLICKHOUSE_TYPES[rung.field_type])
                patch[name] = (column, [version, NULLS.get(rung)])
        return patch, spelt, reasons

    def _refuses(self, reasons: Sequence[Reason]) -> bool:
        return bool(reasons) and (self._quarantines or any(map(self._is_fatal, reasons)))

    def _is_fatal(self, reason: Reason) -> bool:
        """Tell whether a record cannot be stored even without the value."""
        return reason.field in self._id_names or reason.code in (UNKNOWN_FIELD, NEEDS_KEY)

    def _identify(self, spelt: Mapping[str, Any]) -> str:
        if self._id_names:
            return hashed([[name, spelt.get(name)] for name in self._id_names])
        return hashed([[name, spelt[name]] for name in sorted(spelt)])

    def _read(
        self, record: Mapping[str, Any], columns: dict[str, str], unknown: UnknownFields
    ) -> tuple[Cells, dict[str, Any], list[Reason]]:
        """Return the cells, the spelt values by field, and what did not fit; notes new columns."""
        slots = self._slots.by_key(unknown)
        cells: Cells = {}
        spelt: dict[str, Any] = {}
        reasons: list[Reason] = []
        for key, value in record.items():
            slot = slots.get(key) or self._slots.find(key, unknown)
            if value is None or slot.dropped:
                continue
            try:
                reading = _reading(slot, value)
            except (ValueError, TypeError, RecursionError) as error:
                code = UNKNOWN_FIELD if isinstance(error, UnknownField) else "invalid_value"
                reasons.append(Reason(code, str(error), slot.name, "type"))
                continue
            if reading is None:
                continue
            rung, (stored, text) = reading
            if slot.name in spelt:  # two keys make one name: the last counts
                for column in slot.columns.values():
                    cells.pop(column, None)
            if rung not in slot.rungs and not self._slots.learn(slot, rung):
                reasons.append(
                    Reason("too_many_fields", f"more than {MAX_FIELDS} fields", slot.name, "schema")
                )
                continue
            column = slot.columns[rung]
            cells[column] = stored
            columns.setdefault(column, CLICKHOUSE_TYPES[rung.field_type])
            spelt[slot.name] = text
        return cells, spelt, reasons


def removals(arrivals: Arrivals, resource: str) -> Converted:
    """Return a tombstone for each record that names a record id, a refusal for others."""
    converted = Converted()
    for record, version, received_at in _each(arrivals):
        record_id = record.get(RECORD_ID)
        if isinstance(record_id, str) and is_record_id(record_id):
            converted.rows.append(tombstone(record_id, version, received_at, resource))
        else:
            why = "a delete by id names a record id of 40 hex digits in _id"
            reasons = [Reason("invalid_record_id", why)]
            converted.refused.append(_refusal(arrivals, record, version, received_at, reasons))
    return converted


def tombstone(record_id: str, version: int, received_at: str, resource: str) -> Row:
    """Return the row that says that a record is gone."""
    return (record_id, version, 1, resource, received_at)


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


def _reading(slot: Slot, value: Any) -> tuple[Rung, Reading] | None:
    if slot.read is not None:
        return slot.rung, slot.read(value)
    inferred = infer(value)
    if inferred is not None and inferred[0] is Rung.INT and slot.decimals and abs(value) <= EXACT_INT:
        return Rung.DOUBLE, inferred[1]
    return inferred


def _needs_key(missing: Sequence[str]) -> Reason:
    if not missing:
        return Reason(NEEDS_KEY, "the dataset has no unique key, so there is nothing to merge into")
    return Reason(NEEDS_KEY, f"a merge names every key field; missing: {', '.join(missing)}", missing[0])


def _each(arrivals: Arrivals) -> Iterable[tuple[dict[str, Any], int, str]]:
    return zip(arrivals.records, arrivals.versions, arrivals.received_at, strict=True)


def _refusal(
    arrivals: Arrivals,
    record: Mapping[str, Any],
    version: int,
    received_at: str,
    reasons: Sequence[Reason],
) -> Refusal:
    position = arrivals.position_of(record)
    text = orjson.dumps(arrivals.raw_of(record)).decode()
    return Refusal(text, version, position, received_at, tuple(reasons))
