"""One record that becomes many."""

from processors.stack.expanding import MAX_RECORDS, expanded
from processors.stack.outcomes import Failed, Several


def test_each_value_has_its_record():
    """The other fields are repeated, and the order is that of the values."""
    outcome = expanded({"id": 1, "a": "x;y"}, "a", "b", ["x", "y"])

    assert outcome == Several(({"id": 1, "a": "x;y", "b": "x"}, {"id": 1, "a": "x;y", "b": "y"}))


def test_the_records_are_new_dicts():
    """Each goes its own way through the rest of the stack."""
    record = {"a": 0}

    outcome = expanded(record, "a", "a", [1, 2])

    assert record == {"a": 0}
    assert outcome.records[0] is not outcome.records[1]


def test_one_value_is_written_in_place():
    """A record that becomes one record stays itself."""
    record = {"a": 0}

    assert expanded(record, "a", "a", [7]) is record
    assert record == {"a": 7}


def test_no_value_keeps_the_record():
    """Nothing to expand is no reason to lose a record."""
    assert expanded({"a": 0}, "a", "a", []) == {"a": 0}


def test_as_many_records_as_are_allowed():
    """The limit is reached, not passed."""
    assert len(expanded({"a": 0}, "a", "a", [0] * MAX_RECORDS).records) == MAX_RECORDS


def test_more_records_fail():
    """The whole record fails, with a sentence; it is not cut."""
    outcome = expanded({"a": 0}, "a", "b", [0] * (MAX_RECORDS + 1))

    assert isinstance(outcome, Failed)
    assert outcome.field == "a"
    assert outcome.message == "one record would become 10001; at most 10000 may come of one"


def test_few_copies_of_a_large_record_are_made():
    """A large record is no reason to refuse, as long as it stays a few times its size."""
    assert isinstance(expanded({"a": 0, "text": "x" * 4_000_000}, "a", "a", [0] * 100), Several)


def test_many_copies_of_a_large_record_fail():
    """Small values among large ones would make a small push a huge one."""
    outcome = expanded({"a": 0, "text": "x" * 1_000_000}, "a", "a", [0] * 101)

    assert isinstance(outcome, Failed)
    assert "all its copies together" in outcome.message


def test_the_array_itself_counts_where_it_stays():
    """Into another field each record repeats the whole array; in place it does not."""
    values = ["x" * 10] * 5_000

    assert isinstance(expanded({"a": values}, "a", "b", values), Failed)
    assert isinstance(expanded({"a": values}, "a", "a", values), Several)
