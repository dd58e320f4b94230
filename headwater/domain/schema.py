"""What type is this field becoming?  The inference lattice.

A field's *rungs* are the kinds of value that were seen in it; a schema maps field names to sets of rungs.
Merging schemas is the union of those sets: commutative, associative and idempotent, so workers share what
they saw in any order, any number of times, and agree without coordination. What the field *is* follows
from the set: the lowest rung that takes all of them.

    boolean < int < double < text     date < datetime < text     geo_point, geo_shape, file, texts < text

Source: reference, fields, section 1 (inference from JSON).
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Self

from headwater.domain.types import FieldType

MAX_FIELDS = 500


class Rung(StrEnum):
    """A kind of value. `texts` is an array of strings.

    A geo point is inferred only of what a processor made (domain/points.py); JSON is only declared.
    """

    BOOLEAN = "boolean"
    INT = "int"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    GEO_SHAPE = "geo_shape"
    FILE = "file"
    TEXTS = "texts"
    TEXT = "text"
    GEO_POINT = "geo_point_2d"
    JSON = "json_blob"

    @property
    def field_type(self) -> FieldType:
        """The field type under which values of this rung are stored."""
        return FieldType.TEXT if self is Rung.TEXTS else FieldType(self.value)


_CHAINS = ((Rung.BOOLEAN, Rung.INT, Rung.DOUBLE), (Rung.DATE, Rung.DATETIME))


def widest(rungs: Iterable[Rung]) -> Rung:
    """Return the lowest rung that takes every value of all `rungs` (text takes anything; text for none)."""
    seen = frozenset(rungs)
    if len(seen) == 1:
        return next(iter(seen))
    for chain in _CHAINS:
        if seen and seen <= frozenset(chain):
            return max(seen, key=chain.index)
    return Rung.TEXT


class Schema:
    """What was seen so far in one dataset's fields: immutable; equal when the same rungs were seen."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Iterable[Rung]] | None = None) -> None:
        self._fields = {name: frozenset(rungs) for name, rungs in (fields or {}).items() if rungs}

    def merge(self, other: Self) -> Self:
        """Return the schema that has seen what either has."""
        if self.covers(other):
            return self
        merged = dict(self._fields)
        for name, rungs in other.items():
            merged[name] = merged.get(name, frozenset()) | rungs
        return type(self)(merged)

    def covers(self, other: Self) -> bool:
        """Tell whether the other has seen nothing new."""
        mine = self._fields
        return all(name in mine and rungs <= mine[name] for name, rungs in other.items())

    def rungs(self, name: str) -> frozenset[Rung]:
        """Return what was seen in a field; nothing for an unknown one."""
        return self._fields.get(name, frozenset())

    def items(self) -> Iterable[tuple[str, frozenset[Rung]]]:
        return self._fields.items()

    def to_json(self) -> dict[str, Any]:
        return {"fields": {name: sorted(rungs) for name, rungs in sorted(self._fields.items())}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls({name: map(Rung, rungs) for name, rungs in document["fields"].items()})

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(frozenset(self._fields.items()))

    def __repr__(self) -> str:
        return f"Schema({ {name: sorted(rungs) for name, rungs in self._fields.items()} })"
