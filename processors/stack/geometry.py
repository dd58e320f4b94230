"""What does GEOS make of a shape?  All that needs shapely; import it late, it costs some 15 MB.

GEOS ends the process when its stack overflows, and has no limits of time or memory of its own. So nothing
reaches it here without a bound: shapes are checked (geojson.py), and lines are simplified in pieces. Broken
shapes are mended in repairing.py.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import shapely

from processors.stack.geojson import (
    MAX_LEVELS,
    MAX_POSITIONS,
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


def geometry_of_shape(shape: shapely.Geometry) -> Geometry:
    """Return a shape of shapely's as a checked geometry."""
    geometry: Geometry = orjson.loads(shapely.to_geojson(shape))
    positions_of(geometry)
    return geometry


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
    if len(words) > MAX_POSITIONS:
        raise ValueError(f"the text has more than {MAX_POSITIONS} words")
    try:
        return geometry_of_shape(shapely.from_wkt(text))
    except shapely.GEOSException as error:
        reason = str(error).strip().partition(": ")[2] or str(error)
        raise ValueError(f"{shown(text)} is not well-known text (WKT): {reason}") from error


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
