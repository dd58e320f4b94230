"""How does a stored value look in an answer?  Values of Explore v2.1 (reference: fields, section 1)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import orjson

from headwater.domain.fields import Field
from headwater.domain.types import FieldType

Spell = Callable[[Any], Any]

_DATE_LENGTHS = {"year": len("2020"), "month": len("2020-05"), "day": len("2020-05-26")}


def record_answer(row: Mapping[str, Any], spells: Sequence[tuple[str, Spell]]) -> dict[str, Any]:
    """Return a record as it is shown: every field, null where it has no value."""
    return {name: None if (value := row[name]) is None else spell(value) for name, spell in spells}


def spells_of(fields: Sequence[Field], zone: tzinfo, files_url: str = "") -> tuple[tuple[str, Spell], ...]:
    """Return for each field how its values are shown; files are served below `files_url`."""
    return tuple((one.name, _spell(one, zone, files_url)) for one in fields)


def _spell(field: Field, zone: tzinfo, files_url: str) -> Spell:
    match field.type:
        case FieldType.TEXT if "multivalued" in field.annotations:
            return lambda value: value.split(field.separator) if value else []
        case FieldType.DATE:
            length = _DATE_LENGTHS.get(_precision(field), len("2020-05-26"))
            return lambda value: value[:length]
        case FieldType.DATETIME:
            return lambda value: moment(value, zone)
        case FieldType.GEO_POINT:
            return lambda value: {"lon": value["lon"], "lat": value["lat"]}
        case FieldType.GEO_SHAPE:
            return feature
        case FieldType.FILE:
            return lambda value: file_description(value, files_url)
        case FieldType.JSON:
            return json_value
    return _unchanged


def _unchanged(value: Any) -> Any:
    return value


def _precision(field: Field) -> str:
    arguments = field.annotations.get("timeserie_precision") or ("day",)
    return str(arguments[0])


def moment(stored: str, zone: tzinfo) -> str:
    """Return a stored moment (UTC) in ISO 8601 with the offset of a zone."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).astimezone(zone).isoformat()


def json_value(stored: str) -> Any:
    """Return the JSON value of a stored text; null for a text that is none (its type was changed later)."""
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return None


def feature(stored: str) -> dict[str, Any] | None:
    """Return a stored geometry as a GeoJSON Feature."""
    geometry = json_value(stored)
    return {"type": "Feature", "geometry": geometry, "properties": {}} if isinstance(geometry, dict) else None


def file_description(stored: str, files_url: str) -> dict[str, Any] | None:
    """Return what is known of a stored file, and where its bytes are served."""
    file = json_value(stored)
    if not isinstance(file, dict) or not isinstance(file.get("id"), str):
        return None
    url = f"{files_url}/{file['id']}/"
    image = {"thumbnail": True} if "width" in file else {}
    return {**file, "url": url, **image, **({"thumbnail_url": f"{url}300/"} if image else {})}
