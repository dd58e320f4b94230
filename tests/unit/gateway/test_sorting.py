"""Which records of a push are good?"""

import orjson
import pytest

from gateway.parsing import Records
from gateway.rules import Rules
from gateway.sorting import sort_records, sort_rows
from headwater.domain.errors import InvalidPush, InvalidRecord, OverLimit

RULES = Rules(records_limit=200, depth_limit=4)


def values(found):
    return orjson.loads(b"[" + found.records.spliced + b"]")


@pytest.mark.parametrize(
    ("body", "is_lines", "good", "bad"),
    [
        (b'[{"a":1},7,{},{"a":2}]', False, [1, 2], [1, 2]),
        (b'{"a":1}', False, [1], []),
        (b"{}", False, [], [0]),
        (b"[]", False, [], []),
        (b'{"a":1}\n{"a":}\n\n7\n{"a":2}\n', False, [1, 2], [1, 2]),
        (b'{"a":}\n{"a":2}', False, [2], [0]),
        (b'{"a":}\n{"a":', True, [], [0, 1]),
        (b'[{"a":1},{"a":[[[[]]]]}]', False, [1], [1]),
        (b'\xef\xbb\xbf[{"a":1}]', False, [1], []),
    ],
)
def test_good_records_are_taken_and_the_others_named(body, is_lines, good, bad):
    """The index counts records, good and bad, as they were sent."""
    found = sort_records(body, RULES, is_lines=is_lines)

    assert [one["a"] for one in values(found)] == good
    assert [one.index for one in found.problems] == bad
    assert (found.records.count, found.rejected) == (len(good), len(bad))


def test_bytes_of_good_records_travel_as_they_were_sent():
    """Also when their neighbours are bad."""
    found = sort_records(b'[ {"a" : 1.50e0}, 3, {"a":2}]', RULES)

    assert found.records == Records(2, b'{"a" : 1.50e0},{"a":2}')


def test_a_bad_line_is_named_with_its_place():
    """Line and column in the body, as in a whole refusal."""
    found = sort_records(b'{"a":1}\n{"a":}\n', RULES)

    assert "line 2 column 6" in found.problems[0].message


@pytest.mark.parametrize("body", [b'[{"a":1},', b'{"a":1', b"", b"7", b"\xff"])
def test_a_body_that_is_no_json_is_refused_as_a_whole(body):
    """Which of its records would be good cannot be said."""
    with pytest.raises(InvalidPush):
        sort_records(body, RULES)


def test_number_of_records_is_bounded():
    """Bad ones count, too."""
    for body in (b"[" + b"1," * 200 + b"1]", b"1\n" * 201):
        with pytest.raises(OverLimit):
            sort_records(body, RULES, is_lines=not body.startswith(b"["))


def test_list_of_problems_is_bounded():
    """The number rejected is the true one."""
    found = sort_records(b"[" + b"1," * 149 + b"1]", RULES)

    assert (len(found.problems), found.rejected) == (100, 150)


def test_tables_are_all_or_nothing_unless_asked():
    """A line of another length refuses the request, and says which line."""
    found = sort_rows(b"a,b\n1,2\n3\n", RULES, charset="", delimiter="", limit_bytes=1000)

    assert values(found) == [{"a": 1, "b": 2}]
    with pytest.raises(InvalidRecord) as caught:
        found.all_or_nothing()
    assert (caught.value.total, caught.value.problems[0].index) == (2, 1)
    assert "line 3" in caught.value.problems[0].message


def test_tables_keep_the_rules():
    """Unknown columns are unknown fields."""
    rules = Rules(known=frozenset({"a"}))
    found = sort_rows(b"a,b\n1,2\n", rules, charset="", delimiter="", limit_bytes=1000)

    assert [(one.index, one.field) for one in found.problems] == [(0, "b")]
