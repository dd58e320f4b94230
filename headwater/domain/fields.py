"""Which fields does a dataset have?  Bootstrap data, field configuration and inference, brought together.

Declared types (bootstrap data, configured types) win over inferred ones. Columns and ids go by a field's
*source* name, the one it was pushed under, so renaming a field changes what readers see and nothing stored.

Source: reference, fields, sections 2 and 3; push, section 9.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem
from headwater.domain.inference import infer, technical_name
from headwater.domain.schema import Rung, Schema, widest
from headwater.domain.tables import physical_column
from headwater.domain.types import DEFAULT_SEPARATOR, FieldType

_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field as the owner configured it and as readers see it."""

    name: str  # what readers see
    source: str  # what it is pushed as
    label: str
    type: FieldType
    declared: bool = False
    description: str | None = None
    annotations: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # id, facet, multivalued, ...
    columns: tuple[str, ...] = ()  # physical columns that may hold its values, the widest type first

    @property
    def is_id(self) -> bool:
        """Tell whether the field is part of the unique key."""
        return "id" in self.annotations

    @property
    def separator(self) -> str:
        """What stands between the values of a multivalued text."""
        arguments = self.annotations.get("multivalued") or (DEFAULT_SEPARATOR,)
        return str(arguments[0])


@dataclass(frozen=True, slots=True)
class Configuration:
    """All fields in the order of display, and the source names that are discarded."""

    fields: tuple[Field, ...]
    deleted: frozenset[str] = frozenset()

    @property
    def id_fields(self) -> tuple[Field, ...]:
        """The unique key; empty when all fields together are the key."""
        return tuple(one for one in self.fields if one.is_id)


def configure(dataset: Dataset, inferred: Schema | None = None) -> Configuration:
    """Return the fields of a dataset, given what was seen in its records so far."""
    seen = inferred or Schema()
    draft = _Draft(bootstrap_types(dataset))
    for name in sorted(seen):
        draft.ensure(name)
    for item in dataset.fields:
        draft.apply(item)
    kept = [one for one in draft.fields if one.source not in draft.deleted]
    return Configuration(tuple(map(partial(_resolved, seen=seen), kept)), frozenset(draft.deleted))


def named_in_stack(processors: Iterable[ProcessorItem]) -> frozenset[str]:
    """Return every name that the parameters of processors mention: fields that records may well have.

    A field that a stack uses up never shows among those that were seen, and is no stranger all the same.
    """
    texts = (text for one in processors for value in one.params.values() for text in _texts(value))
    return frozenset(name for text in texts for name in _NAMES.findall(text))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else ()


def bootstrap_types(dataset: Dataset) -> dict[str, Rung | None]:
    """Return the declared rungs by source name, in the order of the bootstrap data of all resources.

    Of several resources the first that names a field declares it. None: named, but never with a value.
    """
    declared: dict[str, Rung | None] = {}
    for resource in dataset.resources:
        for name, rung in bootstrap_schema(resource.params.get("bootstrap")).items():
            declared.setdefault(name, rung)
    return declared


def bootstrap_schema(bootstrap: Any) -> dict[str, Rung | None]:
    """Return the rungs of sample data, an object or an array of objects, in JSON order."""
    seen: dict[str, set[Rung]] = {}
    for sample in bootstrap if isinstance(bootstrap, list) else [bootstrap or {}]:
        for key, value in sample.items():
            rungs = seen.setdefault(technical_name(key), set())
            if reading := infer(value):
                rungs.add(reading[0])
    return {name: widest(rungs) if rungs else None for name, rungs in seen.items()}


def _resolved(one: Field, *, seen: Schema) -> Field:
    """Fill in the type of an undeclared field, and the columns of any."""
    rungs = seen.rungs(one.source)
    annotations = dict(one.annotations)
    if one.declared:
        kind = one.type
    else:
        rung = widest(rungs)
        kind = rung.field_type
        if rung is Rung.TEXTS:
            annotations.setdefault("multivalued", (DEFAULT_SEPARATOR,))
    # A declared field's own column is read even before anybody has told of a value in it.
    types = {rung.field_type for rung in rungs} | ({kind} if one.declared else set())
    ordered = sorted(types, key=lambda each: (each is not kind, list(FieldType).index(each)))
    columns = tuple(physical_column(one.source, each) for each in ordered)
    return replace(one, type=kind, annotations=annotations, columns=columns)


class _Draft:
    """The fields while the configuration stack is applied, in order of display."""

    def __init__(self, declared: Mapping[str, Rung | None]) -> None:
        self.fields: list[Field] = [_new(name, rung) for name, rung in declared.items()]
        self.deleted: set[str] = set()

    def ensure(self, name: str) -> int:
        """Return the position of the field that readers see as `name`, adding it at the end if unknown."""
        for position, one in enumerate(self.fields):
            if name == one.name:
                return position
        if any(name == one.source for one in self.fields):  # renamed meanwhile
            return next(position for position, one in enumerate(self.fields) if name == one.source)
        self.fields.append(_new(name, None))
        return len(self.fields) - 1

    def apply(self, item: FieldItem) -> None:
        """Apply one step of the stack; what the management API let through is well formed."""
        getattr(self, f"_{item.type}")(item.params)

    def _change(self, known_as: str, /, **changes: Any) -> None:
        position = self.ensure(known_as)
        self.fields[position] = replace(self.fields[position], **changes)

    def _rename(self, params: Mapping[str, Any]) -> None:
        name = params.get("to_name") or params["from_name"]
        self._change(params["from_name"], name=name, label=params.get("field_label") or name)

    def _type(self, params: Mapping[str, Any]) -> None:
        self._change(params["field"], type=FieldType(params["type_param"]), declared=True)

    def _annotate(self, params: Mapping[str, Any]) -> None:
        one = self.fields[self.ensure(params["field"])]
        annotations = {**one.annotations, params["annotation"]: tuple(params.get("args") or ())}
        self._change(params["field"], annotations=annotations)

    def _description(self, params: Mapping[str, Any]) -> None:
        self._change(params["field"], description=params["description"])

    def _order(self, params: Mapping[str, Any]) -> None:
        names: Iterable[str] = params["args"]
        wanted = [self.fields[self.ensure(name)] for name in names]
        self.fields = [*wanted, *(one for one in self.fields if one not in wanted)]

    def _delete(self, params: Mapping[str, Any]) -> None:
        self.deleted.add(self.fields[self.ensure(params["field"])].source)


def _new(name: str, rung: Rung | None) -> Field:
    annotations = {"multivalued": (DEFAULT_SEPARATOR,)} if rung is Rung.TEXTS else {}
    kind = rung.field_type if rung else FieldType.TEXT
    declared = rung is not None
    return Field(name=name, source=name, label=name, type=kind, declared=declared, annotations=annotations)
