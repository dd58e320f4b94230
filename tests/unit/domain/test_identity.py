"""Record ids: the same for the same record however it is spelt."""

from hashlib import sha1

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.identity import is_record_id, record_id

NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)


def test_the_hashed_text_is_canonical_json():
    """The recipe is public: names sorted, no white space, non-ASCII kept."""
    text = '[["a",1],["b","é"]]'
    assert record_id([("b", "é"), ("a", 1)]) == sha1(text.encode(), usedforsecurity=False).hexdigest()


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.randoms())
def test_key_order_does_not_matter(fields, random):
    """JSON objects are unordered."""
    shuffled = list(fields.items())
    random.shuffle(shuffled)
    assert record_id(shuffled) == record_id(fields.items())


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.dictionaries(NAMES, VALUES, min_size=1))
def test_different_records_have_different_ids(one, other):
    """No two field lists share a canonical text."""
    same = {(name, repr(value)) for name, value in one.items()} == {(n, repr(v)) for n, v in other.items()}
    assert (record_id(one.items()) == record_id(other.items())) == same


def test_what_a_record_id_looks_like():
    """40 lower-case hex digits, nothing else."""
    assert is_record_id("0" * 39 + "f")
    assert not is_record_id("0" * 39 + "F")
    assert not is_record_id("0" * 39)
    assert not is_record_id("g" * 40)
