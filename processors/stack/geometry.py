"""What does GEOS make of a shape?  All that needs shapely; import it late, it costs some 15 MB.

GEOS ends the process when its stack overflows, and has no limits of time or memory of its own. So nothing
reaches it here without a bound: shapes are checked (geojson.py), lines are simplified in pieces, and a shape
that crosses itself too often is not repaired.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import shapely

from processors.stack.geojson import (
    MAX_LEVELS,
    SHORTEST_LINE,
    SHORTEST_RING,
    Geometry,
    Line,
    flat,
    lines_changed,
    positions_of,
    shown,
)

PIECE = 2000  # positions that are simplified at once: the work grows with the square of it
MAX_ROUNDS = 3  # of repairs
MAX_CROSSINGS = 50_000  # of lines of one shape that is repaired: that many take a second

_KIND = r"(?:POINT|LINESTRING|LINEARRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION)"
_WORD = re.compile(r"[A-Z]+")
_KNOWN_WORD = re.compile(rf"{_KIND}(?:ZM?|M)?|ZM?|M|EMPTY|E")  # E: of an exponent


def quiet() -> np.errstate:
    """Return what keeps numpy from warning of numbers near zero that GEOS divides; a decorator as well."""
    return np.errstate(all="ignore")


def shape_of(geometry: Mapping[str, Any]) -> shapely.Geometry:
    """Return a checked geometry, flat, as shapely's; empty when nothing is left of it."""
    flattened = flat(geometry)
    return shapely.Point() if flattened is None else shapely.from_geojson(orjson.dumps(flattened))


@quiet()
def inside(polygon: shapely.Geometry, lons: Sequence[float], lats: Sequence[float]) -> list[bool]:
    """Tell of each position whether it is in a polygon, or on its edge. Prepare the polygon before."""
    return shapely.intersects_xy(polygon, lons, lats).tolist()  # type: ignore[no-any-return]  # of booleans


@quiet()
def from_text(text: str) -> Geometry:
    """Return the geometry of well-known text. Raises ValueError."""
    words = _WORD.findall(text.upper())
    unknown = next((word for word in words if not _KNOWN_WORD.fullmatch(word)), None)
    if unknown is not None or not words:
        raise ValueError(f"{shown(text)} is not well-known text (WKT) of a shape")
    if sum(word.startswith("GEOMETRYCOLLECTION") for word in words) > MAX_LEVELS:
        raise ValueError(f"the text has more than {MAX_LEVELS} collections of shapes")
    try:
        return _geometry_of(shapely.from_wkt(text))
    except shapely.GEOSException as error:
        reason = str(error).strip().partition(": ")[2] or str(error)
        raise ValueError(f"{shown(text)} is not well-known text (WKT): {reason}") from error


@quiet()
def repaired(geometry: Mapping[str, Any]) -> Geometry:
    """Return a checked geometry without heights, valid. Raises ValueError when there is no such thing.

    Rings are closed, loops become polygons of their own, spikes and lines without length go.
    """
    flattened = flat(geometry)
    if flattened is None:
        raise ValueError("nothing of the shape is left when it is corrected")
    shape = shapely.from_geojson(orjson.dumps(flattened))
    if shapely.is_valid(shape):
        return flattened
    if _crosses_too_often(flattened):
        raise ValueError(f"the shape may cross itself more than {MAX_CROSSINGS} times; it is not corrected")
    valid = _made_valid(shape)
    if shapely.is_empty(valid):
        raise ValueError("nothing of the shape is left when it is corrected")
    return _geometry_of(valid)


@quiet()
def simplified(geometry: Mapping[str, Any], tolerance: float) -> Geometry:
    """Return a checked geometry with fewer positions, none of its lines further from it than the tolerance.

    Lines and rings are taken one by one (Douglas and Peucker), so they may cross afterwards; rings that
    become lines go, unless nothing else would be left.
    """

    def thinner(line: Line, is_ring: bool) -> Line | None:
        if len(line) <= SHORTEST_LINE:
            return line
        kept = [line[place] for place in _essential(line, tolerance)]
        return None if is_ring and len(kept) < SHORTEST_RING else kept

    return lines_changed(geometry, thinner) or dict(geometry)


def _made_valid(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a valid shape; rounding makes a second round necessary for one in some sixty."""
    for _ in range(MAX_ROUNDS):
        try:
            shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        except shapely.GEOSException as error:
            raise ValueError("the shape cannot be corrected") from error
        if shapely.is_valid(shape):
            return shape
    raise ValueError("the shape cannot be corrected")


def _geometry_of(shape: shapely.Geometry) -> Geometry:
    geometry: Geometry = orjson.loads(shapely.to_geojson(shape))
    positions_of(geometry)
    return geometry


def _essential(line: Line, tolerance: float) -> Sequence[int]:
    """Return the places of the positions that stay; the ends of a piece always do."""
    points = np.array([position[:2] for position in line], dtype=float)
    places = [0]
    for start in range(0, len(line) - 1, PIECE):
        piece = points[start : start + PIECE + 1]
        thin = shapely.get_coordinates(
            shapely.simplify(shapely.LineString(piece), tolerance, preserve_topology=False)
        )
        places += _places_of(thin, piece, start)[1:]
    return places


def _places_of(some: Any, points: Any, start: int) -> list[int]:
    """Return where these points, a part of the others in the same order, are among them."""
    places: list[int] = []
    wanted = iter(map(tuple, some.tolist()))
    next_one = next(wanted, None)
    for place, point in enumerate(map(tuple, points.tolist()), start):
        if point == next_one:
            places.append(place)
            next_one = next(wanted, None)
    places[-1] = start + len(points) - 1
    return places


def _crosses_too_often(geometry: Geometry) -> bool:
    """Tell whether more pairs of segments could cross than are repaired; by their bounding boxes."""
    segments = _segments(geometry)
    tree = shapely.STRtree(segments)
    left = MAX_CROSSINGS + 4 * len(segments)  # each touches itself and its two neighbours anyway
    at_once = max(1, 1_000_000 // len(segments))
    for start in range(0, len(segments), at_once):
        left -= tree.query(segments[start : start + at_once]).shape[1]
        if left < 0:
            return True
    return False


def _segments(geometry: Geometry) -> Any:
    ends: list[Any] = []

    def noted(line: Line, _: bool) -> Line:
        points = np.array(line, dtype=float)
        ends.append(np.stack((points[:-1], points[1:]), axis=1))
        return line

    lines_changed(geometry, noted)
    return shapely.linestrings(np.concatenate(ends))
