"""What may a record hold?  Values as odd as JSON and processors can make them."""

import copy

from hypothesis import strategies as st

from headwater.domain.points import GeoPoint
from processors.stack.outcomes import Deleted, Failed, Several, Skipped, Waiting

OUTCOMES = (dict, Deleted, Failed, Several, Skipped, Waiting)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


TEXTS = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(), max_size=3),  # half a surrogate pair among them
    st.sampled_from(
        ["", " ", ";", ",", "0x", "0b1", "1649", "-1", "1_0", "\u0661", "1e400", "true", "False"]
    ),
    st.sampled_from(
        ["[", "{", "[1, 2]", '{"a": {"b": [1]}}', "[" * 300 + "]" * 300, "[" * 2000, "x" * 10_000]
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 2**63, -(2**63) - 1, 2**64, 2**200]),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
NAMES = st.sampled_from(["a", "b", "X", "item", "name"])
VALUES = st.one_of(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=8,
    ),
    st.sampled_from([GeoPoint.at(46.9, 7.4), nested(300)]),
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=4)


def run(processor, *records, version=1):
    """Return the outcomes of copies of these records."""
    return processor.compiled()([dict(record) for record in records], [version] * len(records))


def assert_stands(processor, records):
    """Whatever is in the records, each has an outcome, and no value inside them was changed."""
    before = copy.deepcopy(records)

    outcomes = run(processor, *records)

    assert len(outcomes) == len(records)
    assert all(isinstance(outcome, OUTCOMES) for outcome in outcomes)
    assert records == before
