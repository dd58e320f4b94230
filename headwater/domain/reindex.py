"""Must stored records be made again?  Which changes of a configuration are breaking.

A record's id and stored values follow from four things only: what the stack does, which fields are the
unique key, how declared fields are read, and which fields are discarded. Names, labels, order, descriptions
and all other annotations are the readers' business: they count at once and nothing stored changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem
from headwater.domain.fields import Configuration, Field, configure
from headwater.domain.schema import Schema
from headwater.domain.types import FieldType

Manner = tuple[FieldType, str]  # how a declared field is read: its type, and the separator of a text


@dataclass(frozen=True, slots=True)
class Storage:
    """What a configuration means for what is stored; all by the names under which fields are pushed."""

    key: frozenset[str]  # empty: all fields together
    declared: Mapping[str, Manner]
    discarded: frozenset[str]

    def treats(self, source: str) -> Manner | bool:
        """Return how values of a field are stored: as declared, True: as they come, False: not at all."""
        return False if source in self.discarded else self.declared.get(source, True)


def storage_of(configuration: Configuration) -> Storage:
    """Return what a configuration means for what is stored."""
    return Storage(
        frozenset(one.source for one in configuration.id_fields),
        {one.source: _manner(one) for one in configuration.fields if one.declared},
        configuration.deleted,
    )


def is_breaking(old: Dataset, new: Dataset, seen: Schema, *, came: bool = True) -> bool:
    """Tell whether records stored under the old configuration would be stored otherwise under the new one.

    `seen` is what was met in the records so far: a field that no record ever had changes none, unless it is
    part of the key, and without any record nothing can break. `came` tells whether anything may have come in
    that an old stack let nobody see.
    """
    if does(old.processors) != does(new.processors):
        return bool(len(seen) or (old.processors and came))
    if not len(seen):
        return False
    before, after = storage_of(configure(old, seen)), storage_of(configure(new, seen))
    return before.key != after.key or any(before.treats(name) != after.treats(name) for name in seen)


def breaks(dataset: Dataset, stack: tuple[FieldItem, ...], seen: Schema) -> bool:
    """Tell whether another field configuration stack is a breaking change."""
    return is_breaking(dataset, replace(dataset, fields=stack), seen)


def does(processors: Iterable[ProcessorItem]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what processors do, whatever they are called."""
    return [one.does for one in processors]


def _manner(one: Field) -> Manner:
    return one.type, one.separator if one.type is FieldType.TEXT else ""
