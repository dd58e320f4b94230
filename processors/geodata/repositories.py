"""Which code systems and administrative levels can be answered, and for which country?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from processors.geodata import census, france, natural_earth
from processors.geodata.areas import Areas
from processors.geodata.attribution import CENSUS, FRANCE, NATURAL_EARTH, PLACES, DataSet
from processors.geodata.codes import Codes

WORLD = "World"

# The countries of the original (reference: processors, row 37).
COUNTRIES: Mapping[str, str] = {
    WORLD: "the whole world",
    "AU": "Australia",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "MX": "Mexico",
    "NL": "Netherlands",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """One code system; `load` is slow the first time, and raises DataMissing."""

    label: str
    source: DataSet
    load: Callable[[], Codes]


@dataclass(frozen=True, slots=True)
class Level:
    """One administrative level; without `load` only names are known, those of the nearest place."""

    label: str
    source: DataSet
    load: Callable[[], Areas] | None = None
    detail: str = ""  # without `load`: which attribute of a Place


REPOSITORIES: Mapping[str, Mapping[str, Repository]] = {
    WORLD: {
        "country_alpha_2": Repository("ISO 3166-1 alpha-2, as CH", NATURAL_EARTH, natural_earth.by_alpha_2),
        "country_alpha_3": Repository("ISO 3166-1 alpha-3, as CHE", NATURAL_EARTH, natural_earth.by_alpha_3),
        "country_numeric": Repository("ISO 3166-1 numeric, as 756", NATURAL_EARTH, natural_earth.by_numeric),
        "country_name": Repository("name, as Switzerland or Schweiz", NATURAL_EARTH, natural_earth.by_name),
    },
    "US": {
        "state_fips": Repository("FIPS code, as 06", CENSUS, census.states_by_fips),
        "state_postal": Repository("postal abbreviation, as CA", CENSUS, census.states_by_postal),
        "state_name": Repository("name, as California", CENSUS, census.states_by_name),
        "county_fips": Repository("FIPS code of a county, as 06075", CENSUS, census.counties_by_fips),
    },
    "FR": {
        "commune_insee": Repository("INSEE code of a commune, as 69123", FRANCE, france.communes_by_insee),
        "departement_insee": Repository(
            "INSEE code of a département, as 69", FRANCE, france.departements_by_insee
        ),
        "region_insee": Repository("INSEE code of a région, as 84", FRANCE, france.regions_by_insee),
        "postal_code": Repository("postal code, as 69001", FRANCE, france.postal_codes),
    },
}

COUNTRY = Level("country", NATURAL_EARTH, natural_earth.areas)
NEAREST = (
    Level("state or region of the nearest place", PLACES, detail="state"),
    Level("county or district of the nearest place", PLACES, detail="county"),
    Level("nearest place", PLACES, detail="name"),
)
ELSEWHERE = (COUNTRY, *NEAREST)
LEVELS: Mapping[str, tuple[Level, ...]] = {  # from level 1
    "US": (
        COUNTRY,
        Level("state", CENSUS, census.states),
        Level("county", CENSUS, census.counties),
        NEAREST[-1],
    ),
    "FR": (
        COUNTRY,
        Level("région", FRANCE, france.regions),
        Level("département", FRANCE, france.departements),
        Level("commune", FRANCE, lambda: france.communes().today),
    ),
}


def levels_of(country: str) -> tuple[Level, ...]:
    """Return the levels of a country, the first one first."""
    return LEVELS.get(country, ELSEWHERE)
