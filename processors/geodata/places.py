"""What is the nearest place in a country?  Places of 1,000 people or more, with the names of their divisions.

A place says what a point is near, not what it is in: close to a border between two states the answer may
be the other one.
"""

import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin
from sys import intern
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from processors.geodata.attribution import PLACES
from processors.geodata.natural_earth import PARTS

FILE = "geocode.gz"
MAX_DISTANCE_KM = 100.0
EARTH_RADIUS_KM = 6371.0
POINTS_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A city, town or village; the names of its divisions may be empty."""

    name: str
    state: str
    county: str


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The places of one country; `directions` are unit vectors from the centre of the Earth."""

    places: tuple[Place, ...]
    directions: NDArray[np.float64]


@lru_cache(maxsize=POINTS_REMEMBERED)
def nearest(country: str, lat: float, lon: float) -> Place | None:
    """Return the nearest place in a country (alpha-2); None when all are far. Raises DataMissing."""
    known = gazetteers().get(country)
    if known is None:
        return None
    closeness = known.directions @ np.array(_direction(lat, lon))
    best = int(closeness.argmax())
    return known.places[best] if closeness[best] >= cos(MAX_DISTANCE_KM / EARTH_RADIUS_KM) else None


@lru_cache(maxsize=1)
def gazetteers() -> Mapping[str, Gazetteer]:
    """Return the places of each country that Natural Earth has. Raises DataMissing."""
    places: dict[str, list[Place]] = defaultdict(list)
    directions: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for row in _rows():
        code = row["country_code"]
        country = PARTS[code][0] if code in PARTS else code
        places[country].append(
            Place(row["city"], intern(row.get("state", "")), intern(row.get("county", "")))
        )
        directions[country].append(_direction(row["latitude"], row["longitude"]))
    return {
        country: Gazetteer(tuple(places[country]), np.array(directions[country]))
        for country in sorted(places)
    }


def _direction(lat: float, lon: float) -> tuple[float, float, float]:
    phi, theta = radians(lat), radians(lon)
    return cos(phi) * cos(theta), cos(phi) * sin(theta), sin(phi)


def _rows() -> Iterator[Mapping[str, Any]]:
    """Yield the members of the file's one array; not parsed at once, which takes 100 MB for a moment."""
    with gzip.open(PLACES.file(FILE)) as stream:
        objects = stream.read().strip().removeprefix(b"[{").removesuffix(b"}]").split(b"},{")
    for members in objects:
        yield orjson.loads(b"{" + members + b"}")
