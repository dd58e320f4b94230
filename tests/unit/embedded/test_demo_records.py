"""What the demo pushes."""

from itertools import islice

from headwater.domain.identity import is_record_id
from headwater.embedded.demo.records import FLIGHTS, WEATHER, demo_records


def test_records_come_by_hour_each_with_its_dataset():
    """Flights and weather happen in one order."""
    pairs = list(islice(demo_records(), 2000))
    hours = [record["time_hour"] for _, record in pairs]
    assert sorted(hours) == hours
    assert {FLIGHTS.dataset_id, WEATHER.dataset_id} == {dataset.dataset_id for dataset, _ in pairs}
    assert all(("carrier" in record) == (dataset is FLIGHTS) for dataset, record in pairs)


def test_values_are_typed_and_missing_ones_null():
    """NA is no text, and a delay is a number."""
    _, flight = next(pair for pair in demo_records() if pair[0] is FLIGHTS)
    assert (flight["flight"], flight["carrier"], flight["dep_delay"]) == (1545, "UA", 2)
    missing = next(
        record for dataset, record in demo_records() if dataset is FLIGHTS and record["dep_time"] is None
    )
    assert missing["sched_dep_time"] is not None


def test_position_skips_what_was_pushed():
    """A second run goes on where the first stopped."""
    first = list(islice(demo_records(), 50))
    assert first[30:] == list(islice(demo_records(30), 20))


def test_ids_differ():
    """The fields marked as unique id tell all records apart."""
    pairs = list(islice(demo_records(), 5000))
    ids = {dataset.record_id(record) for dataset, record in pairs}
    assert len(pairs) == len(ids)
    assert all(map(is_record_id, ids))
