"""What is done to geo points?  The processors that measure, make, move and filter them.

Points may come in every form that a geo point can have (positions.py); what a processor writes is a GeoPoint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import compress
from math import pi, sqrt
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from processors.stack.geojson import flat, geometry_of
from processors.stack.outcomes import Outcome, Record, Skipped
from processors.stack.positions import distance_m, moved, number_of, point_of
from processors.stack.processor import (
    Apply,
    Category,
    ParameterKind,
    Processor,
    Surroundings,
    parameter,
    registered,
)
from processors.stack.projections import WGS84, check_parameter, point_to_wgs84
from processors.stack.steps import failed, is_empty

FILTERED = "filtered"
FARTHEST_M = 1_000_000
MAX_REMEMBERED = 10_000  # points made of the same two numbers
_NEVER_EMPTY = frozenset({(float, float), (GeoPoint, GeoPoint)})
_HALF = 1 << 64  # how many values half of a drawn number can have


@registered("geo_distance", Category.GEOGRAPHICAL, "Compute geo distance")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeoDistance(Processor):
    """Computes the distance of two geo points in kilometres, along the great circle.

    The sphere is that of the expression function distance(), so both agree; the ellipsoid's distance differs
    by 0.5 % at most.
    """

    coordinates_a: str = parameter("Coordinates A", kind=ParameterKind.FIELD)
    coordinates_b: str = parameter("Coordinates B", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        @lru_cache(maxsize=MAX_REMEMBERED)  # ways between two places come again and again
        def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
            return distance_m(one, other) / 1000

        return _joined((self.coordinates_a, self.coordinates_b), self.output_field, point_of, kilometres)


@registered("create_geopoint", Category.GEOGRAPHICAL, "Create geo point")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGeoPoint(Processor):
    """Makes a geo point of a latitude and a longitude, or of a northing and an easting."""

    latitude: str = parameter("Latitude", kind=ParameterKind.FIELD)
    longitude: str = parameter("Longitude", kind=ParameterKind.FIELD)
    source_epsg: int = parameter("Source EPSG", kind=ParameterKind.INTEGER, default=WGS84, low=1)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def check(self, _: Surroundings) -> None:
        check_parameter("source_epsg", self.source_epsg)

    def compiled(self) -> Apply:
        epsg = self.source_epsg

        @lru_cache(maxsize=MAX_REMEMBERED)  # stations and stops come again and again
        def point(lat: float, lon: float) -> GeoPoint:
            return GeoPoint.at(*point_to_wgs84(lon, lat, epsg))

        return _joined((self.latitude, self.longitude), self.output_field, number_of, point)


@registered("geomasking", Category.GEOGRAPHICAL, "Geomasking")
@dataclass(frozen=True, slots=True, kw_only=True)
class Geomasking(Processor):
    """Moves a geo point by a random distance in a random direction, for privacy.

    Every place of the ring between the two distances is equally likely. Chance is drawn from the record's
    version, the field's name and the point, so that a replay gives the same place, and several records made
    of one are moved differently.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    minimum_distance: float = parameter(
        "Minimum distance (m)", kind=ParameterKind.NUMBER, default=1000, low=0, high=FARTHEST_M
    )
    maximum_distance: float = parameter(
        "Maximum distance (m)", kind=ParameterKind.NUMBER, default=3000, low=0, high=FARTHEST_M
    )

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)  # what could not be moved must not be published

    def check(self, _: Surroundings) -> None:
        if self.maximum_distance <= self.minimum_distance:
            raise InvalidDocument("maximum_distance", "it has to be more than the minimum distance")

    def compiled(self) -> Apply:
        name = self.field
        near, far = self.minimum_distance**2, self.maximum_distance**2

        def mask(record: Record, version: int) -> None:
            point = point_of(record[name])
            chance, turn = _chances(f"{version} {name} {point[0]!r} {point[1]!r}")
            masked = moved(point, sqrt(near + chance * (far - near)), turn * 2 * pi)
            record[name] = GeoPoint.at(*masked)

        def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                if is_empty(record.get(name)):
                    record[name] = None
                    continue
                try:
                    mask(record, versions[index])
                except ValueError as error:
                    outcomes = list(records) if outcomes is records else outcomes
                    outcomes[index] = failed(record, name, error)
            return outcomes

        return apply


@registered("polygon_filtering", Category.GEOGRAPHICAL, "Polygon filtering")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonFiltering(Processor):
    """Drops the records whose point is not in a polygon.

    Its edge belongs to the polygon. An empty point is nowhere, so its record is dropped, too.
    """

    point: str = parameter("Point", kind=ParameterKind.FIELD)
    polygon: str = parameter("Polygon", kind=ParameterKind.GEOMETRY)

    def check(self, _: Surroundings) -> None:
        try:
            shape = flat(geometry_of(self.polygon))
        except ValueError as error:
            raise InvalidDocument("polygon", str(error)) from error
        if shape is None or shape["type"] not in ("Polygon", "MultiPolygon"):
            raise InvalidDocument("polygon", "a GeoJSON Polygon or MultiPolygon is expected")

    def compiled(self) -> Apply:
        import shapely

        from processors.stack.geometry import inside, shape_of

        name, polygon = self.point, shape_of(geometry_of(self.polygon))
        shapely.prepare(polygon)

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = [Skipped(FILTERED)] * len(records)
            places: list[tuple[int, float, float]] = []
            for index, record in enumerate(records):
                try:
                    value = record.get(name)
                    if not is_empty(value):
                        lat, lon = point_of(value)
                        places.append((index, lon, lat))
                except ValueError as error:
                    outcomes[index] = failed(record, name, error)
            if places:
                indices, lons, lats = zip(*places, strict=True)
                is_inside = inside(polygon, lons, lats)
                if len(records) == sum(is_inside):
                    return records
                for index in compress(indices, is_inside):
                    outcomes[index] = records[index]
            return outcomes

        return apply


def _joined(
    sources: tuple[str, str], target: str, read: Callable[[Any], Any], join: Callable[[Any, Any], Any]
) -> Apply:
    """Write what two fields make together into a third one; empty when one of them is."""
    one, other = sources

    def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
        outcomes: list[Any] = records
        for index, record in enumerate(records):
            first, second = record.get(one), record.get(other)
            kinds = (first.__class__, second.__class__)
            if kinds not in _NEVER_EMPTY and (is_empty(first) or is_empty(second)):
                record[target] = None
                continue
            try:
                record[target] = join(read(first), read(second))
            except ValueError as error:
                outcomes = list(records) if outcomes is records else outcomes
                outcomes[index] = failed(record, one if _is_unreadable(first, read) else other, error)
        return outcomes

    return apply


def _is_unreadable(value: Any, read: Callable[[Any], Any]) -> bool:
    try:
        read(value)
    except ValueError:
        return True
    return False


def _chances(seed: str) -> tuple[float, float]:
    """Return two numbers from 0 to 1 that look like chance."""
    drawn = int.from_bytes(blake2b(seed.encode(), digest_size=16).digest(), "big")
    high, low = divmod(drawn, _HALF)
    return high / _HALF, low / _HALF
