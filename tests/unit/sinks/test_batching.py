"""When is a batch due, and what is in it?"""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.batching import Batcher, BatchPolicy, Reason


@dataclass(frozen=True, eq=False)
class Rows:
    rows: int = 1
    size_bytes: int = 10


def batcher(**policy):
    return Batcher(BatchPolicy(**{"interval_s": 0.0, **policy}))


def test_idle_table_is_written_to_at_once():
    """Nothing is gained by waiting while nothing is in flight."""
    batches = batcher(interval_s=1.0)
    parcel = Rows()
    batches.add("t", parcel, 0.0)

    (batch,) = batches.take(0.0)

    assert (batch.table, batch.parcels, batch.reason) == ("t", (parcel,), Reason.IDLE)


def test_busy_table_gathers_until_its_insert_ends():
    """At most one batch of a table is in flight; what comes meanwhile leaves together."""
    batches = batcher()
    batches.add("t", Rows(), 0.0)
    (first,) = batches.take(0.0)
    for _ in range(3):
        batches.add("t", Rows(), 0.1)
    assert batches.take(0.2) == []

    batches.done(first, 0.3)
    (second,) = batches.take(0.3)

    assert (second.rows, second.size_bytes, second.reason) == (3, 30, Reason.GATHERED)


def test_interval_counts_from_the_start_of_the_insert_before():
    """Two inserts into one table do not start closer together than the interval."""
    batches = batcher(interval_s=1.0)
    batches.add("t", Rows(), 0.0)
    batches.done(batches.take(0.0)[0], 0.5)
    batches.add("t", Rows(), 0.5)

    assert batches.take(0.9) == []
    assert batches.next_due_s() == 1.0
    assert [batch.reason for batch in batches.take(1.0)] == [Reason.GATHERED]


@pytest.mark.parametrize("policy", [{"max_rows": 3}, {"max_bytes": 30}])
def test_full_batch_does_not_wait_for_its_interval(policy):
    """The interval is there to make batches larger; a full one cannot become that."""
    batches = batcher(interval_s=1.0, **policy)
    batches.add("t", Rows(), 0.0)
    batches.done(batches.take(0.0)[0], 0.1)
    for _ in range(4):
        batches.add("t", Rows(), 0.1)

    (batch,) = batches.take(0.2)

    assert (batch.rows, batch.reason) == (3, Reason.FULL)


def test_parcel_larger_than_a_batch_goes_alone():
    """A parcel is never split."""
    batches = batcher(max_rows=5)
    batches.add("t", Rows(rows=50), 0.0)
    batches.add("t", Rows(), 0.0)

    (batch,) = batches.take(0.0)

    assert batch.rows == 50


def test_tables_do_not_wait_for_each_other():
    """Each table has its own batch, up to the number that may be in flight."""
    batches = batcher(max_in_flight=2)
    for table in "abc":
        batches.add(table, Rows(), 0.0)

    first = batches.take(0.0)
    assert [batch.table for batch in first] == ["a", "b"]
    assert batches.next_due_s() is None

    batches.done(first[1], 0.1)
    assert [batch.table for batch in batches.take(0.1)] == ["c"]


def test_busy_tables_take_turns():
    """A table that always has rows must not starve the others."""
    batches = batcher(max_in_flight=1, max_rows=1)
    for table in "aab":
        batches.add(table, Rows(), 0.0)

    order = []
    while taken := batches.take(0.0):
        order += [batch.table for batch in taken]
        batches.done(taken[0], 0.0)

    assert order == ["a", "b", "a"]


def test_room_counts_what_waits_and_what_is_in_flight():
    """Memory is bounded by bytes that are not yet stored, wherever they are."""
    batches = batcher(max_buffered_bytes=20)
    batches.add("t", Rows(), 0.0)
    (batch,) = batches.take(0.0)
    assert batches.has_room
    batches.add("t", Rows(), 0.0)
    assert not batches.has_room

    batches.done(batch, 0.1)

    assert batches.has_room
    assert batches.buffered_bytes == 10


def test_idle_tables_are_forgotten():
    """Memory does not grow with the number of tables that were ever written to."""
    batches = batcher()
    for number in range(100):
        batches.add(number, Rows(), 0.0)
        batches.done(batches.take(0.0)[0], 0.0)

    assert repr(batches) == "Batcher(waiting=0, in_flight=0, bytes=0)"
    assert batches._lanes == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(1, 6)),
        st.tuples(st.just("take"), st.just(0), st.integers(0, 5)),
        st.tuples(st.just("done"), st.integers(0, 3), st.just(0)),
    ),
    max_size=80,
)


@given(
    steps=STEPS, max_rows=st.integers(1, 10), max_in_flight=st.integers(1, 3), interval_s=st.integers(0, 4)
)
def test_no_row_is_lost_or_doubled_in_any_order_of_add_take_and_done(
    steps, max_rows, max_in_flight, interval_s
):
    """Every parcel is in exactly one batch, in its table's order; no table has two batches out at once."""
    batches = batcher(max_rows=max_rows, max_in_flight=max_in_flight, interval_s=float(interval_s))
    added, taken, flying, now = {}, {}, [], 0.0

    def take():
        for batch in batches.take(now):
            assert batch.table not in [other.table for other in flying]
            assert batch.rows == sum(parcel.rows for parcel in batch.parcels)
            assert batch.rows <= max_rows or len(batch.parcels) == 1
            taken.setdefault(batch.table, []).extend(batch.parcels)
            flying.append(batch)
        assert len(flying) <= max_in_flight

    for step, which, amount in steps:
        if step == "add":
            parcel = Rows(rows=amount)
            added.setdefault(which, []).append(parcel)
            batches.add(which, parcel, now)
        elif step == "take":
            now += amount
            take()
        elif flying:
            batches.done(flying.pop(which % len(flying)), now)
    while not batches.is_empty:
        now += interval_s + 1
        take()
        batches.done(flying.pop(), now)

    assert taken == added
    assert batches.buffered_bytes == 0


@pytest.mark.parametrize(("rows", "next_s"), [(10, 0.2), (5_000, 0.4)])
def test_a_table_rests_after_an_insert_and_longer_after_a_large_one(rows, next_s):
    """Small inserts are about freshness; large ones about what merging them costs the store."""
    batches = batcher(
        interval_s=0.02, rest_factor=1.0, busy_rows=2_000, busy_rest_factor=3.0, longest_interval_s=1.0
    )
    batches.add("t", Rows(rows), 0.0)
    (first,) = batches.take(0.0)
    batches.add("t", Rows(), 0.05)
    batches.done(first, 0.1)

    assert batches.next_due_s() == pytest.approx(next_s)
    assert batches.take(next_s - 0.01) == []
    assert len(batches.take(next_s + 0.01)) == 1
