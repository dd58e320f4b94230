"""Where on Earth is this position of another coordinate reference system?  From EPSG codes to WGS 84.

The axis order is always the same, whatever the definition of a system says: x (longitude, easting) comes
before y (latitude, northing). PROJ works with what its wheel brings: no grid is ever downloaded, so a
system whose best transformation needs one gets the best of the others. Importing this module is cheap:
PROJ is loaded when the first other system is asked for.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headwater.domain.errors import InvalidDocument
from processors.stack.geojson import (
    Geometry,
    Position,
    is_coordinate,
    positions_changed,
    positions_of,
    shown,
)

if TYPE_CHECKING:
    from pyproj import Transformer

WGS84 = 4326
MAX_EPSG = 999_999
MAX_SYSTEMS = 64  # kept ready at once


def check_epsg(code: int) -> None:
    """Raise ValueError, with a sentence, unless positions of this system can be brought to WGS 84."""
    if code != WGS84:
        _to_wgs84(code)


def check_parameter(name: str, code: int) -> None:
    """Raise InvalidDocument for a parameter that is no EPSG code of positions."""
    try:
        check_epsg(code)
    except ValueError as error:
        raise InvalidDocument(name, str(error)) from error


def point_to_wgs84(x: float, y: float, epsg: int) -> tuple[float, float]:
    """Return (latitude, longitude) of x (longitude or easting) and y (latitude or northing).

    Raises ValueError for an unknown system, and for a position that it does not reach.
    """
    if not (is_coordinate(x) and is_coordinate(y)):
        raise _out_of_reach(x, y, epsg)
    lon, lat = (x, y) if epsg == WGS84 else _to_wgs84(epsg).transform(x, y)
    if not _is_on_earth(lon, lat):
        raise _out_of_reach(x, y, epsg)
    return float(lat), float(lon)


def shape_to_wgs84(geometry: Mapping[str, Any], epsg: int) -> Geometry:
    """Return a GeoJSON geometry like this one with its positions in WGS 84; heights stay as they are.

    Raises ValueError for an unknown system, a position that it does not reach, and for what is no geometry.
    """
    positions = positions_of(geometry)
    lons, lats = [one[0] for one in positions], [one[1] for one in positions]
    if epsg != WGS84:
        lons, lats = _to_wgs84(epsg).transform(lons, lats)
    for position, lon, lat in zip(positions, lons, lats, strict=True):
        if not _is_on_earth(lon, lat):
            raise _out_of_reach(position[0], position[1], epsg)
    places = iter(zip(lons, lats, strict=True))

    def moved(position: Position) -> Position:
        return [*next(places), *position[2:]]

    return positions_changed(geometry, moved)


@lru_cache(maxsize=MAX_SYSTEMS)
def _to_wgs84(code: int) -> "Transformer":
    if isinstance(code, bool) or not isinstance(code, int) or not 0 < code <= MAX_EPSG:
        raise ValueError(f"{shown(code)} is not an EPSG code (an integer such as {WGS84})")
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError, ProjError
    from pyproj.network import set_network_enabled  # type: ignore[attr-defined]  # not re-exported by name

    set_network_enabled(active=False)
    try:
        system = CRS.from_epsg(code)
        if not (system.is_geographic or system.is_projected):
            raise ValueError(f"EPSG:{code} ({system.name}) is no system of positions on a map")
        return Transformer.from_crs(system, CRS.from_epsg(WGS84), always_xy=True)
    except CRSError as error:
        raise ValueError(f"there is no coordinate reference system EPSG:{code}") from error
    except ProjError as error:
        raise ValueError(f"EPSG:{code} cannot be brought to WGS 84") from error


def _is_on_earth(lon: float, lat: float) -> bool:
    """Tell whether PROJ found a place; infinity, which it answers when it did not, is none."""
    return -90 <= lat <= 90 and -180 <= lon <= 180  # noqa: PLR2004 - degrees


def _out_of_reach(x: Any, y: Any, epsg: int) -> ValueError:
    return ValueError(f"x {shown(x)}, y {shown(y)} is no position of EPSG:{epsg}")
