"""Rows leave in messages that Kafka takes, and no row is lost on the way."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from processors import pipeline
from processors.parsing import Arrivals
from processors.pipeline import encode, since, slices

NOW = "2026-01-01 00:00:00.000000"


def row(version, text):
    return ("0" * 40, version, 0, "r", NOW, text)


def decoded(parcels):
    return [tuple(array) for rows in parcels for array in orjson.loads(b"[" + rows.value + b"]")]


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(150, 400))
def test_rows_are_packed_in_order_and_within_the_limit(texts, limit):
    """What one message cannot hold goes into several; what no message can hold is refused."""
    rows = [row(version, text) for version, text in enumerate(texts)]
    before, pipeline.MAX_VALUE_BYTES = pipeline.MAX_VALUE_BYTES, limit
    try:
        parcels, oversized = encode(rows)
    finally:
        pipeline.MAX_VALUE_BYTES = before
    assert [one for one in rows if one not in oversized] == decoded(parcels)
    assert all(len(orjson.dumps(one)) > limit for one in oversized)
    assert all(len(parcel.value) <= limit for parcel in parcels)
    assert sum(parcel.count for parcel in parcels) == len(rows) - len(oversized)


def test_a_row_or_patch_that_is_too_large_is_refused_as_what_it_is():
    """With its own version and arrival, which rows and patches have in different places."""
    patch = ("0" * 40, 7, [7, "r"], [7, NOW], [7, "x" * 50])
    before, pipeline.MAX_VALUE_BYTES = pipeline.MAX_VALUE_BYTES, 64
    try:
        refused = [pipeline._too_large(one) for one in (row(7, "x" * 50), patch)]
    finally:
        pipeline.MAX_VALUE_BYTES = before
    assert {(one.version, one.received_at, one.reasons[0].code) for one in refused} == {
        (7, NOW, "row_too_large")
    }


def test_commas_in_text_do_not_matter():
    """Rows are counted when they are made, not by looking at their bytes."""
    [parcel], _ = encode([row(1, '],["'), row(2, "\n")])
    assert parcel.count == 2
    assert decoded([parcel]) == [row(1, '],["'), row(2, "\n")]


@given(st.integers(0, 12_000))
def test_slices_are_the_whole(count):
    """In order, none empty but the only one."""
    arrivals = Arrivals([{"a": 1}] * count, list(range(count)), [NOW] * count, [], list(range(count)))
    parts = list(slices(arrivals))
    assert [version for part in parts for version in part.versions] == arrivals.versions
    assert [position for part in parts for position in part.positions] == arrivals.positions
    assert all(len(part) <= pipeline.SLICE_RECORDS for part in parts)


@given(st.lists(st.integers(0, 9)), st.integers(0, 9))
def test_since_keeps_what_is_not_below(versions, limit):
    """And counts the rest."""
    count = len(versions)
    arrivals = Arrivals([{"a": 1}] * count, versions, [NOW] * count, [], list(versions))
    kept, left_out = since(arrivals, limit)
    assert kept.versions == [version for version in versions if version >= limit]
    assert kept.positions == kept.versions
    assert left_out == len(versions) - len(kept)
