"""What waits comes back as it was sent, and after the time that its tier says."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.files import StoredFile
from headwater.runtime.kafka.topics import Op
from processors import postponed as module
from processors.postponed import Late, Postponed, read

NOW = "2026-01-01 00:00:00.000000"
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=30))
records = st.dictionaries(st.text(min_size=1, max_size=8), values, min_size=1, max_size=4)
lates = st.builds(
    Late, records, st.integers(0, 2**63), st.integers(0, 1000), st.just("2026-01-01 00:00:00.000000")
)


def waiting(*lates, **changes):
    facts = {"resource": "r", "op": Op.UPSERT, "since_us": 7, "tries": 1, "records": tuple(lates), **changes}
    return Postponed(**facts)


@given(st.lists(lates, min_size=1, max_size=20), st.integers(60, 400))
def test_records_come_back_as_they_were_sent(many, limit):
    """In as many messages as it takes; the rows that were stored are named once."""
    stored = (("a" * 40, 5),)
    before, module.MAX_VALUE_BYTES = module.MAX_VALUE_BYTES, limit
    try:
        messages = [read(value) for value in waiting(*many, given_up=True, stored=stored).values()]
    finally:
        module.MAX_VALUE_BYTES = before
    assert [late for message in messages for late in message.records] == many
    assert [place for message in messages for place in message.stored] == list(stored)
    assert all(message.given_up for message in messages)


def test_a_kept_file_is_still_one_when_it_comes_back():
    """Its description looks like any object that somebody may send, and only ours has bytes behind it."""
    late = Late({"photo": StoredFile(id="ab"), "other": {"id": "ab"}}, 1, 0, NOW)
    [value] = waiting(late).values()
    record = read(value).records[0].record
    assert isinstance(record["photo"], StoredFile)
    assert not isinstance(record["other"], StoredFile)
    assert orjson.loads(orjson.dumps(record)) == {"photo": {"id": "ab"}, "other": {"id": "ab"}}


def test_tries_grow_apart():
    """The slowest tier takes what was given up, and what was tried often."""
    late = Late({"a": 1}, 1, 0, NOW)
    tiers = [waiting(late, tries=tries).tier for tries in (1, 2, 3, 4, 5, 99)]
    assert tiers == [0, 1, 2, 3, 3, 3]
    assert waiting(late, given_up=True).tier == 3
    assert waiting(late).again([late]).tries == 2
