"""Which rows does a relation have?  What stands behind FROM: a table, or what was merged laid over one.

Every column of a patches table holds (version, value) pairs. A field's value is that of the newest pair among
its columns if it is newer than the record's *base*: the version of its row, of its deletion, and the floor.
Nothing that is not newer counts, so a deletion hides the merges before it without knowing them.

Columns of a composed relation are called `<place of the field>/<physical column>`: they end with their type,
as physical columns do, and meet no other name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.domain.tables import DELETED, PATCHED, RECEIVED_AT, RECORD_ID, SYNC_MARK, VERSION
from headwater.runtime.sql.conversions import nothing_in
from headwater.runtime.sql.statements import quoted, table_name
from headwater.runtime.store import ReadField, Relation

Known = Mapping[str, frozenset[str]]  # the columns of each table that exists

_ID, _VERSION, _DELETED = map(quoted, (RECORD_ID, VERSION, DELETED))
_PATCHED, _RECEIVED_AT = map(quoted, (PATCHED, RECEIVED_AT))
_ONE = f"{_ID} = unhex({{record_id:String}})"
# Histories lie in the order of their ids: one record is finished before the next is begun.
_IN_ORDER = ", optimize_aggregation_in_order=1"
_NO_ROWS = (
    f"SELECT 1 AS here, '' AS {_ID}, toUInt64(0) AS version, toDateTime64(0, 6, 'UTC') AS received_at WHERE 0"
)


@dataclass(frozen=True, slots=True)
class Source:
    """What to read from: the text behind FROM, and the fields with the columns that are there."""

    text: str
    fields: tuple[ReadField, ...]
    settings: str = ""  # to add to a query's own, with a comma before each


def tables_of(relation: Relation) -> tuple[str, ...]:
    """Return the tables whose columns must be known to read a composed relation."""
    if relation.as_of is None:
        return tuple(filter(None, (relation.table, relation.patches)))
    return tuple(filter(None, (relation.history, relation.patches_history)))


def plain_source(
    database: str, relation: Relation, fields: Sequence[ReadField], missing: frozenset[str], *, one: bool
) -> Source:
    """Return the rows of one table; `missing` columns read as null.

    With `one` only those whose id is bound as {record_id:String} in hexadecimal, which no protocol escapes.
    """
    floor = str(int(relation.floor)) if relation.floor else ""
    conditions = _all_of(_from_floor(_VERSION, floor), _ONE if one else "")
    present = tuple(
        replace(field, columns=tuple(column for column in field.columns if column not in missing))
        for field in fields
    )
    return Source(f"{table_name(database, relation.table)} FINAL{conditions}", present)


def composed_source(
    database: str, relation: Relation, fields: Sequence[ReadField], there: Known, *, one: bool
) -> Source:
    """Return a relation with patches, or as of a version. Tables that are not `there` are empty."""
    composition = _Composition(database, relation, tuple(fields), there, one)
    aliased = tuple(
        replace(field, columns=tuple(alias for alias, _ in composition.columns(place)))
        for place, field in enumerate(fields)
    )
    text = composition.overlaid() if composition.has_patches else composition.unpatched()
    return Source(f"({text})", aliased, "" if relation.as_of is None else _IN_ORDER)


@dataclass(frozen=True, slots=True)
class _Composition:
    """The statements of which a composed relation is made."""

    database: str
    relation: Relation
    fields: tuple[ReadField, ...]
    there: Known
    one: bool

    @property
    def rows_table(self) -> str:
        return self.relation.table if self.relation.as_of is None else self.relation.history

    @property
    def patches_table(self) -> str:
        return self.relation.patches if self.relation.as_of is None else self.relation.patches_history

    @property
    def has_rows(self) -> bool:
        return self.rows_table in self.there

    @property
    def has_patches(self) -> bool:
        return self.patches_table in self.there

    def columns(self, place: int) -> list[tuple[str, str]]:
        """Return (alias, physical column) of one field's columns that either table has."""
        known = self._columns_of(self.rows_table) | self._columns_of(self.patches_table)
        return [(f"{place}/{column}", column) for column in self.fields[place].columns if column in known]

    def unpatched(self) -> str:
        """Return the rows alone, as readers see them."""
        aliases = "".join(f", {quoted(alias)}" for alias, _ in self._columns_in(self.rows_table))
        return (
            f"SELECT {_ID}, version AS {_VERSION}, received_at AS {_RECEIVED_AT}{aliases} "  # noqa: S608
            f"FROM ({self._rows()})"
        )

    def overlaid(self) -> str:
        """Return rows and patches as readers see them: r are rows, p patches, t deletions of patched ids."""
        base = self._base()
        values = [text for place in range(len(self.fields)) for text in self._values(place, base)]
        listed = [
            f"if(r.here = 1, r.{_ID}, p.{_ID}) AS {_ID}",
            f"greatest(r.version, p.version) AS {_VERSION}",
            f"if(p.version > r.version, p.received_at, r.received_at) AS {_RECEIVED_AT}",
            *values,
        ]
        deletions = f" LEFT JOIN ({self._deletions()}) AS t ON t.{_ID} = p.{_ID}" if self.has_rows else ""
        return (
            f"SELECT {', '.join(listed)} FROM ({self._rows()}) AS r "  # noqa: S608 - names are quoted
            f"FULL JOIN ({self._patches()}) AS p ON r.{_ID} = p.{_ID}{deletions} "
            f"WHERE r.here = 1 OR p.version > {base}"
        )

    def _base(self) -> str:
        """Return the greatest version that hides a patch."""
        versions = ["r.version", *(["t.version"] if self.has_rows else [])]
        if floor := self._floor():
            versions.append(f"toUInt64(greatest({floor}, 1) - 1)")
        return versions[0] if len(versions) == 1 else f"greatest({', '.join(versions)})"

    def _floor(self) -> str:
        """Return the smallest version that is shown; nothing when all are."""
        if self.relation.is_floor_earlier and self.has_rows:
            return (
                f"(SELECT max({_VERSION}) FROM {table_name(self.database, self.rows_table)} "  # noqa: S608
                f"WHERE {_ID} = '{SYNC_MARK}' AND {_VERSION} <= {int(self.relation.as_of or 0)})"
            )
        return str(int(self.relation.floor)) if self.relation.floor else ""

    def _values(self, place: int, base: str) -> list[str]:
        """Return the columns of one field: all of the newest patch, or all of the row."""
        columns = self.columns(place)
        rows, patches = self._columns_of(self.rows_table), self._columns_of(self.patches_table)
        versions = [f"tupleElement(p.{quoted(alias)}, 1)" for alias, column in columns if column in patches]
        newest = versions[0] if len(versions) == 1 else f"greatest({', '.join(versions)})"
        values = []
        for alias, column in columns:
            value = f"r.{quoted(alias)}" if column in rows else nothing_in(column)
            if versions:
                patch = nothing_in(column)
                if column in patches:
                    pair = f"p.{quoted(alias)}"
                    patch = f"if(tupleElement({pair}, 1) = {newest}, tupleElement({pair}, 2), {patch})"
                value = f"if({newest} > {base}, {patch}, {value})"
            values.append(f"{value} AS {quoted(alias)}")
        return values

    def _rows(self) -> str:
        """Return (here, _id, version, received_at, columns) of the rows that are not deleted."""
        if not self.has_rows:
            return _NO_ROWS
        columns = self._columns_in(self.rows_table)
        table = table_name(self.database, self.rows_table)
        conditions = self._conditions(_VERSION)
        if self.relation.as_of is None:
            aliases = "".join(f", {quoted(column)} AS {quoted(alias)}" for alias, column in columns)
            return (
                f"SELECT 1 AS here, {_ID}, {_VERSION} AS version, {_RECEIVED_AT} AS received_at{aliases} "  # noqa: S608
                f"FROM {table} FINAL{conditions}"
            )
        kept = ", ".join([_DELETED, _RECEIVED_AT, *(quoted(column) for _, column in columns)])
        aliases = "".join(
            f", tupleElement(kept, {place}) AS {quoted(alias)}" for place, (alias, _) in enumerate(columns, 3)
        )
        return (
            f"SELECT 1 AS here, {_ID}, version, tupleElement(kept, 2) AS received_at{aliases} "  # noqa: S608
            f"FROM (SELECT {_ID}, max({_VERSION}) AS version, argMax(tuple({kept}), {_VERSION}) AS kept "
            f"FROM {table}{conditions} GROUP BY {_ID}) WHERE tupleElement(kept, 1) = 0"
        )

    def _patches(self) -> str:
        """Return (_id, version, received_at, columns) of what was merged, one row a record."""
        columns = self._columns_in(self.patches_table)
        table = table_name(self.database, self.patches_table)
        conditions = self._conditions(_PATCHED)
        if self.relation.as_of is None:
            aliases = "".join(f", {quoted(column)} AS {quoted(alias)}" for alias, column in columns)
            return (
                f"SELECT {_ID}, {_PATCHED} AS version, "  # noqa: S608
                f"tupleElement({_RECEIVED_AT}, 2) AS received_at{aliases} FROM {table} FINAL{conditions}"
            )
        aliases = "".join(f", max({quoted(column)}) AS {quoted(alias)}" for alias, column in columns)
        return (
            f"SELECT {_ID}, max({_PATCHED}) AS version, "  # noqa: S608
            f"tupleElement(max({_RECEIVED_AT}), 2) AS received_at{aliases} "
            f"FROM {table}{conditions} GROUP BY {_ID}"
        )

    def _deletions(self) -> str:
        """Return (_id, version) of the last deletion of each patched record that was ever deleted."""
        patched = (
            f"SELECT {_ID} FROM {table_name(self.database, self.patches_table)}"  # noqa: S608
            f"{self._conditions(_PATCHED)}"
        )
        conditions = self._conditions(_VERSION, f"{_DELETED} = 1", f"{_ID} IN ({patched})")
        return (
            f"SELECT {_ID}, max({_VERSION}) AS version "  # noqa: S608
            f"FROM {table_name(self.database, self.rows_table)}{conditions} GROUP BY {_ID}"
        )

    def _conditions(self, version: str, *further: str) -> str:
        as_of = self.relation.as_of
        return _all_of(
            _from_floor(version, self._floor()),
            "" if as_of is None else f"{version} <= {int(as_of)}",
            _ONE if self.one else "",
            *further,
        )

    def _columns_in(self, table: str) -> list[tuple[str, str]]:
        known = self._columns_of(table)
        return [
            (alias, column)
            for place in range(len(self.fields))
            for alias, column in self.columns(place)
            if column in known
        ]

    def _columns_of(self, table: str) -> frozenset[str]:
        return self.there.get(table, frozenset())


def _from_floor(version: str, floor: str) -> str:
    return f"{version} >= {floor}" if floor else ""


def _all_of(*conditions: str) -> str:
    given = [one for one in conditions if one]
    return f" WHERE {' AND '.join(given)}" if given else ""
