"""What does an expression ask of libraries that the domain does not have?  Four functions, handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Pure functions with bounded cost; each may raise ValueError with a sentence about its arguments."""

    # A text in letters of ASCII: `Crème` becomes `Creme`. Chinese and the like are transliterated.
    transliterate: Callable[[str], str]
    # Whether the regular expression (first) is found anywhere in the text (second). Called for every record
    # with mostly the same expression: keep the compiled ones, in bounds, and bound the time of a search.
    search: Callable[[str, str], bool]
    # (latitude, longitude) in WGS 84 of a point of another system, by its EPSG code. The point is a list
    # [y, x] of two numbers in the units of that system.
    point_to_wgs84: Callable[[list[float], int], tuple[float, float]]
    # The same for a GeoJSON geometry, whose positions are [x, y]; the given one is left as it is.
    shape_to_wgs84: Callable[[Mapping[str, Any], int], dict[str, Any]]
