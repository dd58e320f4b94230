"""Where does this value say that it is?  Geo points in all their forms, and distances."""

from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Any

import orjson

from headwater.domain.points import GeoPoint
from headwater.domain.types import read_double, read_geo_point
from processors.stack.geojson import shown

EARTH_RADIUS_M = 6_371_008.8  # of a sphere; that of the expression function distance()
_MAX_TEXT = 1000


def point_of(value: Any) -> tuple[float, float]:
    """Return (latitude, longitude) of a geo point: "lat,lon", [lat, lon], {"lat", "lon"}, a GeoJSON Point.

    The last may be a Feature or JSON text, too. Raises ValueError with a sentence.
    """
    if value.__class__ is GeoPoint:
        return value["lat"], value["lon"]
    if isinstance(value, str):
        value = _unpacked(value)
    if isinstance(value, dict) and value.get("type") == "Feature":
        value = value.get("geometry")
    try:
        point = read_geo_point(value).stored
    except OverflowError as error:
        raise ValueError(f"{shown(value)} is not a point on Earth") from error
    return point["lat"], point["lon"]


def number_of(value: Any) -> float:
    """Return one coordinate, a number or one as text. Raises ValueError."""
    if value.__class__ is float:
        return value
    return float(read_double(value).stored)


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance of two positions (latitude, longitude), in metres."""
    lat_a, lat_b = radians(one[0]), radians(other[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(other[1] - one[1]) / 2
    chord = sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, chord)))


def moved(point: tuple[float, float], metres: float, bearing: float) -> tuple[float, float]:
    """Return the position that far from a point; the bearing is in radians, from north to east."""
    lat, angle = radians(point[0]), metres / EARTH_RADIUS_M
    sine = sin(lat) * cos(angle) + cos(lat) * sin(angle) * cos(bearing)
    target = asin(max(-1.0, min(1.0, sine)))
    turn = atan2(sin(bearing) * sin(angle) * cos(lat), cos(angle) - sin(lat) * sin(target))
    return degrees(target), (point[1] + degrees(turn) + 540.0) % 360.0 - 180.0


def _unpacked(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text[:_MAX_TEXT]
    try:
        return orjson.loads(text[:_MAX_TEXT])
    except orjson.JSONDecodeError as error:
        raise ValueError(f'{shown(text)} is not a point (write "lat,lon")') from error
