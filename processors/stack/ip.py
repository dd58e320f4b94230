"""Where is the machine with this internet address?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from processors.geodata.attribution import GEOLITE, NATURAL_EARTH, DataMissing, DataSet
from processors.geodata.geoip import GeoIp, bundled
from processors.stack.outcomes import Failed
from processors.stack.processor import (
    Apply,
    Category,
    ParameterKind,
    Processor,
    Surroundings,
    parameter,
    registered,
)
from processors.stack.steps import each, is_empty, mapped

ADDRESSES_REMEMBERED = 10_000
MAX_LENGTH = 60  # characters of an address with its zone


@registered("ip_address_to_geo_coordinates", Category.GEOGRAPHICAL, "IP address to geo coordinates")
@dataclass(frozen=True, slots=True, kw_only=True)
class LocateAddress(Processor):
    """Turns an IP address (version 4 or 6) into coordinates. The data that comes with Headwater knows the
    country of an address, so the answer is a point in the middle of that country. A private or unknown
    address gives nothing. This product includes GeoLite2 data created by MaxMind, available from
    https://www.maxmind.com; positions of countries are from Natural Earth (public domain).
    """

    ip_address: str = parameter("IP address", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def check(self, surroundings: Surroundings) -> None:  # noqa: ARG002 - packages are no surroundings
        """As Processor.check: is the data installed?"""
        for one in self.data_sets():
            if missing := one.missing():
                raise InvalidDocument("ip_address", missing)

    def data_sets(self) -> tuple[DataSet, ...]:
        """Return the data sets whose attribution goes where the output goes."""
        return GEOLITE, NATURAL_EARTH

    def compiled(self) -> Apply:
        source = self.ip_address
        try:
            database = bundled()
        except DataMissing as missing:
            sentence = str(missing)
            return each(lambda record, _: Failed(record, source, sentence))
        return mapped(source, self.output_field, located(database))


def located(database: GeoIp) -> Callable[[Any], GeoPoint | None]:
    """Return what turns the text of an address into its position."""

    @lru_cache(ADDRESSES_REMEMBERED)
    def position_of(text: str) -> GeoPoint | None:
        try:
            address = ip_address(text)
        except ValueError as error:
            raise ValueError(f"{text!a} is not an IP address") from error
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        found = database.position(address) if address.is_global else None
        return None if found is None else GeoPoint.at(*found)

    def change(value: Any) -> GeoPoint | None:
        if is_empty(value):
            return None
        if not isinstance(value, str) or len(value) > MAX_LENGTH:
            raise ValueError("the value is not an IP address")
        text = value.strip()
        return position_of(text) if text else None

    return change
