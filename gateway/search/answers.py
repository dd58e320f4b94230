"""How does a dataset look to readers?  The dataset object of Explore v2.1 (reference: explore, section 5)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.domain.datasets import Dataset
from headwater.domain.fields import Configuration, Field
from headwater.domain.types import FieldType
from headwater.domain.versions import moment_us

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# feature -> the types of field that make it
_FEATURES: Mapping[str, frozenset[FieldType]] = {
    "analyze": frozenset({FieldType.INT, FieldType.DOUBLE, FieldType.TEXT, FieldType.BOOLEAN}),
    "timeserie": frozenset({FieldType.DATE, FieldType.DATETIME}),
    "geo": frozenset({FieldType.GEO_POINT, FieldType.GEO_SHAPE}),
    "image": frozenset({FieldType.FILE}),
}


def dataset_answer(dataset: Dataset, configuration: Configuration, records_count: int) -> dict[str, Any]:
    """Return a dataset with its metadata and fields."""
    types = {one.type for one in configuration.fields}
    return {
        "dataset_id": dataset.dataset_id,
        "dataset_uid": dataset.uid,
        "has_records": records_count > 0,
        "data_visible": True,
        "visibility": "restricted" if dataset.restricted else "domain",
        "attachments": [],
        "alternative_exports": [],
        "features": [feature for feature, makers in _FEATURES.items() if types & makers],
        "metas": _metas(dataset, records_count),
        "fields": [field_answer(one) for one in configuration.fields],
    }


def field_answer(field: Field) -> dict[str, Any]:
    """Return one field."""
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type.value,
        "description": field.description,
        "annotations": {name: list(arguments) for name, arguments in field.annotations.items()},
    }


def published_at(dataset: Dataset) -> str:
    """Return when the dataset was published last, ISO 8601, UTC."""
    return (EPOCH + timedelta(microseconds=moment_us(dataset.since_version))).isoformat()


def _metas(dataset: Dataset, records_count: int) -> dict[str, Any]:
    """Return the values of all metadata templates; the default one with what Headwater itself knows."""
    metas = {
        template: {name: entry["value"] for name, entry in entries.items()}
        for template, entries in dataset.metadata.items()
    }
    known = {
        "title": dataset.title,
        "description": None,
        "modified": published_at(dataset),
        "metadata_processed": published_at(dataset),
        "publisher": None,
        "keyword": None,
        "theme": None,
        "license": None,
        "language": None,
        "timezone": None,
    }
    metas["default"] = {**known, **metas.get("default", {}), "records_count": records_count}
    return metas
