"""Which messages are known to be searchable, whatever the order in which it is told?"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.coverage import Coverage, Part, Ranges, Source

PARTITIONS, OFFSETS = 2, 24

offsets = st.integers(0, OFFSETS)
spans = st.tuples(offsets, offsets).filter(lambda pair: pair[0] < pair[1])


@st.composite
def logs(draw):
    """Return shuffled news of runs that cut two partitions without gaps, some in parts, some told twice."""
    news = []
    for partition in range(PARTITIONS):
        cuts = sorted({0, OFFSETS, *draw(st.lists(offsets, max_size=8))})
        for first, end in pairwise(cuts):
            source = Source(partition, first, end)
            count = draw(st.integers(1, 4))
            if count == 1:
                news.append(source)
            else:
                news += [Part(source, index, count if index == count - 1 else None) for index in range(count)]
    repeated = draw(st.lists(st.sampled_from(news), max_size=10))
    return draw(st.permutations(news + repeated))


def tell(coverage, one):
    if isinstance(one, Part):
        coverage.add_part(one)
    else:
        coverage.add_whole(one)


def covered(coverage):
    return {
        (partition, offset)
        for partition in range(PARTITIONS)
        for offset in range(OFFSETS + 2)
        if coverage.covers(partition, offset)
    }


def modelled(told):
    """Return what the rule says: whole runs, and runs of which all parts were told."""
    whole = {one for one in told if isinstance(one, Source)}
    parts = [one for one in told if isinstance(one, Part)]
    for count, source in {(one.total, one.source) for one in parts if one.total is not None}:
        if {one.number for one in parts if one.source == source} >= set(range(count)):
            whole.add(source)
    return {(one.partition, offset) for one in whole for offset in range(one.first, one.end)}


@given(logs())
def test_coverage_is_what_was_told_whole_after_every_line(news):
    """In any order and with repetitions: a message counts when its run, or every part of it, was told."""
    coverage = Coverage()
    for number, one in enumerate(news, start=1):
        tell(coverage, one)
        assert covered(coverage) == modelled(news[:number])
    assert len(covered(coverage)) == PARTITIONS * OFFSETS


@given(logs())
def test_nothing_is_left_over_when_everything_was_told(news):
    """Neighbours become one range, and parts of complete runs are forgotten, repetitions too."""
    coverage = Coverage()
    for one in [*news, *news]:
        tell(coverage, one)

    assert [len(ranges) for ranges in coverage._ranges.values()] == [1] * PARTITIONS
    assert not coverage._splits
    assert coverage._split_parts == 0


@given(st.lists(spans, max_size=30))
def test_ranges_are_a_set_of_offsets(spans):
    """Overlapping and neighbouring ranges are joined; the ranges stay in order and apart."""
    ranges, model = Ranges(), set()
    for first, end in spans:
        ranges.add(first, end)
        model |= set(range(first, end))
        assert {offset for offset in range(OFFSETS + 1) if offset in ranges} == model
        bounds = [bound for pair in zip(ranges._firsts, ranges._ends, strict=True) for bound in pair]
        assert bounds == sorted(set(bounds))
    for first, end in spans:
        assert ranges.holds(first, end)


@given(st.lists(spans, max_size=60), st.integers(1, 3))
def test_what_is_forgotten_is_only_taken_for_not_searchable(spans, limit):
    """Memory is bounded; a message that was never told of does not become searchable by that."""
    ranges, model = Ranges(limit), set()
    for first, end in spans:
        ranges.add(2 * first, 2 * end - 1)
        model |= set(range(2 * first, 2 * end - 1))
        assert len(ranges) <= limit
        assert {offset for offset in range(2 * OFFSETS + 1) if offset in ranges} <= model


def test_parts_of_runs_that_never_end_are_bounded():
    """News that are lost leave parts behind; the oldest run goes first."""
    coverage = Coverage(max_split_parts=3)
    for first in range(5):
        coverage.add_part(Part(Source(0, first, first + 1), 0))
    assert not coverage.add_part(Part(Source(0, 0, 1), 1, 2))
    assert coverage.add_part(Part(Source(0, 4, 5), 1, 2))
    assert coverage._split_parts <= 3


def test_a_run_may_have_been_processed_twice_in_different_ways():
    """After a crash a run may become more messages than before: either set of parts will do."""
    coverage = Coverage()
    source = Source(1, 10, 20)
    assert not coverage.add_part(Part(source, 2, 3))
    assert not coverage.add_part(Part(source, 1, 2))
    assert coverage.add_part(Part(source, 0))
    assert coverage.covers(1, 19)
