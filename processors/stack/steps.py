"""How does a function of one value become a step over a batch?  What nearly every processor is made of."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.domain.types import number_text, read_text
from processors.stack.outcomes import PROCESSOR_ERROR, Failed, Outcome, Record
from processors.stack.processor import Apply

Change = Callable[[Any], Any]  # raises ValueError with a sentence for a value that it cannot take


def is_empty(value: Any) -> bool:
    """Tell whether a value counts as empty: null, an empty text, array or object."""
    return value is None or value in ("", [], {})


def text_of(value: Any) -> str:
    """Return a value as text, as a text field would hold it; empty for an empty one.

    Raises ValueError for what is nested too deeply to be written.
    """
    if value.__class__ is str:
        return value
    if is_empty(value):
        return ""
    if isinstance(value, float):
        return number_text(value)
    if value.__class__ is int:
        return str(value)  # of any size, where JSON ends at 64 bits
    try:
        return str(read_text(value).stored)
    except TypeError as error:
        raise ValueError(f"the value cannot be written as text: {error}") from error


def failed(record: Record, field: str, error: ValueError) -> Failed:
    """Return what becomes of a record for which a function raised; an error may bring a code of its own."""
    return Failed(record, field, str(error), getattr(error, "code", PROCESSOR_ERROR))


def mapped(source: str, target: str, change: Change) -> Apply:
    """Write the changed value of one field into another, or the same; an empty one becomes empty.

    `change` never sees an empty value.
    """

    def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
        outcomes: list[Any] = records
        for index, record in enumerate(records):
            value = record.get(source)
            if value is None or value == "":
                record[target] = None
                continue
            try:
                record[target] = change(value)
            except ValueError as error:
                if outcomes is records:
                    outcomes = list(records)
                outcomes[index] = failed(record, source, error)
        return outcomes

    return apply


def texts_changed(names: Sequence[str] | None, change: Callable[[str], str]) -> Apply:
    """Change texts in place, of these fields or (None) of all; what is no text stays as it is.

    `change` never sees an empty text, and may raise ValueError.
    """

    def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
        outcomes: list[Any] = records
        for index, record in enumerate(records):
            for name in record if names is None else names:
                value = record.get(name)
                if value.__class__ is not str or not value:
                    continue
                try:
                    record[name] = change(value)
                except ValueError as error:
                    if outcomes is records:
                        outcomes = list(records)
                    outcomes[index] = replace(failed(record, name, error), outputs=(name,))
                    break
        return outcomes

    return apply


def each(change: Callable[[Record, int], Outcome]) -> Apply:
    """Give every record and its version to a function that returns its outcome; for what is not so simple."""

    def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
        return [change(record, version) for record, version in zip(records, versions, strict=True)]

    return apply
