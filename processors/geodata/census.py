"""Where are the states and counties of the United States?  Census Bureau, 1:500,000, borders of 2016."""

from functools import lru_cache

from processors.geodata import shapefiles
from processors.geodata.areas import Area, Areas
from processors.geodata.attribution import CENSUS
from processors.geodata.codes import Codes, digits, letters, plain

STATES = "package_data/cb_2016_us_state_500k.shp"
COUNTIES = "package_data/cb_2016_us_county_500k.shp"
STATE_TOLERANCE_DEG = 0.005  # keeps Alaska near 600 kB


@lru_cache(maxsize=1)
def states() -> Areas:
    """Return states, federal district and territories with their FIPS codes. Raises DataMissing."""
    return _areas(STATES, tolerance_deg=STATE_TOLERANCE_DEG)


@lru_cache(maxsize=1)
def counties() -> Areas:
    """Return counties and what counts as such with their FIPS codes. Raises DataMissing."""
    return _areas(COUNTIES, tolerance_deg=0)  # small enough as they are


def _areas(file: str, *, tolerance_deg: float) -> Areas:
    path = CENSUS.file(file)
    rows = shapefiles.attributes(path)
    areas = [Area(index, row["GEOID"], row["NAME"]) for index, row in enumerate(rows)]
    return Areas(areas, shapefiles.geometries(path), tolerance_deg=tolerance_deg)


def states_by_fips() -> Codes:
    """Return states by two digits, as `06`."""
    return Codes(states(), {one.code: one for one in states().areas}, digits(2))


def states_by_postal() -> Codes:
    """Return states by the two letters of the post, as `CA`."""
    rows = shapefiles.attributes(CENSUS.file(STATES))
    codes = {row["STUSPS"]: area for row, area in zip(rows, states().areas, strict=True)}
    return Codes(states(), codes, letters)


def states_by_name() -> Codes:
    """Return states by their English name."""
    return Codes(states(), {plain(one.name): one for one in states().areas}, plain)


def counties_by_fips() -> Codes:
    """Return counties by five digits, as `06075`."""
    return Codes(counties(), {one.code: one for one in counties().areas}, digits(5))
