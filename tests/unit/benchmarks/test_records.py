"""Which records are pushed?"""

import orjson

from benchmarks.records import BOOTSTRAP, bodies, record


def test_every_record_is_different_and_has_the_bootstrap_shape():
    """The number of rows says what arrived only if no two records have one identity."""
    records = [record(number) for number in range(10_000)]

    assert len({one["identifier"] for one in records}) == 10_000
    assert all(one.keys() == BOOTSTRAP.keys() for one in records)


def test_bodies_hold_every_record_once_and_the_last_may_be_shorter():
    """What is expected to be searchable is exactly what the bodies hold."""
    held = [orjson.loads(body) for body in bodies(7, 12, 5)]

    assert [len(body) for body in held] == [5, 5, 2]
    assert [record(number) for number in range(7, 19)] == [one for body in held for one in body]


def test_a_batch_of_one_is_an_object():
    """Single pushes are what devices send: an object, no array around it."""
    assert [record(3)] == [orjson.loads(body) for body in bodies(3, 1, 1)]
