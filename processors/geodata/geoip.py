"""Where is an internet address?  A port, and the database that is there without asking anybody."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

from processors.geodata import natural_earth
from processors.geodata.attribution import GEOLITE

FILE = "geoip2fast-ipv6.dat.gz"  # of both versions of the protocol
Address = IPv4Address | IPv6Address


class GeoIp(Protocol):
    """What knows positions of internet addresses; asked for each record, so it must not wait for anybody."""

    def position(self, address: Address) -> tuple[float, float] | None:
        """Return latitude and longitude; None when the address is unknown. Never raises."""
        ...


class CountryGeoIp:
    """Knows the country of an address: the answer is the middle of it."""

    def __init__(self, database: Any, positions: Mapping[str, tuple[float, float]]) -> None:
        self._database = database
        self._positions = positions

    def position(self, address: Address) -> tuple[float, float] | None:
        """As GeoIp.position."""
        return self._positions.get(self._database.lookup(str(address)).country_code)


@lru_cache(maxsize=1)
def bundled() -> GeoIp:
    """Return the database that comes with the packages. Raises DataMissing."""
    path = GEOLITE.file(FILE)
    from geoip2fast import GeoIP2Fast  # here, since importing it takes 10 MB

    return CountryGeoIp(GeoIP2Fast(geoip2fast_data_file=str(path)), natural_earth.positions())
