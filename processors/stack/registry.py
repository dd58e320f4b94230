"""Which processors are there?  Importing this module enters all of them; aliases lead to the same entries."""

from typing import Any

from headwater.domain.errors import InvalidDocument
from processors.stack import bits, expressions, fields, json_values, rows  # noqa: F401 - as below
from processors.stack import file, geo_admin, geocoders, ip, join  # noqa: F401 - as below
from processors.stack import dates, text_patterns  # noqa: F401 - as below
from processors.stack import text  # noqa: F401 - entering its processors is what the import is for
from processors.stack import geo_converters, points, shapes  # noqa: F401 - as above
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
