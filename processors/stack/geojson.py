"""Which positions has this shape?  Reading GeoJSON geometries and walking through them, without any library.

Whatever comes out of `geometry_of` is checked: its positions are numbers (no NaN, no infinity), not more of
them than MAX_POSITIONS, and collections are not nested deeper than MAX_LEVELS. GEOS would take anything, and
end the process with a stack that is too deep.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

MAX_POSITIONS = 200_000  # of one shape
MAX_LEVELS = 8  # of collections in collections
MAX_COORDINATE = 1e9  # metres or feet; far beyond it a projection would answer with a pole
MAX_TEXT = 16 * 1024 * 1024  # characters of a shape as text
SHORTEST_LINE = 2  # positions
SHORTEST_RING = 4  # positions, the last of which is the first
_MAX_SHOWN = 60

Position = list[Any]  # x, y and what follows, such as a height
Line = list[Position]
Geometry = dict[str, Any]

_LEVELS: Mapping[str, int] = {  # of lists around the positions of a geometry
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def geometry_of(value: Any) -> Geometry:
    """Return the geometry that a value is: an object, a Feature, or JSON text of either.

    Raises ValueError with a sentence.
    """
    shape = _parsed(value) if isinstance(value, str) else value
    if isinstance(shape, Mapping) and shape.get("type") == "Feature":
        shape = shape.get("geometry")
    positions_of(shape)
    return shape  # type: ignore[no-any-return]  # positions_of has looked


def positions_of(geometry: Any) -> list[Position]:
    """Return all positions of a geometry, in their order. Raises ValueError for what is none."""
    positions = list(islice(_positions(geometry, 0), MAX_POSITIONS + 1))
    if len(positions) > MAX_POSITIONS:
        raise ValueError(f"the shape has more than {MAX_POSITIONS} positions")
    return positions


def positions_changed(geometry: Mapping[str, Any], change: Callable[[Position], Position]) -> Geometry:
    """Return a checked geometry with each of its positions changed, in their order."""
    kind = geometry["type"]
    if kind == "GeometryCollection":
        return _collection([positions_changed(member, change) for member in geometry["geometries"]])
    return {"type": kind, "coordinates": _nested(geometry["coordinates"], _LEVELS[kind], change)}


def lines_changed(
    geometry: Mapping[str, Any], change: Callable[[Line, bool], Line | None]
) -> Geometry | None:
    """Return a checked geometry with its lines and rings (True) changed; None when nothing is left of it.

    A line that `change` gives up, as None, is left out; a polygon goes with its outer ring. Points stay.
    """
    kind = geometry["type"]
    if kind == "GeometryCollection":
        members = [lines_changed(member, change) for member in geometry["geometries"]]
        kept = [member for member in members if member is not None]
        return _collection(kept) if kept else None
    coordinates = geometry["coordinates"]
    if kind == "LineString":
        coordinates = change(coordinates, False)
    elif kind == "MultiLineString":
        coordinates = _without_none(change(line, False) for line in coordinates)
    elif kind == "Polygon":
        coordinates = _rings(coordinates, change)
    elif kind == "MultiPolygon":
        coordinates = _without_none(_rings(polygon, change) for polygon in coordinates)
    return {"type": kind, "coordinates": coordinates} if coordinates else None


def flat(geometry: Mapping[str, Any]) -> Geometry | None:
    """Return a checked geometry without heights, its rings closed; None when no line of it is long enough."""
    return lines_changed(positions_changed(geometry, lambda position: position[:2]), _closed)


def is_coordinate(value: Any) -> bool:
    """Tell whether this is a number that a position can have; NaN and infinity are not."""
    return value.__class__ in (float, int) and -MAX_COORDINATE <= value <= MAX_COORDINATE


def shown(value: Any) -> str:
    """Return a value short enough for a sentence."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # a lone surrogate, or more than 64 bits
        text = ascii(value) if isinstance(value, str) else f"this {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _parsed(text: str) -> Any:
    if len(text) > MAX_TEXT:
        raise ValueError(f"the shape has more than {MAX_TEXT} characters")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{shown(text)} is not a GeoJSON geometry") from error


def _positions(geometry: Any, level: int) -> Iterator[Position]:
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(kind, str) or (kind != "GeometryCollection" and kind not in _LEVELS):
        raise ValueError(f"{shown(geometry)} is not a GeoJSON geometry")
    if kind != "GeometryCollection":
        yield from _checked(geometry.get("coordinates"), _LEVELS[kind])
        return
    if level == MAX_LEVELS:
        raise ValueError(f"collections of shapes are nested more than {MAX_LEVELS} deep")
    for member in _list(geometry.get("geometries")):
        yield from _positions(member, level + 1)


def _checked(value: Any, levels: int) -> Iterator[Position]:
    if levels > 1:
        for member in _list(value):
            yield from _checked(member, levels - 1)
    elif levels == 1:
        for member in _list(value):
            yield _position(member)
    elif value != []:  # what an empty Point has
        yield _position(value)


def _position(value: Any) -> Position:
    if (
        value.__class__ is list
        and len(value) >= 2  # noqa: PLR2004 - x and y
        and is_coordinate(value[0])
        and is_coordinate(value[1])
    ):
        return value
    raise ValueError(f"{shown(value)} is no position of a shape (two numbers or more)")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} is not what a GeoJSON geometry has as coordinates")  # noqa: TRY004
    return value


def _nested(value: list[Any], levels: int, change: Callable[[Position], Position]) -> list[Any]:
    if levels > 1:
        return [_nested(member, levels - 1, change) for member in value]
    if levels == 1:
        return list(map(change, value))
    return change(value) if value else []


def _rings(rings: list[Line], change: Callable[[Line, bool], Line | None]) -> list[Line] | None:
    outer = change(rings[0], True) if rings else None
    if outer is None:
        return None
    return [outer, *_without_none(change(ring, True) for ring in rings[1:])]


def _closed(line: Line, is_ring: bool) -> Line | None:
    if is_ring and line and line[0] != line[-1]:
        line = [*line, line[0]]
    return line if len(line) >= (SHORTEST_RING if is_ring else SHORTEST_LINE) else None


def _without_none(parts: Iterator[Any]) -> list[Any]:
    return [part for part in parts if part is not None]


def _collection(members: list[Geometry]) -> Geometry:
    return {"type": "GeometryCollection", "geometries": members}
