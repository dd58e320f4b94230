"""Reading JSON objects with paths."""

import pytest

from gateway.admin.members import Members, parse_object, shown
from headwater.domain.errors import Invalid, InvalidDocument


def test_object_is_read():
    """Any JSON object will do."""
    assert parse_object(b' {"a": [1, null]} ') == {"a": [1, None]}


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_is_refused(body):
    """The sentence has the parser's position."""
    with pytest.raises(Invalid, match="not JSON"):
        parse_object(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"a"'])
def test_other_json_is_refused(body):
    """A document is an object."""
    with pytest.raises(InvalidDocument, match="expected a JSON object"):
        parse_object(body)


def test_what_cannot_be_written_again_is_refused():
    """Orjson reads deeper than it writes; the catalog must be able to write what it keeps."""
    deep = b'{"a":' * 250 + b"1" + b"}" * 250
    with pytest.raises(Invalid, match="nested too deeply"):
        parse_object(deep)


def test_paths_grow_inwards():
    """Errors of inner objects name the whole way."""
    inner = Members({"a": {"b": {"c": 1}}}).inner("a").inner("b")
    with pytest.raises(InvalidDocument) as caught:
        inner.text("c")
    assert caught.value.field == "a.b.c"


def test_shown_values_are_short():
    """A sentence, not a dump."""
    assert shown({"a": 1}) == '{"a":1}'
    assert len(shown("x" * 1000)) == 60
