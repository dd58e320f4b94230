"""The oracle: what a dataset must hold, in plain Python; of the stack it uses only the recipe of ids."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headwater.domain.identity import record_id

MOMENT = re.compile(r"\d{4}/\d\d/\d\dT\d\d:\d\d:\d\d")  # the only spelling of a datetime in our records

Record = Mapping[str, Any]


class Model:
    """Record id -> content, for a dataset with these key fields; without any the whole record is the key."""

    def __init__(self, key: Sequence[str] = ()) -> None:
        self.key = tuple(key)
        self._table: dict[str, dict[str, Any]] = {}

    def push(self, *records: Record) -> None:
        """Add records or replace them as a whole."""
        for record in records:
            self._table[self.id_of(record)] = stored(record)

    def merge(self, *records: Record) -> None:
        """Change the given fields of records; null takes a field away, and an unknown record is made."""
        for record in records:
            identity = self.id_of(record)
            given = {name: shown(value) for name, value in record.items()}
            self._table[identity] = stored({**self._table.get(identity, {}), **given})

    def sync(self, *records: Record) -> None:
        """Let there be these records and no others."""
        self._table.clear()
        self.push(*records)

    def delete(self, *records: Record) -> None:
        """Remove the records with these values, or with these key fields."""
        for record in records:
            self.delete_by_id(self.id_of(record))

    def delete_by_id(self, identity: str) -> None:
        """Remove one record, if it is there."""
        self._table.pop(identity, None)

    def id_of(self, record: Record) -> str:
        """Return the record's id: of its key fields, nulls included, or of all values that are not null."""
        if self.key:
            return record_id((name, spelt(record.get(name))) for name in self.key)
        return record_id((name, spelt(value)) for name, value in record.items() if value is not None)

    def expected(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what the table must be."""
        return self._table

    def __len__(self) -> int:
        return len(self._table)


def stored(record: Record) -> dict[str, Any]:
    """Return a record as the store shows it: no nulls, moments in UTC."""
    return {name: shown(value) for name, value in record.items() if value is not None}


def shown(value: Any) -> Any:
    """Return a value as the store shows it."""
    moment = moment_of(value)
    return moment.isoformat(sep=" ", timespec="microseconds") if moment else value


def spelt(value: Any) -> Any:
    """Return a value as it counts in a record id."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    moment = moment_of(value)
    return moment.isoformat() + "Z" if moment else value


def moment_of(value: Any) -> datetime | None:
    """Return the moment that a text means, None for anything else."""
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return datetime.fromisoformat(value.replace("/", "-"))
    return None
