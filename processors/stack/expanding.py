"""What if one record becomes many?  One copy for each value, and how many are too many."""

from collections.abc import Sequence
from typing import Any

from processors.stack.outcomes import Failed, Outcome, Record, Several

MAX_RECORDS = 10_000  # that one record may become in one step
MAX_COPIED = 64 * 1024 * 1024  # characters, roughly, that all copies of the other fields may take together

_FEW = 100  # so few copies are made without weighing them


def expanded(record: Record, source: str, target: str, values: Sequence[Any]) -> Outcome:
    """Return a record for each value, which it holds in `target`; `source` is blamed when they are too many.

    Without values the record goes on as it is, with one value it is changed in place.
    """
    if len(values) > 1:
        if problem := too_many({**record, target: None}, len(values)):
            return Failed(record, source, problem)
        return Several(tuple([{**record, target: value} for value in values]))
    if values:
        record[target] = values[0]
    return record


def too_many(record: Record, count: int) -> str:
    """Return why a record may not become so many copies of itself, as a sentence; empty when it may."""
    if count > MAX_RECORDS:
        return f"one record would become {count}; at most {MAX_RECORDS} may come of one"
    if count > _FEW and count * _weight(record) > MAX_COPIED:
        return (
            f"one record of so many fields or so large values would become {count}; "
            f"all its copies together may have about {MAX_COPIED} characters"
        )
    return ""


def _weight(record: Record) -> int:
    """Return roughly how many characters a record takes as JSON."""
    weight = 0
    waiting: list[Any] = [record]
    while waiting:
        value = waiting.pop()
        if value.__class__ is str:
            weight += len(value)
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value
            waiting += value.values()
        weight += 4  # quotes and commas, or a short number
    return weight
