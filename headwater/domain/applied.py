"""What became visible, and where?  The lines of topic applied, for whoever only has to know of a change."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of one generation of a dataset can be read since now."""

    dataset: str  # uid
    generation: int


def try_change(value: bytes | None) -> Change | None:
    """Return what a line says has changed; None when nothing has, or when it cannot be read."""
    try:
        line = orjson.loads(value or b"")
        dataset, generation, rows = line["dataset"], line["generation"], line["rows"]
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(dataset, str) or not isinstance(generation, int) or not rows:
        return None
    return Change(dataset, generation)
