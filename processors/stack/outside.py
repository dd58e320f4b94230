"""Who answers what an expression cannot compute by itself?  The libraries that the domain does not import."""

from collections.abc import Mapping
from typing import Any

from anyascii import anyascii

from headwater.domain.expressions import Outside
from processors.stack import projections
from processors.stack.patterns import compile_pattern


def _search(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(text) is not None


def _point_to_wgs84(point: list[float], epsg: int) -> tuple[float, float]:
    y, x = point
    return projections.point_to_wgs84(x, y, epsg)


def _shape_to_wgs84(shape: Mapping[str, Any], epsg: int) -> dict[str, Any]:
    return projections.shape_to_wgs84(shape, epsg)


OUTSIDE = Outside(
    transliterate=anyascii,
    search=_search,
    point_to_wgs84=_point_to_wgs84,
    shape_to_wgs84=_shape_to_wgs84,
)
