"""Where do the values under this key go?  One slot for every JSON key of a dataset's records.

A slot knows the field, how its values are read and which columns it has; what a resource does with fields
that nobody knew (unknown_fields) is decided here, once for each key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, NoReturn

from headwater.domain.fields import Configuration, Field
from headwater.domain.inference import technical_name
from headwater.domain.schema import MAX_FIELDS, Rung, Schema
from headwater.domain.tables import physical_column
from headwater.domain.types import READERS, FieldType, Reading, read_text

_ORDER = tuple(Rung)


UNKNOWN_FIELD = "unknown_field"


class UnknownFields(StrEnum):
    """What a resource does with a field that the dataset did not have."""

    EVOLVE = "evolve"  # the dataset has it from now on
    DROP = "drop"  # the record is stored without it
    REJECT = "reject"  # the record is refused


class UnknownField(ValueError):
    """A value came under the name of a field that does not exist."""


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


class Slots:
    """The slots of one dataset under one configuration, and what was met in them beyond `seen`."""

    def __init__(self, configuration: Configuration, seen: Schema) -> None:
        self._deleted = configuration.deleted
        self._fields = {one.source: one for one in configuration.fields}
        self._seen = seen
        self._learnt: dict[str, set[Rung]] = {}
        self._slots: dict[UnknownFields, dict[str, Slot]] = {policy: {} for policy in UnknownFields}

    @property
    def learnt(self) -> Schema:
        """What was met that `seen` did not hold."""
        return Schema(self._learnt)

    def by_key(self, policy: UnknownFields) -> Mapping[str, Slot]:
        """Return the slots so far; those that are missing are had from `find`."""
        return self._slots[policy]

    def find(self, key: str, policy: UnknownFields) -> Slot:
        """Return the slot of a key."""
        slots = self._slots[policy]
        slot = slots.get(key)
        if slot is None:
            slot = self._make(technical_name(key), policy)
            if len(slots) < 4 * MAX_FIELDS:  # keys beyond this are noise; they are looked up anew each time
                slots[key] = slot
        return slot

    def learn(self, slot: Slot, rung: Rung) -> bool:
        """Note a new rung; False when the dataset has as many fields as it may."""
        names = self._learnt.keys() | set(self._seen)
        if slot.name not in names and len(names) >= MAX_FIELDS:
            return False
        self._learnt.setdefault(slot.name, set()).add(rung)
        slot.rungs = slot.rungs | {rung}
        return True

    def null_rung(self, slot: Slot) -> Rung | None:
        """Return the rung whose column takes an explicit null; None where there is nothing to be null.

        Any column that readers look at would do; this one does not depend on neighbours if it can be helped.
        """
        if slot.read is not None:
            return slot.rung
        known = self._seen.rungs(slot.name) or self._learnt.get(slot.name, set())
        return max(known, key=_ORDER.index, default=None)

    def _make(self, name: str, policy: UnknownFields) -> Slot:
        one = self._fields.get(name)
        unknown = one is None and name not in self._deleted
        declared = _reader(one) if one and one.declared else None
        return Slot(
            name=name,
            read=_refuse if unknown and policy is UnknownFields.REJECT else declared,
            rung=Rung(one.type.value) if one and one.declared else Rung.TEXT,
            dropped=name in self._deleted or (unknown and policy is UnknownFields.DROP),
            decimals=Rung.DOUBLE in self._seen.rungs(name),
            rungs=frozenset(self._seen.rungs(name) | self._learnt.get(name, set())),
            columns={rung: physical_column(name, rung.field_type) for rung in Rung},
        )


def _reader(one: Field) -> Callable[[Any], Reading]:
    if one.type is FieldType.TEXT:
        return partial(read_text, separator=one.separator)
    return READERS[one.type]


def _refuse(_: Any) -> NoReturn:
    raise UnknownField("the dataset has no such field")
