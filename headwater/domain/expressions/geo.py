"""Where is that, and how far away?  Distances, and positions of other coordinate reference systems.

Source: reference, processors, section 5.3.
"""

from collections.abc import Mapping
from math import asin, cos, isfinite, radians, sin, sqrt
from typing import Any

import orjson

from headwater.domain.expressions.outside import Outside
from headwater.domain.expressions.signatures import Function, Given, value, whole
from headwater.domain.expressions.values import ExpressionError, shown
from headwater.domain.points import GeoPoint
from headwater.domain.types import read_geo_shape

EARTH_RADIUS_M = 6_371_008.8  # the mean of its three axes (IUGG)


def distance_m(a: Any, b: Any) -> float:
    """Return the metres between two points along a great circle of a round Earth (haversine formula)."""
    lat_a, lon_a = _radians(a)
    lat_b, lon_b = _radians(b)
    across, along = sin((lat_b - lat_a) / 2), sin((lon_b - lon_a) / 2)
    chord = across * across + cos(lat_a) * cos(lat_b) * along * along
    return 2 * EARTH_RADIUS_M * asin(min(sqrt(chord), 1.0))


def point_to_wgs84(outside: Outside, point: Any, epsg: int) -> GeoPoint:
    y, x = position_of(point)
    try:
        return GeoPoint.at(*outside.point_to_wgs84([y, x], epsg))
    except ValueError as error:
        raise ExpressionError(str(error)) from error


def shape_to_wgs84(outside: Outside, shape: Any, epsg: int) -> dict[str, Any]:
    try:
        geometry = orjson.loads(read_geo_shape(shape).stored)
    except (ValueError, TypeError) as error:
        raise ExpressionError(f"{shown(shape)} is not a GeoJSON geometry") from error
    try:
        return outside.shape_to_wgs84(geometry, epsg)
    except ValueError as error:
        raise ExpressionError(str(error)) from error


def position_of(point: Any) -> tuple[float, float]:
    """Return y and x of a point in any form of geo points, whatever its unit. Raises ExpressionError."""
    try:
        y, x = _coordinates(orjson.loads(point) if _is_json(point) else point)
        position = float(y), float(x)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_point(point) from error
    if not (isfinite(position[0]) and isfinite(position[1])):
        raise _no_point(point)
    return position


def _coordinates(point: Any) -> Any:
    match point:
        case str():
            return point.split(",")
        case {"lat": y, "lon": x}:
            return y, x
        case {"type": "Point", "coordinates": [x, y, *_]}:
            return y, x
        case [_, _]:
            return point
        case _:
            raise TypeError("no form of a point")


def _is_json(point: Any) -> bool:
    return isinstance(point, str) and point.lstrip()[:1] in ("{", "[")


def _no_point(point: Any) -> ExpressionError:
    return ExpressionError(f'{shown(point)} is not a point (write "lat,lon")')


def _radians(point: Any) -> tuple[float, float]:
    try:
        position = GeoPoint.at(*position_of(point))
    except ExpressionError:
        raise
    except ValueError as error:
        raise ExpressionError(str(error)) from error
    return radians(position["lat"]), radians(position["lon"])


GEO: Mapping[str, Function] = {
    "distance": Function(distance_m, (value("a"), value("b"))),
    "geopoint2d_towgs84": Function(point_to_wgs84, (value("p"), whole("epsg")), given=Given.OUTSIDE),
    "geoshape_towgs84": Function(shape_to_wgs84, (value("s"), whole("epsg")), given=Given.OUTSIDE),
}
