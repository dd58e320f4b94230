"""The same conversion, written out for one schema: a function compiled once that knows every field's type.

It reads a record whose values are all of the expected kinds, which is nearly every record, in a third of
the time; anything unexpected it hands to the general way (conversion.py), which alone decides about it. A
property test holds that both agree. Measured: docs/performance/.

The source is made of our own text and of `repr` of field names; nothing else of a user's gets into it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from operator import itemgetter
from typing import Any

import orjson

from headwater.domain.fields import Configuration
from headwater.domain.inference import infer_text
from headwater.domain.points import GeoPoint
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import CLICKHOUSE_TYPES, physical_column
from headwater.domain.types import (
    INT_MAX,
    INT_MIN,
    Reading,
    is_geometry,
    read_date,
    read_datetime,
    read_geo_point,
    read_geo_shape,
)

MAX_SPECIALISED_FIELDS = 64
MAX_REMEMBERED_MOMENTS = 20_000
MAX_REMEMBERED_SHAPES = 1_000
MAX_SHAPE_CHARACTERS = 8 * 1024 * 1024  # of all that are remembered
EXACT_INT = 2**53

Slow = Callable[[dict[str, Any], int, str], None]
Fast = Callable[[Sequence[dict[str, Any]], Sequence[int], Sequence[str], str, list[Any], Slow], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """One field of the specialised function."""

    name: str
    rung: Rung
    declared: bool
    spelt: bool  # its spelling is part of the record id


@dataclass(frozen=True, slots=True)
class Specialised:
    """The function, and the physical columns whose values end each row that it makes."""

    convert: Fast
    columns: Mapping[str, str]  # name -> ClickHouse type


def specialise(
    configuration: Configuration, seen: Schema, outputs: Collection[str] = ()
) -> Specialised | None:
    """Return the function for these fields, or None where only the general way will do.

    `outputs` are fields that a stack writes into every record, a value or null.
    """
    plans = _plans(configuration, seen)
    if plans is None:
        return None
    names = [one.source for one in configuration.id_fields]
    if not set(names) <= {plan.name for plan in plans}:
        return None
    silent = sorted(set(outputs) - {plan.name for plan in plans} - configuration.deleted)
    scope: dict[str, Any] = {
        "KEYS": frozenset(plan.name for plan in plans).union(silent),
        "GeoPoint": GeoPoint,
        "dumps": orjson.dumps,
        "all_of": itemgetter(*(plan.name for plan in plans)),
        "read_geo_point": read_geo_point,
        "sha1": sha1,
    }
    for index, plan in enumerate(plans):
        if plan.rung in _MOMENTS:
            scope[f"moment{index}"] = _Moments(plan)
        elif plan.rung is Rung.GEO_SHAPE:
            scope[f"shape{index}"] = _Shapes()
    exec(compile(_source(plans, names, silent), "<specialised>", "exec"), scope)  # noqa: S102 - see the module docstring
    kinds = [(plan.name, plan.rung.field_type) for plan in plans]
    columns = {physical_column(name, kind): CLICKHOUSE_TYPES[kind] for name, kind in kinds}
    return Specialised(scope["convert"], columns)


def _plans(configuration: Configuration, seen: Schema) -> list[Plan] | None:
    """Return a plan for every field that may come, None when one of them has no single expected kind."""
    plans: list[Plan] = []
    known = {one.source: one for one in configuration.fields}
    for name in seen:
        one = known.get(name)
        if one is None:  # deleted by the owner: rare enough for the general way
            return None
        if one.declared:
            rungs = {Rung(one.type.value)}
            expected = rungs if rungs <= seen.rungs(name) else set()
        else:
            expected = set(seen.rungs(name))
        rung = Rung.DOUBLE if expected == {Rung.INT, Rung.DOUBLE} else next(iter(expected), None)
        if rung is None or rung not in _GUARDS or (len(expected) > 1 and rung is not Rung.DOUBLE):
            return None
        plans.append(Plan(name, rung, one.declared, one.is_id or not configuration.id_fields))
    return sorted(plans, key=lambda plan: plan.name) if 0 < len(plans) <= MAX_SPECIALISED_FIELDS else None


class _Moments:
    """Readings of dates and datetimes, remembered: real streams repeat their timestamps."""

    __slots__ = ("_plan", "_read", "_remembered")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read = read_date if plan.rung is Rung.DATE else read_datetime
        self._remembered: dict[str, Reading | None] = {}

    def __call__(self, text: str) -> Reading | None:
        """Return the reading, None when the general way must decide."""
        remembered = self._remembered
        if text in remembered:
            return remembered[text]
        if len(remembered) >= MAX_REMEMBERED_MOMENTS:
            remembered.clear()
        remembered[text] = reading = self._look(text)
        return reading

    def _look(self, text: str) -> Reading | None:
        if self._plan.declared:
            try:
                return self._read(text)
            except ValueError:
                return None
        rung, reading = infer_text(text)
        return reading if rung is self._plan.rung else None


_MOMENTS = frozenset({Rung.DATE, Rung.DATETIME})


class _Shapes:
    """Readings of geo shapes, remembered by the very object: processors hand out the same one often."""

    __slots__ = ("_characters", "_remembered")

    def __init__(self) -> None:
        self._remembered: dict[int, tuple[Any, Reading]] = {}
        self._characters = 0

    def __call__(self, value: Any) -> Reading | None:
        """Return the reading, None when the general way must decide."""
        if value.__class__ is not dict or not is_geometry(value):
            return None
        known = self._remembered.get(id(value))
        if known is not None:
            return known[1]
        reading = read_geo_shape(value)
        self._characters += len(reading.stored)
        if len(self._remembered) >= MAX_REMEMBERED_SHAPES or self._characters > MAX_SHAPE_CHARACTERS:
            self._remembered.clear()
            self._characters = len(reading.stored)
        self._remembered[id(value)] = (value, reading)  # the object is kept, so its id is no other's
        return reading


def _text_guard(index: int, plan: Plan) -> Iterator[str]:
    # A date among undeclared texts is for the general way: it may be the first of its kind.
    date_like = "" if plan.declared else f" or v{index}[4:5] in ('-', '/') and v{index}[:1].isdigit()"
    yield f"if v{index}.__class__ is not str{date_like}:"
    yield _SLOW
    yield from _spelt_as_stored(index, plan)


def _int_guard(index: int, plan: Plan) -> Iterator[str]:
    yield f"if v{index}.__class__ is not int or not {INT_MIN} <= v{index} <= {INT_MAX}:"
    yield _SLOW
    yield from _spelt_as_stored(index, plan)


def _double_guard(index: int, plan: Plan) -> Iterator[str]:
    yield f"if v{index}.__class__ is float:"
    if plan.spelt:
        yield f"    whole_number = v{index}.is_integer() and {INT_MIN} <= v{index} <= {INT_MAX}"
        yield f"    s{index} = int(v{index}) if whole_number else v{index}"
    else:
        yield "    pass"
    yield f"elif v{index}.__class__ is int and {-EXACT_INT} <= v{index} <= {EXACT_INT}:"
    yield f"    s{index} = v{index}" if plan.spelt else "    pass"
    if plan.declared:
        yield f"    v{index} = float(v{index})"
    yield "else:"
    yield _SLOW


def _boolean_guard(index: int, plan: Plan) -> Iterator[str]:
    yield f"if v{index}.__class__ is not bool:"
    yield _SLOW
    yield from _spelt_as_stored(index, plan)


def _moment_guard(index: int, _: Plan) -> Iterator[str]:
    yield f"reading = moment{index}(v{index}) if v{index}.__class__ is str else None"
    yield "if reading is None:"
    yield _SLOW
    yield f"v{index}, s{index} = reading"


def _point_guard(index: int, plan: Plan) -> Iterator[str]:
    """A point that a processor made is within its ranges; declared or not, it is stored as it is."""
    yield f"if v{index}.__class__ is not GeoPoint:"
    yield _SLOW
    if plan.spelt:
        yield f"s{index} = read_geo_point(v{index})[1]"


def _shape_guard(index: int, _: Plan) -> Iterator[str]:
    yield f"reading = shape{index}(v{index})"
    yield "if reading is None:"
    yield _SLOW
    yield f"v{index}, s{index} = reading"


_SLOW = "    slow(record, version, received_at); continue"


def _spelt_as_stored(index: int, plan: Plan) -> Iterator[str]:
    if plan.spelt:
        yield f"s{index} = v{index}"


_GUARDS: dict[Rung, Callable[[int, Plan], Iterator[str]]] = {
    Rung.TEXT: _text_guard,
    Rung.INT: _int_guard,
    Rung.DOUBLE: _double_guard,
    Rung.BOOLEAN: _boolean_guard,
    Rung.DATE: _moment_guard,
    Rung.DATETIME: _moment_guard,
    Rung.GEO_POINT: _point_guard,
    Rung.GEO_SHAPE: _shape_guard,
}


def _source(plans: Sequence[Plan], id_names: Sequence[str], silent: Sequence[str]) -> str:
    """Return the text of `convert`; `silent` are fields that may be named and never had a value so far."""
    lines = [
        "def convert(records, versions, received, resource, rows, slow):",
        "    append = rows.append",
        "    for record, version, received_at in zip(records, versions, received):",
        "        get = record.get",
        *_values(plans),
        f"        whole = {_none_missing(len(plans))}",
        f"        if not (whole and len(record) == {len(plans)}) and not KEYS.issuperset(record):",
        f"        {_SLOW}",
    ]
    for name in silent:
        lines += [f"        if get({name!r}) is not None:", f"        {_SLOW}"]
    for index, plan in enumerate(plans):
        empty = f"s{index} = None" if plan.spelt else "pass"
        guard = [f"    {line}" for line in _GUARDS[plan.rung](index, plan)]
        lines += [f"        {line}" for line in (f"if v{index} is None: {empty}", "else:", *guard)]
    lines += [f"        {line}" for line in (*_identity(plans, id_names), _append(len(plans)))]
    return "\n".join(lines)


def _values(plans: Sequence[Plan]) -> Iterator[str]:
    """Take all values at once where a record has as many fields, which are nearly always the same then."""
    names = ", ".join(f"v{index}" for index in range(len(plans)))
    yield f"        whole = len(record) >= {len(plans)}"
    yield "        if whole:"
    yield "            try:"
    yield f"                {names} = all_of(record)"
    yield "            except KeyError:"
    yield "                whole = False"
    yield "        if not whole:"
    yield from (f"            v{index} = get({plan.name!r})" for index, plan in enumerate(plans))


def _none_missing(count: int) -> str:
    return " and ".join(f"v{index} is not None" for index in range(count))


def _identity(plans: Sequence[Plan], id_names: Sequence[str]) -> Iterator[str]:
    pairs = [f"[{plan.name!r}, s{index}]" for index, plan in enumerate(plans)]
    if id_names:
        keyed = [pair for plan, pair in zip(plans, pairs, strict=True) if plan.name in id_names]
        yield f"pairs = [{', '.join(keyed)}]"
        return
    yield f"pairs = [{', '.join(pairs)}]"
    yield "if not whole: pairs = [pair for pair in pairs if pair[1] is not None]"


def _append(count: int) -> str:
    """Return the line that adds the row, in the order of ROW_COLUMNS and the plans."""
    record_id = "sha1(dumps(pairs), usedforsecurity=False).hexdigest()"
    cells = "".join(f", v{index}" for index in range(count))
    return f"append(({record_id}, version, 0, resource, received_at{cells}))"
