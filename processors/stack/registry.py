"""Which processors are there?  Importing this module enters all of them; aliases lead to the same entries."""

from typing import Any

from headwater.domain.errors import InvalidDocument
from processors.stack import (  # noqa: F401 - entering its processors is what the import of each is for
    bits,
    dates,
    expressions,
    fields,
    file,
    geo_admin,
    geo_converters,
    geocoders,
    ip,
    join,
    json_values,
    points,
    rows,
    shapes,
    text,
    text_patterns,
)
from processors.stack.processor import KINDS, Category, Kind

_ORDER = tuple(Category)


def kinds() -> list[Kind]:
    """Return all kinds of processors that are offered, by category and label."""
    offered = [kind for kind in KINDS.values() if not kind.legacy]
    return sorted(offered, key=lambda kind: (_ORDER.index(kind.category), kind.label))


def kind_of(type_name: Any) -> Kind:
    """Return the kind with this type or alias. Raises InvalidDocument."""
    kind = KINDS.get(type_name) if isinstance(type_name, str) else None
    if kind is None:
        kind = next((one for one in KINDS.values() if type_name in one.aliases), None)
    if kind is None:
        raise InvalidDocument("type", f"there is no processor {type_name!r}; GET processors/types lists them")
    return kind
