"""Where are the countries?  Admin 0 of Natural Earth, 1:10 million, its German view of disputed borders."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from processors.geodata import shapefiles
from processors.geodata.areas import Area, Areas
from processors.geodata.attribution import NATURAL_EARTH
from processors.geodata.codes import Codes, digits, letters, plain

FILE = "ne_10m_admin_0_countries_deu.zip"
TOLERANCE_DEG = 0.02  # keeps Liechtenstein recognisable, and Canada under 600 kB
UNKNOWN = "-99"
ENGLISH = ("NAME_EN", "NAME", "NAME_LONG", "NAME_SORT", "NAME_CIAWF", "NAME_ALT", "FORMAL_EN", "ADMIN")
FAR_PARTS = frozenset({"ATC", "BRI", "CLP", "CSI", "IOA"})  # go by the code of Australia, Brazil or France

# Codes of ISO 3166 whose land Natural Earth counts to another country: (that country, latitude, longitude).
PARTS: Mapping[str, tuple[str, float, float]] = {
    "BQ": ("NL", 12.18, -68.26),
    "BV": ("NO", -54.42, 3.36),
    "CC": ("AU", -12.17, 96.83),
    "CX": ("AU", -10.49, 105.63),
    "GF": ("FR", 3.93, -53.13),
    "GP": ("FR", 16.20, -61.53),
    "MQ": ("FR", 14.64, -61.02),
    "RE": ("FR", -21.12, 55.53),
    "SJ": ("NO", 78.50, 16.00),
    "TK": ("NZ", -9.17, -171.82),
    "YT": ("FR", -12.83, 45.15),
}


@dataclass(frozen=True, slots=True)
class Country:
    """One entry of Natural Earth; codes are empty where ISO has none."""

    area: Area  # its code is the alpha-2 one
    alpha_3: str
    numeric: str
    is_main: bool  # not a far part that goes by the code of its country
    english: frozenset[str]  # names in plain letters
    foreign: frozenset[str]
    label: tuple[float, float]  # latitude and longitude of where its name is written


@lru_cache(maxsize=1)
def countries() -> tuple[Country, ...]:
    """Return all countries, without their shapes. Raises DataMissing."""
    rows = shapefiles.attributes(NATURAL_EARTH.file(FILE))
    return tuple(_country(index, row) for index, row in enumerate(rows))


@lru_cache(maxsize=1)
def areas() -> Areas:
    """Return the countries with their shapes. Raises DataMissing."""
    geometries = shapefiles.geometries(NATURAL_EARTH.file(FILE))
    return Areas([one.area for one in countries()], geometries, tolerance_deg=TOLERANCE_DEG)


@lru_cache(maxsize=1)
def positions() -> Mapping[str, tuple[float, float]]:
    """Return the latitude and longitude of each alpha-2 code; the middle of a country, more or less."""
    parts = {code: (lat, lon) for code, (_, lat, lon) in PARTS.items()}
    return {**parts, **{one.area.code: one.label for one in countries() if one.is_main}}


def by_alpha_2() -> Codes:
    """Return the countries by ISO 3166-1 alpha-2."""
    return Codes(areas(), _index((one.area.code, one.area) for one in _main()), letters)


def by_alpha_3() -> Codes:
    """Return the countries by ISO 3166-1 alpha-3."""
    return Codes(areas(), _index((one.alpha_3, one.area) for one in _main()), letters)


def by_numeric() -> Codes:
    """Return the countries by ISO 3166-1 numeric."""
    return Codes(areas(), _index((one.numeric, one.area) for one in _main()), digits(3))


def by_name() -> Codes:
    """Return the countries by a name in English, as ISO 3166 or in one of 25 other languages.

    What names one country in English and another one elsewhere is the former; what names two in other
    languages names none.
    """
    english = _index((name, one.area) for one in _main() for name in sorted(one.english))
    foreign: dict[str, Area | None] = {}
    for one in _main():
        for name in one.foreign:
            foreign[name] = one.area if foreign.get(name, one.area) == one.area else None
    certain = {name: area for name, area in foreign.items() if area is not None}
    return Codes(areas(), {**certain, **english}, plain)


def _main() -> Iterator[Country]:
    return (one for one in countries() if one.is_main)


def _index(pairs: Iterable[tuple[str, Area]]) -> dict[str, Area]:
    found: dict[str, Area] = {}
    for code, area in pairs:
        if code:
            found.setdefault(code, area)
    return found


def _country(index: int, row: Mapping[str, Any]) -> Country:
    alpha_2 = _known(row["ISO_A2_EH"])
    languages = [name for name in row if name.startswith("NAME_") and name not in (*ENGLISH, "NAME_LEN")]
    return Country(
        area=Area(index, alpha_2, row["NAME_EN"] or row["NAME"]),
        alpha_3=_known(row["ISO_A3_EH"]),
        numeric=_known(row["ISO_N3_EH"]),
        is_main=alpha_2 != "" and row["ADM0_A3"] not in FAR_PARTS,
        english=_plain([*(row[name] for name in ENGLISH), *_iso_names(alpha_2)]),
        foreign=_plain(row[name] for name in languages),
        label=(float(row["LABEL_Y"]), float(row["LABEL_X"])),
    )


def _iso_names(alpha_2: str) -> list[str]:
    import pycountry  # here, since few ask for names

    found = pycountry.countries.get(alpha_2=alpha_2) if alpha_2 else None
    return [getattr(found, kind, "") for kind in ("name", "common_name", "official_name")] if found else []


def _plain(names: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(plain, names)))


def _known(code: str) -> str:
    return "" if code == UNKNOWN else code
