"""How else can a place be written?  The processors that turn other notations into points and shapes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from headwater.domain.points import GeoPoint
from headwater.domain.types import is_geometry
from processors.stack.degrees import parse_degrees
from processors.stack.geojson import MAX_TEXT, SHORTEST_LINE, Geometry, geometry_of, positions_of, shown
from processors.stack.positions import number_of, point_of
from processors.stack.processor import (
    Apply,
    Category,
    ParameterKind,
    Processor,
    Surroundings,
    parameter,
    registered,
)
from processors.stack.projections import WGS84, check_parameter, point_to_wgs84, shape_to_wgs84
from processors.stack.steps import is_empty, mapped, text_of
from processors.stack.wkb import decoded

MAX_POLYLINE = 1_000_000  # characters
MAX_CELLS = 10_000  # rectangles of geohashes that are remembered
_POLYLINE = re.compile(r"(?:(?:[_-~]{0,9}+[?-^]){2})++")  # pairs of numbers, each of at most 50 bits
_SRID = re.compile(r"\s*SRID\s*=\s*(\d{1,6})\s*;", re.IGNORECASE | re.ASCII)
_HEX = re.compile(r"(?:\\x|0x)?((?:[0-9a-f]{2})++)", re.IGNORECASE)


@registered("convert_degrees", Category.GEOGRAPHICAL, "Convert degrees")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertDegrees(Processor):
    """Turns coordinates in degrees, minutes and seconds into a geo point."""

    coordinates: str = parameter("Coordinates", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        def convert(value: Any) -> GeoPoint | None:
            if is_empty(value):
                return None
            return GeoPoint.at(*(parse_degrees(value) if isinstance(value, str) else point_of(value)))

        return mapped(self.coordinates, self.output_field, convert)


@registered("decode_google_polyline", Category.GEOGRAPHICAL, "Decode a Google polyline")
@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeGooglePolyline(Processor):
    """Decodes a line of Google's encoded polyline format into a geo shape, a LineString.

    The format has the latitude first and GeoJSON the longitude; lines that were encoded the other way round
    must not be reversed.
    """

    encoded_polyline: str = parameter("Encoded polyline", kind=ParameterKind.FIELD)
    reverse_lng_lat: bool = parameter("Reverse Lng/Lat", kind=ParameterKind.FLAG, default=True)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        from polyline import decode

        is_reversed = self.reverse_lng_lat

        def line(value: Any) -> Geometry | None:
            if is_empty(value):
                return None
            if not isinstance(value, str) or len(value) > MAX_POLYLINE or not _POLYLINE.fullmatch(value):
                raise ValueError(f"{shown(value)} is not an encoded polyline")
            return _line_string(decode(value, geojson=is_reversed))

        return mapped(self.encoded_polyline, self.output_field, line)


@registered("geohash_to_geojson", Category.GEOGRAPHICAL, "GeoHash to GeoJSON")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeohashToGeojson(Processor):
    """Turns a geohash into a geo shape: the rectangle that it stands for."""

    geohash_field: str = parameter("Geohash field", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        from pygeohash import decode_exactly

        @lru_cache(maxsize=MAX_CELLS)  # places come again and again, and share one shape then
        def rectangle(geohash: str) -> Geometry:
            lat, lon, half_height, half_width = decode_exactly(geohash)
            return _rectangle(lon - half_width, lat - half_height, lon + half_width, lat + half_height)

        def cell(value: Any) -> Geometry | None:
            geohash = _geohash(value)
            if not geohash:
                return None
            try:
                return rectangle(geohash)
            except ValueError as error:
                raise _no_geohash(value) from error

        return mapped(self.geohash_field, self.output_field, cell)


@registered("normalize_projection_reference", Category.GEOGRAPHICAL, "Normalize projection reference")
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeProjectionReference(Processor):
    """Brings a point or a shape of another coordinate reference system to WGS 84.

    Points are `Y,X` (northing, easting) as text, as an array, or as an object with lat and lon, and become
    geo points. GeoJSON has x before y, and stays GeoJSON.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    source_epsg: int = parameter("Source EPSG", kind=ParameterKind.INTEGER, low=1)

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)

    def check(self, _: Surroundings) -> None:
        check_parameter("source_epsg", self.source_epsg)

    def compiled(self) -> Apply:
        epsg = self.source_epsg

        def normalize(value: Any) -> GeoPoint | Geometry | None:
            if is_empty(value):
                return None
            if _is_shape(value):
                return shape_to_wgs84(geometry_of(value), epsg)
            y, x = _northing_and_easting(value)
            return GeoPoint.at(*point_to_wgs84(x, y, epsg))

        return mapped(self.field, self.field, normalize)


