"""Which shape is in this well-known binary?  WKB, ISO or extended (EWKB).

Decoded here and not by GEOS, which follows collections in collections until its stack ends, and the process
with it.

Source: OGC 06-103r4 (Simple feature access, part 1), section 8.2; PostGIS, doc/ZMSgeoms.txt (EWKB).
"""

from struct import calcsize, error, unpack_from
from typing import Any

from processors.stack.geojson import MAX_LEVELS, MAX_POSITIONS, Geometry, Line

_HAS_HEIGHT, _HAS_MEASURE, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_FLAGS = _HAS_HEIGHT | _HAS_MEASURE | _HAS_SRID
_KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_ISO_HEIGHT, _ISO_MEASURE, _ISO_BOTH = 1, 2, 3  # thousands of an ISO type


def decoded(data: bytes) -> tuple[Geometry, int]:
    """Return the geometry and its SRID, 0 when it has none. Raises ValueError.

    Whether its positions are numbers is not looked at; measures are left out.
    """
    reader = _Reader(data)
    try:
        geometry = reader.geometry(0)
    except (error, KeyError, IndexError) as problem:
        raise ValueError("this is not well-known binary (WKB)") from problem
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the shape")
    return geometry, reader.srid


class _Reader:
    __slots__ = ("at", "data", "members", "order", "srid")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.srid = 0
        self.members = 0
        self.order = "<"

    def geometry(self, level: int) -> Geometry:
        if level > MAX_LEVELS:
            raise ValueError(f"collections of shapes are nested more than {MAX_LEVELS} deep")
        self.order = {0: ">", 1: "<"}[self.data[self.at]]
        self.at += 1
        kind, width, kept = self._header()
        if kind == "Point":
            position = self._positions(1, width, kept)[0]
            return {"type": kind, "coordinates": [] if _is_nowhere(position) else position}
        if kind == "LineString":
            return {"type": kind, "coordinates": self._line(width, kept)}
        if kind == "Polygon":
            return {"type": kind, "coordinates": [self._line(width, kept) for _ in self._members()]}
        members = [self.geometry(level + 1) for _ in self._members()]
        return _gathered(kind, members)

    def _header(self) -> tuple[str, int, int]:
        """Read the type; return its name, the numbers of a position and how many of them are kept."""
        code = self._integer()
        if code & _HAS_SRID:
            self.srid = self._integer() or self.srid
        thousands, base = divmod(code & ~_FLAGS, 1000)
        if thousands > _ISO_BOTH:
            raise KeyError(code)
        has_height = bool(code & _HAS_HEIGHT) or thousands in (_ISO_HEIGHT, _ISO_BOTH)
        has_measure = bool(code & _HAS_MEASURE) or thousands in (_ISO_MEASURE, _ISO_BOTH)
        return _KINDS[base], 2 + has_height + has_measure, 2 + has_height

    def _integer(self) -> int:
        return int(self._numbers("I")[0])

    def _members(self) -> range:
        """Return as many as the count says; each takes at least four bytes, so a wrong count is seen."""
        count = self._integer()
        if count * 4 > len(self.data) - self.at:
            raise IndexError(count)
        self.members += count
        if self.members > MAX_POSITIONS:
            raise ValueError(f"the shape has more than {MAX_POSITIONS} parts")
        return range(count)

    def _line(self, width: int, kept: int) -> Line:
        return self._positions(self._integer(), width, kept)

    def _positions(self, count: int, width: int, kept: int) -> Line:
        if count * width * 8 > len(self.data) - self.at:
            raise IndexError(count)
        numbers = self._numbers(f"{count * width}d")
        return [list(numbers[start : start + kept]) for start in range(0, len(numbers), width)]

    def _numbers(self, layout: str) -> tuple[Any, ...]:
        numbers = unpack_from(self.order + layout, self.data, self.at)
        self.at += calcsize(self.order + layout)
        return numbers


def _is_nowhere(position: list[float]) -> bool:
    """Tell whether this is the position of an empty point: WKB has no better way to say so than NaN."""
    return all(number != number for number in position)  # noqa: PLR0124 - NaN is what differs from itself


def _gathered(kind: str, members: list[Geometry]) -> Geometry:
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": members}
    if any(f"Multi{member['type']}" != kind for member in members):
        raise KeyError(kind)
    return {"type": kind, "coordinates": [one["coordinates"] for one in members if one["coordinates"]]}
