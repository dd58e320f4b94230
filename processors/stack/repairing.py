"""How is a broken shape mended?  With GEOS, and within bounds of time and memory.

GEOS takes half a minute and 2 GB for a ring that crosses itself a million times, and minutes for thousands of
islands. So pairs of segments that could cross are counted before, polygons are mended one by one, and only
those that touch each other are united.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import shapely

from processors.stack.geojson import Geometry, Line, flat, lines_changed
from processors.stack.geometry import geometry_of_shape, quiet

MAX_PAIRS = 50_000  # of segments whose bounding boxes overlap: that many crossings take a second
LARGE = 5000  # segments; to look whether so many cross takes long if they do
MAX_ROUNDS = 3
_PAIRS_AT_ONCE = 1_000_000


@quiet()
def repaired(geometry: Mapping[str, Any]) -> Geometry:
    """Return a checked geometry without heights, valid. Raises ValueError when there is no such thing.

    Rings are closed, loops become polygons of their own, spikes and lines without length go.
    """
    flattened = flat(geometry)
    if flattened is None:
        raise ValueError("nothing of the shape is left when it is corrected")
    shape, segments = shapely.from_geojson(orjson.dumps(flattened)), _segments(flattened)
    if (len(segments) > LARGE or not shapely.is_valid(shape)) and _overlap_too_often(segments):
        raise ValueError("the shape seems to cross itself too often to be corrected")
    if shapely.is_valid(shape):
        return flattened
    mended = _made_valid(shape)
    if shapely.is_empty(mended):
        raise ValueError("nothing of the shape is left when it is corrected")
    return geometry_of_shape(mended)


def _made_valid(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a valid shape; rounding makes a second round necessary for one in some sixty."""
    for _ in range(MAX_ROUNDS):
        try:
            shape = _mended(shape)
        except shapely.GEOSException as error:
            raise ValueError("the shape cannot be corrected") from error
        if shapely.is_valid(shape):
            return shape
    raise ValueError("the shape cannot be corrected")


def _mended(shape: shapely.Geometry) -> shapely.Geometry:
    if isinstance(shape, shapely.GeometryCollection):
        members = [_mended(member) for member in shape.geoms]
        return shapely.GeometryCollection([member for member in members if not shapely.is_empty(member)])
    if isinstance(shape, shapely.MultiPolygon):
        return _united([part for polygon in shape.geoms for part in _polygons(polygon)])
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)


def _polygons(polygon: shapely.Polygon) -> list[shapely.Polygon]:
    return _parts(shapely.make_valid(polygon, method="structure", keep_collapsed=False))


def _parts(shape: shapely.Geometry) -> list[shapely.Polygon]:
    """Return the polygons that a shape is made of, without the lines that rounding left behind."""
    parts = shapely.get_parts(shape).tolist()
    return [part for part in parts if isinstance(part, shapely.Polygon) and not shapely.is_empty(part)]


def _united(polygons: list[shapely.Polygon]) -> shapely.Geometry:
    """Return one shape of all polygons; those that touch become one."""
    if not polygons:
        return shapely.MultiPolygon()
    if _overlap_too_often(polygons):
        raise ValueError("too many parts of the shape overlap for it to be corrected")
    parts: list[shapely.Polygon] = []
    for group in _touching(polygons):
        parts += _parts(shapely.union_all(group)) if len(group) > 1 else group
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _touching(polygons: list[shapely.Polygon]) -> list[list[shapely.Polygon]]:
    """Return the polygons in groups, so that none touches one of another group."""
    leader = list(range(len(polygons)))

    def led_by(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    pairs = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    for one, other in zip(*pairs.tolist(), strict=True):
        leader[led_by(one)] = led_by(other)
    groups: dict[int, list[shapely.Polygon]] = defaultdict(list)
    for place, polygon in enumerate(polygons):
        groups[led_by(place)].append(polygon)
    return list(groups.values())


def _overlap_too_often(shapes: Any) -> bool:
    """Tell whether the bounding boxes of too many pairs overlap."""
    tree = shapely.STRtree(shapes)
    left = MAX_PAIRS + 4 * len(shapes)  # each overlaps with itself, and in a line with both neighbours
    at_once = max(1, _PAIRS_AT_ONCE // max(1, len(shapes)))
    for start in range(0, len(shapes), at_once):
        left -= tree.query(shapes[start : start + at_once]).shape[1]
        if left < 0:
            return True
    return False


def _segments(geometry: Geometry) -> Any:
    ends: list[Any] = [np.empty((0, 2, 2))]

    def noted(line: Line, _: bool) -> Line:
        points = np.array(line, dtype=float)
        ends.append(np.stack((points[:-1], points[1:]), axis=1))
        return line

    lines_changed(geometry, noted)
    return shapely.linestrings(np.concatenate(ends))
