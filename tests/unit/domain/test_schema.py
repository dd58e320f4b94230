"""The lattice's laws, and what a field is once several kinds of value were seen in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.schema import Rung, Schema, widest

RUNGS = st.sampled_from(list(Rung))
SCHEMAS = st.dictionaries(st.sampled_from("abcdef"), st.sets(RUNGS, min_size=1), max_size=5).map(Schema)


@given(SCHEMAS, SCHEMAS)
def test_merging_is_commutative(one, other):
    """Workers may hear of each other's growth in any order."""
    assert one.merge(other) == other.merge(one)


@given(SCHEMAS, SCHEMAS, SCHEMAS)
def test_merging_is_associative(one, two, three):
    """It does not matter who merges first."""
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(SCHEMAS)
def test_merging_is_idempotent(schema):
    """Hearing the same twice changes nothing, and keeps the very object."""
    assert schema.merge(schema) is schema


@given(SCHEMAS, SCHEMAS)
def test_a_merger_covers_both(one, other):
    """Nothing that was seen is forgotten."""
    merged = one.merge(other)
    assert merged.covers(one)
    assert merged.covers(other)


@given(SCHEMAS)
def test_json_keeps_a_schema(schema):
    """What the schemas topic carries is the whole schema."""
    assert Schema.from_json(schema.to_json()) == schema


@given(st.sets(RUNGS, min_size=1), st.sets(RUNGS, min_size=1))
def test_seeing_more_never_narrows(some, more):
    """The widest rung of a larger set takes what the widest of the smaller took."""
    before, after = widest(some), widest(some | more)
    assert widest({before, after}) == after


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({Rung.INT}, Rung.INT),
        ({Rung.BOOLEAN, Rung.INT}, Rung.INT),
        ({Rung.INT, Rung.DOUBLE}, Rung.DOUBLE),
        ({Rung.BOOLEAN, Rung.DOUBLE}, Rung.DOUBLE),
        ({Rung.DATE, Rung.DATETIME}, Rung.DATETIME),
        ({Rung.INT, Rung.DATE}, Rung.TEXT),
        ({Rung.TEXTS}, Rung.TEXTS),
        ({Rung.TEXTS, Rung.TEXT}, Rung.TEXT),
        ({Rung.GEO_SHAPE, Rung.INT}, Rung.TEXT),
        ({Rung.FILE, Rung.TEXT}, Rung.TEXT),
        (set(), Rung.TEXT),
    ],
)
def test_widest_rung(seen, expected):
    """Numbers widen among numbers, moments among moments, everything else to text."""
    assert widest(seen) is expected
