"""Which flights are enriched, by what, and how?"""

from itertools import islice

import orjson
import pytest

from benchmarks.peers.flights import FLIGHT_ID, TABLES, bodies, flights, processors, stored
from benchmarks.peers.plain import enriched, is_flown
from processors.stack.parsing import parse_processor
from processors.stack.registry import kind_of

A_YEAR = 336_776


def test_every_flight_has_an_id_of_its_own():
    """After the last flight of the year the first comes again, as another record."""
    first, again = next(flights(1)), next(flights(1, A_YEAR))

    assert (first.pop(FLIGHT_ID), again.pop(FLIGHT_ID)) == (0, A_YEAR)
    assert first == again


def test_flights_are_the_same_each_time_and_from_any_start():
    """What is expected to be stored is computed from them again."""
    assert list(flights(20, 990)) == list(flights(1_010))[990:]


def test_flights_are_json_and_what_is_missing_is_null():
    """No NaN, which is no JSON; cancelled flights have no time in the air."""
    some = list(flights(2_000))

    assert [orjson.loads(body) for body in bodies(0, 2_000, 1)] == some
    assert {type(flight["air_time"]) for flight in some} == {int, type(None)}
    assert stored(2_000) == sum(map(is_flown, some)) < 2_000


def test_bodies_hold_every_flight_once():
    """The last batch may be shorter."""
    held = [orjson.loads(body) for body in bodies(7, 12, 5)]

    assert [len(body) for body in held] == [5, 5, 2]
    assert [flight for body in held for flight in body] == list(flights(12, 7))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.dataset_id)
def test_reference_tables_are_unique_by_their_key(table):
    """One match for each flight at most, so that every flight stays one record."""
    keys = [tuple(record[name] for name in table.id_fields) for record in table.records()]

    assert len(set(keys)) == len(keys) < 100_000
    assert None not in table.bootstrap.values()


def test_the_first_flight_of_the_year_enriched():
    """By plain Python, which the peer runs and tests compare with."""
    flight = enriched(next(flights(1)))

    assert (flight["origin_name"], flight["dest_name"]) == (
        "Newark Liberty Intl",
        "George Bush Intercontinental",
    )
    assert (flight["manufacturer"], flight["model"], flight["seats"]) == ("BOEING", "737-824", 149)
    assert (flight["temp"], flight["wind_speed"]) == (39.02, 12.658579999999999)
    assert flight["delay_per_hour"] == pytest.approx(2 / (227 / 60))
    assert flight["distance_km"] == pytest.approx(flight["distance"] * 1.609344, rel=0.01)
    assert orjson.loads(flight["dest_cell"])["type"] == "Polygon"


def test_a_flight_to_an_unknown_airport_stays():
    """Puerto Rico is not in the table of airports: what would come from there is empty."""
    unknown = next(flight for flight in flights(1_000) if flight["dest"] == "SJU")

    flight = enriched(unknown)

    assert flight["dest_point"] == []
    assert (flight["dest_name"], flight["distance_km"], flight["dest_cell"]) == (None, None, None)


def test_headwaters_stack_can_be_saved():
    """Types and parameters as in the reference."""
    for document in processors():
        params = {name: value for name, value in document.items() if name not in ("type", "label")}
        parse_processor(kind_of(document["type"]), params)


def test_headwaters_stack_has_the_outputs_of_the_peer():
    """The same fields, whatever they are made by."""
    made = {name for one in processors() for name in (*one.get("output_fields", ()), one.get("output_field"))}
    flight = next(islice(flights(1), 1))

    assert made - {None} == enriched(flight).keys() - flight.keys()
