"""Is this body a table?  What its Content-Type says, where that matters; every other type means JSON."""

from enum import Enum, auto
from functools import lru_cache


class Kind(Enum):
    """How a body is written."""

    JSON = auto()  # an object, an array, or lines: it shows
    LINES = auto()  # said to be lines: then that is believed, should the first of them be broken
    TABLE = auto()  # CSV


_KINDS = {
    "text/csv": Kind.TABLE,
    "application/x-ndjson": Kind.LINES,
    "application/ndjson": Kind.LINES,
    "application/jsonl": Kind.LINES,
    "application/x-jsonlines": Kind.LINES,
}


@lru_cache(maxsize=256)  # the same few come again and again
def kind_of_body(content_type: str | None) -> Kind:
    """Return how the body of a request with this Content-Type is written."""
    if content_type is None:
        return Kind.JSON
    return _KINDS.get(content_type.partition(";")[0].strip().lower(), Kind.JSON)
