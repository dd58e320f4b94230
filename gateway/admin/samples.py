"""What would sample records look like under a configuration?  Pure; nothing of it is ever stored."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from headwater.domain.datasets import Dataset
from headwater.domain.fields import Configuration, Field
from headwater.domain.inference import technical_name
from headwater.domain.types import READERS, FieldType, Reading, read_text

MAX_ROWS = 20


def samples_of(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the first sample records of the bootstrap data of all resources."""
    return [one for resource in dataset.resources for one in sample_rows(resource.params)][:MAX_ROWS]


def sample_rows(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the first sample records of a resource's bootstrap data."""
    bootstrap = params.get("bootstrap") or []
    rows = bootstrap if isinstance(bootstrap, list) else [bootstrap]
    return [one for one in rows if one][:MAX_ROWS]


def preview(configuration: Configuration, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields, the samples as readers would see them, and what did not fit its field's type."""
    errors: list[dict[str, Any]] = []
    rows = [_row(configuration.fields, index, sample, errors) for index, sample in enumerate(samples)]
    return {"fields": [field_answer(one) for one in configuration.fields], "rows": rows, "errors": errors}


def field_answer(field: Field) -> dict[str, Any]:
    """Return one field as it is configured."""
    return {
        "name": field.name,
        "source": field.source,
        "label": field.label,
        "type": field.type.value,
        "description": field.description,
        "annotations": {name: list(arguments) for name, arguments in field.annotations.items()},
    }


def _row(
    fields: Iterable[Field], index: int, sample: Mapping[str, Any], errors: list[dict[str, Any]]
) -> dict[str, Any]:
    values = {technical_name(key): value for key, value in sample.items()}
    row: dict[str, Any] = {}
    for field in fields:
        value = values.get(field.source)
        row[field.name] = None
        if value is None:
            continue
        try:
            row[field.name] = _shown(field, value, _reader(field)(value))
        except (ValueError, TypeError, RecursionError) as error:
            errors.append({"index": index, "field": field.name, "message": str(error)})
    return row


def _reader(field: Field) -> Any:
    return (
        partial(read_text, separator=field.separator) if field.type is FieldType.TEXT else READERS[field.type]
    )


def _shown(field: Field, value: Any, reading: Reading) -> Any:
    """Return a value as it is spelt, and where that is for machines only, as a person would read it."""
    if field.type is FieldType.TEXT and "multivalued" in field.annotations:
        return reading.stored.split(field.separator) if reading.stored else []
    if field.type is FieldType.GEO_POINT:
        return {"lon": reading.stored["lon"], "lat": reading.stored["lat"]}
    if field.type is FieldType.FILE:
        return {name: one for name, one in value.items() if name != "content"}
    return reading.spelt
