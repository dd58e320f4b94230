"""How do rows look in binary?  (That ClickHouse reads them so is in tests/contract.)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.rowbinary import decode, encode, sized

KINDS = ("String", "UInt8", "LowCardinality(String)", "UInt32", "UInt64")
ROWS = st.lists(
    st.tuples(
        st.binary(max_size=300),
        st.integers(0, 2**8 - 1),
        st.binary(max_size=5),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**64 - 1),
    ),
    max_size=5,
)


@given(rows=ROWS)
def test_rows_come_back_as_they_went_in(rows):
    """Any bytes and any integer that fits survive."""
    assert list(decode(KINDS, encode(KINDS, rows))) == rows


@pytest.mark.parametrize(("size", "prefix"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02")])
def test_length_is_a_varint(size, prefix):
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    assert sized(b"x" * size) == bytes.fromhex(prefix) + b"x" * size


@pytest.mark.parametrize("cut", range(1, 9))
def test_cut_rows_are_an_error(cut):
    """Nothing is made up where bytes are missing."""
    whole = encode(("String", "UInt32"), [(b"abcd", 7)])

    with pytest.raises(ValueError, match="middle"):
        list(decode(("String", "UInt32"), whole[:-cut]))


def test_endless_length_is_an_error():
    """Garbage is told from a length before anybody reserves memory for it."""
    with pytest.raises(ValueError, match="64 bits"):
        list(decode(("String",), b"\xff" * 20))


def test_other_types_are_an_error():
    """Only what Headwater sends in binary is known here."""
    with pytest.raises(ValueError, match="Nullable"):
        encode(("Nullable(String)",), [])
