"""What was pushed?  Counting and splicing without encoding anything again."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parsing import BOM, NO_RECORDS, parse_records
from headwater.domain.errors import InvalidPush, InvalidRecord, OverLimit

SPACE = st.text(alphabet=" \t\r\n", max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
RECORD = st.dictionaries(TEXT, SCALARS | TEXT | st.lists(SCALARS | TEXT, max_size=3), min_size=1, max_size=4)


@st.composite
def pushes(draw):
    """Return a body of any of the three kinds and the records in it."""
    records = draw(st.lists(RECORD, max_size=4))
    kind = draw(st.sampled_from(["object", "array", "lines"]))
    ascii_only = draw(st.booleans())
    texts = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    if kind == "lines" and len(records) > 1:
        text = draw(SPACE) + draw(st.sampled_from(["\n", "\r\n", "\n\n", " \n\t"])).join(texts) + draw(SPACE)
    elif kind == "object" and len(records) == 1:
        text = draw(SPACE) + json.dumps(records[0], indent=draw(st.sampled_from([None, 1]))) + draw(SPACE)
    else:
        space = draw(SPACE)
        text = f"{draw(SPACE)}[{space}{(space + ',' + space).join(texts)}{space}]{draw(SPACE)}"
    return draw(st.sampled_from([b"", BOM])) + text.encode(), records


@given(st.lists(pushes(), max_size=6))
def test_spliced_bodies_are_one_array_of_all_their_records(bodies):
    """Objects, arrays and NDJSON with any white space join to the concatenation of what each one holds."""
    parsed = [parse_records(body) for body, _ in bodies]
    joined = b"[" + b",".join(records.spliced for records in parsed if records.count) + b"]"

    expected = [record for _, records in bodies for record in records]
    assert orjson.loads(joined) == expected
    assert [records.count for records in parsed] == [len(records) for _, records in bodies]


def test_bytes_of_a_record_are_not_touched():
    """Spelling is evidence: numbers, escapes and key order travel as they were sent."""
    body = b' {"b": 1.50e0, "a": "\\u00e9", "a": 2} '

    assert parse_records(body).spliced == body.strip()


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", BOM + b"[\n]"])
def test_empty_array_holds_nothing(body):
    """An empty array is accepted and does nothing."""
    assert parse_records(body) == NO_RECORDS


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "line 1 column 1 (char 0)"),
        (b"  ", "line 1"),
        (BOM, "line 1 column 1 (char 0)"),
        (b"not json", "line 1"),
        (b'{"a":1,\n "b":}', "line 2 column 6"),
        (b'{"a":NaN}', "line 1 column 6"),
        (b'{"a":Infinity}', "line 1 column 6"),
        (b'[{"a":1}', "line 1 column 9"),
        (b'[{"a":1}]\n[{"a":2}]', "line 2 column 1"),
        (b'{"a":1} {"a":2}', "line 1 column 9"),
        (b'{"a":"\xff"}', "not UTF-8: line 1 column 7"),
        (b'{"a":1}\n\n{"a":}\n', "line 3 column 6"),
        (b'{"a":1}\n{"a":2', "line 2 column 7"),
        (b'{"a":1}\n{"a":2}x\n', "line 2 column 8"),
        (b"{'a': 1}", "line 1 column 2"),
    ],
)
def test_bad_json_is_refused_with_its_place(body, where):
    """The sender learns the line and the column, also inside NDJSON."""
    with pytest.raises(InvalidPush) as caught:
        parse_records(body)

    assert caught.value.code == "invalid_json"
    assert where in str(caught.value)


def test_depth_is_bounded():
    """A thousand brackets are an attack on parsers, ours and those behind us."""
    with pytest.raises(OverLimit) as caught:
        parse_records(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")

    assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"1", "a number"), (b'"a"', "a text"), (b"null", "null"), (b"true", "a boolean")],
)
def test_scalar_body_is_refused(body, kind):
    """JSON that is neither object nor array is no push."""
    with pytest.raises(InvalidPush, match=kind) as caught:
        parse_records(body)

    assert caught.value.code == "invalid_body"


@pytest.mark.parametrize(
    ("body", "total", "bad"),
    [
        (b"{}", 1, [0]),
        (b'[{"a":1}, 2, {"b":3}, {}]', 4, [1, 3]),
        (b'[[{"a":1}]]', 1, [0]),
        (b"[null]", 1, [0]),
        (b'{"a":1}\n7\n\n{}\n', 3, [1, 2]),
    ],
)
def test_items_that_are_no_records_are_named_by_index(body, total, bad):
    """Every item must be an object with something in it; one bad item refuses the whole request."""
    with pytest.raises(InvalidRecord) as caught:
        parse_records(body)

    assert [problem.index for problem in caught.value.problems] == bad
    assert caught.value.total == total


def test_list_of_problems_is_bounded():
    """A body of a million bad items gets an answer that can be read; the sentence has the true number."""
    with pytest.raises(InvalidRecord) as caught:
        parse_records(b"[" + b",".join([b"1"] * 5000) + b"]")

    assert len(caught.value.problems) == 100
    assert "5000 of 5000" in str(caught.value)
