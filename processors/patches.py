"""What does a merge become?  A patch: the fields that the record names, each with the record's version.

Of every field the value with the greatest version counts, so patches may arrive in any order.
"""

from collections.abc import Mapping
from typing import Any

from headwater.domain.schema import Rung
from headwater.domain.tables import patch_type

Patch = dict[str, tuple[str, list[Any]]]  # field -> physical column, [version, value]

# How a null is spelt inside a cell, where it is no plain null.
NULLS: Mapping[Rung, Any] = {Rung.GEO_POINT: {"lat": None, "lon": None}}


def patch_row(record_id: str, version: int, resource: str, received_at: str, patch: Patch) -> tuple[Any, ...]:
    """Return the values of PATCH_COLUMNS (domain/tables.py), then the cells by physical column."""
    return (record_id, version, [version, resource], [version, received_at], dict(patch.values()))


def patch_types(columns: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a patches table for columns of the rows table, in their order."""
    return {name: patch_type(kind) for name, kind in columns.items()}
