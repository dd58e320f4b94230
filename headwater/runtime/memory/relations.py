"""Which records does a relation have?  Rows with what was merged laid over them, on dictionaries.

The rule is that of runtime/sql/relations.py: a field's newest patch counts if it is newer than the record's
row, its deletion and the floor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.tables import DELETED, PATCHED, RECEIVED_AT, RECORD_ID, SYNC_MARK, VERSION
from headwater.runtime.memory.tables import Contents, Row, greatest
from headwater.runtime.store import Relation, UnknownTable


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its row, what was merged, or both; patches up to `base` do not count."""

    row: Row | None
    patch: Row | None = None
    base: int = 0

    @property
    def exists(self) -> bool:
        return self.row is not None or (self.patch is not None and self.patch[PATCHED] > self.base)

    @property
    def system(self) -> Row:
        """The id, and version and moment of the newest write."""
        row, patch = self.row, self.patch
        if patch is not None and (row is None or patch[PATCHED] > row[VERSION]):
            return {
                RECORD_ID: patch[RECORD_ID],
                VERSION: patch[PATCHED],
                RECEIVED_AT: patch[RECEIVED_AT][1],
            }
        return {name: (row or {}).get(name) for name in (RECORD_ID, VERSION, RECEIVED_AT)}

    def values(self, columns: Sequence[str]) -> Mapping[str, Any]:
        """Return the columns of one field: all of the newest patch, or all of the row."""
        pairs = {name: self.patch[name] for name in columns if name in self.patch} if self.patch else {}
        newest = max((version for version, _ in pairs.values()), default=0)
        if newest > self.base:
            return {name: value for name, (version, value) in pairs.items() if version == newest}
        return self.row or {}


def records(tables: Mapping[str, Contents], relation: Relation) -> Iterator[Record]:
    """Return the records of a relation, in no order. Raises UnknownTable as the port says."""
    if relation.as_of is not None:
        return _as_of(tables, relation, relation.as_of)
    if relation.table not in tables and relation.patches not in tables:
        raise UnknownTable(f"there is no table {relation.table!r}")
    if relation.is_plain:
        current = tables[relation.table].current()
        return (Record(row) for row in current if row.get(VERSION, 0) >= relation.floor)
    return _now(tables, relation)


def _now(tables: Mapping[str, Contents], relation: Relation) -> Iterator[Record]:
    rows, patches = tables.get(relation.table), tables.get(relation.patches)
    known = {row[RECORD_ID]: row for row in rows.rows.values()} if rows else {}
    merged = {row[RECORD_ID]: row for row in patches.rows.values()} if patches else {}
    return _overlaid(known, merged, relation.floor)


def _as_of(tables: Mapping[str, Contents], relation: Relation, as_of: int) -> Iterator[Record]:
    known: dict[str, Row] = {}
    for row in _until(tables.get(relation.history), VERSION, as_of):
        before = known.get(row[RECORD_ID])
        if before is None or row[VERSION] > before[VERSION]:
            known[row[RECORD_ID]] = row
    merged: dict[str, Row] = {}
    for patch in _until(tables.get(relation.patches_history), PATCHED, as_of):
        before = merged.get(patch[RECORD_ID])
        merged[patch[RECORD_ID]] = patch if before is None else greatest(before, patch)
    mark = known.get(SYNC_MARK) if relation.is_floor_earlier else None
    return _overlaid(known, merged, mark[VERSION] if mark else relation.floor)


def _until(contents: Contents | None, column: str, version: int) -> Iterator[Row]:
    rows = contents.rows.values() if contents else ()
    return (row for row in rows if row[column] <= version)


def _overlaid(known: Mapping[str, Row], merged: Mapping[str, Row], floor: int) -> Iterator[Record]:
    for record_id in known.keys() | merged.keys():
        row, patch = known.get(record_id), merged.get(record_id)
        base = max(row[VERSION] if row else 0, floor - 1)
        shown = row if row and not row[DELETED] and row[VERSION] >= floor else None
        record = Record(shown, patch, base)
        if record.exists:
            yield record
