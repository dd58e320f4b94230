"""Which area is this point in, and what does an area look like?

A question about a point is answered from the shapes in full detail. The shapes that are handed out are
simplified all together, so that neighbours keep a common border, and are rounded to about a metre.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

POINTS_REMEMBERED = 10_000
SHAPES_REMEMBERED = 256
DECIMALS = 5  # of a degree: about 1 m

Geometries = NDArray[np.object_]
Shape = dict[str, Any]  # a GeoJSON geometry; shared, so nobody may change it


@dataclass(frozen=True, slots=True)
class Area:
    """One division; `index` is its place among its kind, `code` may be empty."""

    index: int
    code: str
    name: str


class Areas:
    """All divisions of one kind: found by a point, or asked for their shape.

    `tolerance_deg` is about the side of the smallest corner that a simplified shape keeps; 0 keeps all.
    """

    def __init__(self, areas: Sequence[Area], geometries: Geometries, *, tolerance_deg: float) -> None:
        self.areas = tuple(areas)
        self._whole = _mended(geometries)
        self._outlines = (
            shapely.coverage_simplify(self._whole, tolerance_deg) if tolerance_deg else self._whole
        )
        self.locate: Callable[[float, float], Area | None] = lru_cache(POINTS_REMEMBERED)(self._locate)
        self.shape: Callable[[Area], Shape] = lru_cache(SHAPES_REMEMBERED)(self._shape)

    def indexed(self) -> Self:
        """Build what `locate` needs, now instead of at its first call."""
        _ = self._index
        return self

    def outlines(self, indices: Sequence[int]) -> Geometries:
        """Return the simplified geometries of these areas."""
        return self._outlines[list(indices)]

    @cached_property
    def _index(self) -> tuple[shapely.STRtree, Geometries, NDArray[np.int_]]:
        """Boxes, single polygons, and whose they are.

        Of a country with far islands each has a small box of its own: a point meets few candidates.
        """
        parts, owners = shapely.get_parts(self._whole, return_index=True)
        shapely.prepare(parts)
        return shapely.STRtree(parts), parts, owners

    def _locate(self, lat: float, lon: float) -> Area | None:
        """Return the area that covers a point, its border included; the first of several."""
        boxes, parts, owners = self._index
        near = boxes.query(shapely.Point(lon, lat))
        hits = near[shapely.intersects_xy(parts[near], lon, lat)]
        return self.areas[min(owners[hits])] if len(hits) else None

    def _shape(self, area: Area) -> Shape:
        return as_geojson(self._outlines[area.index])


def _mended(geometries: Geometries) -> Geometries:
    broken = ~shapely.is_valid(geometries)
    if not broken.any():
        return geometries
    mended = geometries.copy()
    mended[broken] = shapely.make_valid(geometries[broken])
    return mended


def as_geojson(geometry: shapely.Geometry) -> Shape:
    """Return a geometry as GeoJSON, rounded unless that would break it."""
    rounded = shapely.transform(geometry, lambda positions: positions.round(DECIMALS))
    shape: Shape = orjson.loads(shapely.to_geojson(rounded if shapely.is_valid(rounded) else geometry))
    return shape
