"""How is another dataset read to be joined?  From the catalog to the store, and back to JSON values.

Pure. The values of a match are those that somebody would push to have them: points as such, shapes as
geometries, moments as ISO text; of a file its id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from headwater.domain.datasets import Dataset
from headwater.domain.fields import configure
from headwater.domain.join_keys import KEY_TYPES, Key, as_type, key_of
from headwater.domain.points import GeoPoint
from headwater.domain.schema import Schema
from headwater.domain.types import FieldType
from headwater.runtime.reading import present_relation, read_fields
from headwater.runtime.store import ReadField, Relation
from processors.stack.join import JoinStep, Question, Unjoinable

FIELD_BYTES, ROW_BYTES = 64, 256  # what a value and a record take beside their text, roughly
PARSED = 8  # times the bytes of its text that a nested value takes

Match = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Remote:
    """One dataset as one kind of step reads it; equal as long as it is read in the same way."""

    uid: str
    dataset_id: str
    relation: Relation
    fields: tuple[ReadField, ...]  # those of a match, then the keys that are not among them
    names: tuple[str, ...]  # of a match
    keys: tuple[ReadField, ...]
    case_sensitive: bool

    @property
    def reads_keys_as_asked(self) -> bool:
        """Whether a question is the key of the records that match, without being read as another type."""
        plain = (FieldType.TEXT, FieldType.INT, FieldType.DOUBLE)
        return all(one.type in plain for one in self.keys)

    def typed(self, question: Question) -> Question | None:
        """Return the key of the records that match; None when none can."""
        keys = [as_type(key, one.type) for key, one in zip(question, self.keys, strict=True)]
        return None if None in keys else tuple(keys)  # type: ignore[arg-type]

    def key(self, row: Mapping[str, Any]) -> Question | None:
        """Return the key of a stored record; None when a part of it is empty."""
        keys: list[Key] = []
        for one in self.keys:
            key = key_of(row[one.name], case_sensitive=self.case_sensitive)
            if key is None:
                return None
            keys.append(key)
        return tuple(keys)

    def weight(self, row: Mapping[str, Any]) -> int:
        """Return how many bytes a match of a stored record takes in memory, roughly."""
        total = ROW_BYTES + FIELD_BYTES * len(self.names)
        for one in self.fields[: len(self.names)]:
            value = row[one.name]
            if value.__class__ is str:
                total += len(value) * (PARSED if one.type in _NESTED else 1)
        return total

    def matcher(self) -> Callable[[Mapping[str, Any]], Match]:
        """Return the function that makes a match of a stored record."""
        names = self.names
        spells = [
            (one.name, spell)
            for one in self.fields[: len(names)]
            if (spell := _SPELLS.get(one.type)) is not None
        ]

        def match(row: Mapping[str, Any]) -> Match:
            made = {name: row[name] for name in names}
            for name, spell in spells:
                if (value := made[name]) is not None:
                    made[name] = spell(value)
            return made

        return match


def remote_of(step: JoinStep, dataset: Dataset | None, seen: Schema) -> Remote | Unjoinable:
    """Return how to read the dataset that a step asks for, given what was seen in its fields."""
    if dataset is None or dataset.private:
        return Unjoinable(f"there is no dataset {step.remote!r} to join")
    if not dataset.published:
        return Unjoinable(f"dataset {step.remote!r} cannot be joined, it is not published")
    known = {one.name: one for one in configure(dataset, seen).fields}
    names = tuple(known) if step.fields is None else tuple(dict.fromkeys(step.fields))
    read = tuple(dict.fromkeys((*names, *step.remote_keys)))
    for name in read:
        if name not in known:
            return Unjoinable(f"dataset {step.remote!r} has no field {name!r} any more")
    keys = [known[name] for name in step.remote_keys]
    for key in keys:
        if key.type not in KEY_TYPES:
            return Unjoinable(f"field {key.name!r} of dataset {step.remote!r} is no key: {key.type.value}")
    return Remote(
        uid=dataset.uid,
        dataset_id=dataset.dataset_id,
        relation=present_relation(dataset),
        fields=read_fields([known[name] for name in read]),
        names=names,
        keys=read_fields(keys),
        case_sensitive=step.case_sensitive,
    )


def _moment(stored: str) -> str:
    return f"{stored.removesuffix('.000000').replace(' ', 'T')}+00:00"


def _point(stored: Mapping[str, Any]) -> GeoPoint:
    return GeoPoint(lat=float(stored["lat"]), lon=float(stored["lon"]))


def _nested(stored: str) -> Any:
    """Return the JSON value of a stored text; null for a text that is none (its type was changed later)."""
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return None


def _file_id(stored: str) -> str | None:
    file = _nested(stored)
    file_id = file.get("id") if isinstance(file, dict) else None
    return file_id if isinstance(file_id, str) else None


_NESTED = frozenset({FieldType.GEO_SHAPE, FieldType.JSON})
_SPELLS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.DOUBLE: float,
    FieldType.DATETIME: _moment,
    FieldType.GEO_POINT: _point,
    FieldType.GEO_SHAPE: _nested,
    FieldType.JSON: _nested,
    FieldType.FILE: _file_id,
}
