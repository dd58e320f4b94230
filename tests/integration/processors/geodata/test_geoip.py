"""Where is an internet address?"""

from ipaddress import ip_address
from types import SimpleNamespace

from processors.geodata.geoip import CountryGeoIp, bundled


class Database:
    """Knows one network."""

    def lookup(self, address):
        return SimpleNamespace(country_code="CH" if address.startswith("193.5.") else "--")


def test_the_position_of_an_address_is_that_of_its_country():
    """An unknown one has none, and neither has one of a country without position."""
    database = CountryGeoIp(Database(), {"CH": (46.7, 7.5)})

    assert database.position(ip_address("193.5.0.1")) == (46.7, 7.5)
    assert database.position(ip_address("8.8.8.8")) is None
    assert CountryGeoIp(Database(), {}).position(ip_address("193.5.0.1")) is None


def test_the_bundled_database_knows_both_versions():
    """One file for both."""
    assert bundled().position(ip_address("8.8.8.8")) == bundled().position(ip_address("2001:4860:4860::8888"))
    assert bundled().position(ip_address("8.8.8.8")) is not None
