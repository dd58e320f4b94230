"""Which records are taken in?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parsing import parse_records
from gateway.rules import Rules, is_deeper, may_be_deeper, problems_of
from headwater.domain.errors import InvalidRecord, OverLimit

RULES = Rules(records_limit=3, depth_limit=4)


def nested(depth):
    """Return the bytes of a record with so many arrays and objects inside each other."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'[{"a":1},{"a":2},{"a":3},{"a":4}]', "too_many_records"),
        (b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}', "too_many_records"),
        (nested(5), "too_deep"),
        (b"[" + nested(5) + b"]", "too_deep"),
        (b'[{"a":1},{"a":1},' + nested(5) + b"]", "too_deep"),
        (b'{"a":1}\n' + nested(5) + b'\n{"a":1}', "too_deep"),
        (b'{"a":[{"b":[{"c":[{}]}]}]}', "too_deep"),
        (b"{" + b",".join(b'"f%d":1' % n for n in range(501)) + b"}", "too_many_fields"),
    ],
)
def test_each_limit_has_its_own_code(body, code):
    """A sender learns what there is too much of."""
    with pytest.raises(OverLimit) as caught:
        parse_records(body, RULES)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2},{"a":3}]',
        nested(4),
        b"[" + nested(4) + b"," + nested(4) + b"," + nested(4) + b"]",
        b'{"a":"[[[[[[[[[[[[{{{{{{{{{{{{"}',
        b'{"a":[[],[],[],[],[],[],[],[]]}',
        b"{" + b",".join(b'"f%d":1' % n for n in range(500)) + b"}",
    ],
)
def test_what_reaches_a_limit_is_not_over_it(body):
    """Brackets in texts and beside each other do not make a record deep."""
    assert parse_records(body, RULES).count in (1, 3)


def test_brackets_in_texts_hide_no_depth():
    """Texts full of closing brackets do not make up for arrays that are really there."""
    body = b'{"a":["]",["]]",["]",["]"],"["],"["],"[["]}'

    with pytest.raises(OverLimit):
        parse_records(body, RULES)


@pytest.mark.parametrize(("value", "depth"), [({"a": 1}, 1), ({"a": []}, 2), ({"a": [1, {"b": [2]}]}, 4)])
def test_depth_is_that_of_the_deepest_place(value, depth):
    """The record itself is the first."""
    assert is_deeper(value, depth - 1)
    assert not is_deeper(value, depth)


DEEP = st.recursive(
    st.text('[]{}"\\a', max_size=4) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("[]{a", max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


@given(
    st.lists(st.dictionaries(st.just("a"), DEEP, min_size=1), max_size=6), st.integers(1, 6), st.booleans()
)
def test_the_cheap_look_misses_nothing(records, limit, ascii_only):
    """What it lets pass is not deeper, whatever the texts hold."""
    spliced = ", ".join(json.dumps(one, ensure_ascii=ascii_only) for one in records).encode()

    if any(is_deeper(one, limit) for one in records):
        assert may_be_deeper(spliced, limit, len(records))


def test_unknown_fields_are_named():
    """Under the policy `reject`: one entry for each field of each record, by the name that fields get."""
    rules = Rules(known=frozenset({"a", "gr_n"}))
    body = b'[{"a":1},{"a":1,"b":2,"c":3},{"gr n":1},{"d":1}]'

    with pytest.raises(InvalidRecord) as caught:
        parse_records(body, rules)

    found = [(one.index, one.field, one.message) for one in caught.value.problems]
    assert found == [(1, "b", "unknown field"), (1, "c", "unknown field"), (3, "d", "unknown field")]
    assert "2 of 4" in str(caught.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (7, "a number, not a JSON object"),
        (None, "null, not a JSON object"),
        ([], "an array, not a JSON object"),
        ({}, "an empty object"),
        ({f"f{n}": 1 for n in range(501)}, "record 2 has 501 fields; at most 500"),
        ({"a": [[[[]]]]}, "record 2 has more than 4 arrays and objects inside each other"),
    ],
)
def test_a_single_record_can_be_judged(record, message):
    """A partial push sets aside what would refuse a whole one."""
    assert [one.message for one in problems_of(2, record, RULES)] == [message]


def test_a_merge_names_the_records_that_lack_their_key():
    """Null is a value of a key, and other spellings of a field's name are its name."""
    rules = Rules(key=("station_id", "day"))
    parse_records(b'[{"station_id":"A","day":null},{"station-id":"B","day":1}]', rules)
    with pytest.raises(InvalidRecord) as caught:
        parse_records(b'[{"station_id":"A","day":1},{"day":1},{"level":1}]', rules)

    assert [(one.index, one.field) for one in caught.value.problems] == [
        (1, "station_id"),
        (2, "station_id"),
        (2, "day"),
    ]
