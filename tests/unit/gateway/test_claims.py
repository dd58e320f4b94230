"""Which version was an idempotency key given?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.claim_book import (
    KEPT_US,
    LENIENCE_US,
    Claim,
    ClaimBook,
    digest_of,
    encode_claim,
    token_of,
    try_claim,
)
from gateway.claims import MemoryClaimLog, MemoryClaims
from gateway.outcomes import STORED
from headwater.domain.errors import BrokerUnavailable, RateLimited
from headwater.domain.versions import stamp_at
from headwater.runtime.clock import ManualClock

NOW_US = 1_700_000_000_000_000
DAY_S = KEPT_US / 1_000_000
DIGEST = digest_of("upsert", b"body")
TOKENS = [token_of("da_1", "re_1", key) for key in "abc"]


def claim(at_us=NOW_US, count=1, counter=0):
    return Claim(stamp_at(at_us) + counter, count, DIGEST)


def test_the_first_line_counts_for_a_day():
    """A later line for the same key changes nothing until its writer could know that the first expired."""
    book = ClaimBook(10)
    book.apply(TOKENS[0], claim())
    book.apply(TOKENS[0], claim(NOW_US + KEPT_US - 1))
    assert book.get(TOKENS[0], NOW_US + KEPT_US - 1).claim == claim()
    assert book.get(TOKENS[0], NOW_US + KEPT_US) is None

    book.apply(TOKENS[0], claim(NOW_US + KEPT_US))
    assert book.get(TOKENS[0], NOW_US + KEPT_US).claim == claim(NOW_US + KEPT_US)


@given(
    st.lists(st.tuples(st.sampled_from(TOKENS), st.integers(0, 3 * KEPT_US)), max_size=20).map(
        lambda lines: sorted(lines, key=lambda line: line[1])
    ),
    st.lists(st.integers(0, 20), max_size=5),
)
def test_readers_agree_whenever_they_forget(lines, looks):
    """One reader forgets what expired between the lines, another never: both know the same claims."""
    forgetful, careful = ClaimBook(100), ClaimBook(100)
    now_us = NOW_US
    for number, (token, at_us) in enumerate(lines):
        now_us = NOW_US + at_us
        for book in (forgetful, careful):
            book.apply(token, claim(now_us, counter=number))
        if number in looks:
            forgetful.has_room(now_us)
        for one in TOKENS:
            assert forgetful.get(one, now_us) == careful.get(one, now_us)


def test_book_is_bounded_and_empties_by_itself():
    """A full book lets nobody in until its oldest keys have surely expired everywhere."""
    book = ClaimBook(2)
    for number, token in enumerate(TOKENS[:2]):
        assert book.has_room(NOW_US)
        book.apply(token, claim(NOW_US + number))
    assert not book.has_room(NOW_US)
    assert not book.has_room(NOW_US + KEPT_US)

    assert book.has_room(NOW_US + KEPT_US + LENIENCE_US)
    assert len(book) == 1
    book.forget_oldest()
    assert len(book) == 0


async def test_claims_of_one_key_get_one_entry():
    """Whoever comes second learns what the first was given, and whether it is known to be stored."""
    clock = ManualClock()
    claims = MemoryClaims(clock)
    first = await claims.claim(TOKENS[0], claim(count=2))
    first.outcome = STORED
    second = await claims.claim(TOKENS[0], claim(count=3, counter=7))

    assert second.claim == claim(count=2)
    assert second.outcome is STORED
    assert not second.claim.is_same_request(claim(count=3))
    clock.advance(DAY_S)
    later = claim(clock.now_us())
    assert (await claims.claim(TOKENS[0], later)).claim == later


async def test_claims_are_refused_when_full_or_away():
    """A known key needs neither room nor a log."""
    log = MemoryClaimLog()
    claims = MemoryClaims(ManualClock(), limit=1, shared=log)
    await claims.claim(TOKENS[0], claim())
    with pytest.raises(RateLimited):
        await claims.claim(TOKENS[1], claim())
    log.available = False
    assert (await claims.claim(TOKENS[0], claim(counter=1))).claim == claim()

    with pytest.raises(BrokerUnavailable):
        await MemoryClaims(ManualClock(), shared=log).claim(TOKENS[1], claim())


def test_keys_of_different_resources_are_different_keys():
    """Neither a resource nor a dataset can be made to look like another's."""
    assert len({token_of(*names) for names in (("a", "b", "c"), ("a", "b c", ""), ("ab", "", "c"))}) == 3
    assert digest_of("upsert", b"x") != digest_of("delete", b"x")


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.binary(min_size=16, max_size=16))
def test_line_of_a_claim_reads_as_it_was_written(version, count, digest):
    """28 bytes: version, count, digest."""
    value = encode_claim(Claim(version, count, digest))

    assert len(value) == 28
    assert try_claim(value) == Claim(version, count, digest)


@pytest.mark.parametrize("value", [None, b"", b"x" * 27, b"x" * 29])
def test_foreign_lines_are_nothing(value):
    """A line that somebody else wrote never stops the gateway."""
    assert try_claim(value) is None
