"""The work in plain Python: what Quix Streams runs, and what tests compare Headwater's stack with."""

import math
from functools import lru_cache
from typing import Any

import orjson
import pygeohash

from benchmarks.peers.flights import airports, planes, weather

EARTH_RADIUS_KM = 6371.0088

Flight = dict[str, Any]

AIRPORTS = {airport["faa"]: airport for airport in airports()}
PLANES = {plane["tailnum"]: plane for plane in planes()}
WEATHER = {(hour["origin"], hour["time_hour"]): hour for hour in weather()}
NOTHING: Flight = {}


def add_airports(flight: Flight) -> None:
    """Join the airports of origin and destination."""
    origin = AIRPORTS.get(flight["origin"], NOTHING)
    dest = AIRPORTS.get(flight["dest"], NOTHING)
    for name in ("origin_name", "origin_lat", "origin_lon"):
        flight[name] = origin.get(name)
    for name in ("dest_name", "dest_lat", "dest_lon", "dest_geohash"):
        flight[name] = dest.get(name)


def add_plane(flight: Flight) -> None:
    """Join the plane."""
    plane = PLANES.get(flight["tailnum"], NOTHING)
    for name in ("manufacturer", "model", "seats"):
        flight[name] = plane.get(name)


def add_weather(flight: Flight) -> None:
    """Join the weather at departure."""
    hour = WEATHER.get((flight["origin"], flight["time_hour"]), NOTHING)
    for name in ("temp", "wind_speed"):
        flight[name] = hour.get(name)


def add_distance(flight: Flight) -> None:
    """Make points of the coordinates and compute the distance between them."""
    origin = flight["origin_point"] = point(flight["origin_lat"], flight["origin_lon"])
    dest = flight["dest_point"] = point(flight["dest_lat"], flight["dest_lon"])
    flight["distance_km"] = distance_km(origin, dest) if origin and dest else None


def add_delay_per_hour(flight: Flight) -> None:
    """Compute the delay for each hour in the air."""
    delay, minutes = flight["dep_delay"], flight["air_time"]
    flight["delay_per_hour"] = None if delay is None else delay / (minutes / 60)


def add_cell(flight: Flight) -> None:
    """Draw the cell of the destination's geohash."""
    geohash = flight["dest_geohash"]
    flight["dest_cell"] = cell(geohash) if geohash else None


def point(lat: float | None, lon: float | None) -> list[float]:
    """Return latitude and longitude; empty when one is missing."""
    return [] if lat is None or lon is None else [lat, lon]


def distance_km(start: list[float], end: list[float]) -> float:
    """Return the distance on a sphere."""
    lat_a, lon_a, lat_b, lon_b = map(math.radians, (*start, *end))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


@lru_cache(maxsize=10_000)
def cell(geohash: str) -> str:
    """Return the cell as the JSON text of a GeoJSON polygon."""
    box = pygeohash.get_bounding_box(geohash)
    west, south, east, north = box.min_lon, box.min_lat, box.max_lon, box.max_lat
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return orjson.dumps({"type": "Polygon", "coordinates": [ring]}).decode()


def is_flown(flight: Flight) -> bool:
    """Tell whether a flight was not cancelled."""
    return flight["air_time"] is not None


STEPS = (add_airports, add_plane, add_weather, add_distance, add_delay_per_hour, add_cell)


def enriched(flight: Flight) -> Flight:
    """Return a copy of a flight that was flown with all that is added to it."""
    copy = dict(flight)
    for step in STEPS:
        step(copy)
    return copy