@registered(
    "wkt_wkb_to_geojson",
    Category.GEOGRAPHICAL,
    "WKT and WKB to GeoJSON",
    aliases=("well_known_text_to_geojson",),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class WktWkbToGeojson(Processor):
    """Turns well-known text or binary (as hexadecimal digits) into a geo shape, in place.

    The extended forms say their coordinate reference system; what is not in WGS 84 is brought to it.
    """

    wkt_wkb_field: str = parameter("WKT/WKB field", kind=ParameterKind.FIELD)

    def outputs(self) -> tuple[str, ...]:
        return (self.wkt_wkb_field,)

    def compiled(self) -> Apply:
        from processors.stack.geometry import from_text

        def convert(value: Any) -> Geometry | None:
            if is_empty(value):
                return None
            geometry, srid = _well_known(value, from_text)
            if not positions_of(geometry):
                return None
            return shape_to_wgs84(geometry, srid) if srid not in (0, WGS84) else geometry

        return mapped(self.wkt_wkb_field, self.wkt_wkb_field, convert)


def _line_string(pairs: Sequence[tuple[float, float]]) -> Geometry:
    if len(pairs) < SHORTEST_LINE:
        raise ValueError("the polyline has one position only")
    geometry = {"type": "LineString", "coordinates": [list(pair) for pair in pairs]}
    return shape_to_wgs84(geometry, WGS84)


def _geohash(value: Any) -> str:
    if is_empty(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):  # digits alone were a number to somebody
        raise _no_geohash(value)
    return text_of(value).strip().lower()


def _no_geohash(value: Any) -> ValueError:
    return ValueError(f"{shown(value)} is not a geohash (1 to 12 digits and letters without a, i, l, o)")


def _rectangle(west: float, south: float, east: float, north: float) -> Geometry:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _is_shape(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip().startswith("{")
    return is_geometry(value) or (isinstance(value, dict) and value.get("type") == "Feature")


def _northing_and_easting(value: Any) -> tuple[float, float]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _array(value)
    match value:
        case str():
            parts: list[Any] = _coordinates_in(value.strip())
        case {"lat": y, "lon": x}:
            parts = [y, x]
        case [y, x]:
            parts = [y, x]
        case _:
            parts = []
    if len(parts) != 2:  # noqa: PLR2004 - y and x
        raise ValueError(f"{shown(value)} is not a point (write Y,X) and not a GeoJSON geometry")
    return number_of(parts[0]), number_of(parts[1])


def _coordinates_in(text: str) -> list[Any]:
    """Return the two numbers of a text; with ';' between them, they may have decimal commas."""
    separator = ";" if ";" in text else "," if "," in text else None
    return text.split(separator)[:3]


def _array(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{shown(text)} is not a point (write Y,X)") from error


def _well_known(value: Any, from_text: Callable[[str], Geometry]) -> tuple[Geometry, int]:
    """Return the geometry and its SRID, 0 when it has none. What is GeoJSON already stays so."""
    if not isinstance(value, str) or value.lstrip().startswith("{"):
        return geometry_of(value), 0
    if len(value) > MAX_TEXT:
        raise ValueError(f"the shape has more than {MAX_TEXT} characters")
    text = value.strip()
    if digits := _HEX.fullmatch(text):
        return decoded(bytes.fromhex(digits[1]))
    srid = _SRID.match(text)
    return from_text(text[srid.end() :] if srid else text), int(srid[1]) if srid else 0
