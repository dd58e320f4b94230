"""Where in a JSON array do its items begin and end?"""

import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.splitting import split_array

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text('[]{},"\\', max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_items_are_what_the_array_holds(values, indent, ascii_only):
    """Each item alone is the JSON of its value, whatever brackets and quotes its texts hold."""
    array = json.dumps(values, indent=indent, ensure_ascii=ascii_only)

    assert [json.loads(item) for item in split_array(f" {array} ".encode())] == values


def test_bytes_of_an_item_are_not_touched():
    """A number too large for a double stays as it was sent."""
    items = list(split_array(b'[ {"a" : 123456789012345678901234567890.10} , {"a":1}]'))

    assert items == [b'{"a" : 123456789012345678901234567890.10}', b'{"a":1}']
    assert [orjson.loads(item)["a"] for item in items][1] == 1
