"""Numbers out of payloads."""

import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from headwater.domain.types import INT_MAX, INT_MIN
from processors.stack.bits import MAX_WIDTH, ExtractBitRange
from processors.stack.outcomes import Failed
from tests.unit.processors.stack.odd_values import RECORDS, assert_stands, run

BITS = st.text("01", min_size=1, max_size=200)


def extracted(payload, start, stop, to, input_type="hex"):
    processor = ExtractBitRange(
        field="a",
        input_type=input_type,
        start_bit_offset=start,
        stop_bit_offset=stop,
        convert_to=to,
        output_field="b",
    )
    (outcome,) = run(processor, {"a": payload})
    return outcome if isinstance(outcome, Failed) else outcome["b"]


def exact(number):
    return number if INT_MIN <= number <= INT_MAX else str(number)


@st.composite
def ranges(draw, bits=BITS):
    text = draw(bits)
    start = draw(st.integers(0, len(text) - 1))
    return text, start, draw(st.integers(start + 1, len(text)))


@given(given_range=ranges())
def test_uint_is_the_number_that_the_bits_spell(given_range):
    """Binary digits can be cut out of the text by hand."""
    bits, start, stop = given_range

    assert extracted(bits, start, stop, "uint", "binary") == exact(int(bits[start:stop], 2))


@given(given_range=ranges())
def test_int_is_two_s_complement(given_range):
    """The first bit counts negatively."""
    bits, start, stop = given_range
    unsigned = int(bits[start:stop], 2)

    expected = unsigned - (1 << (stop - start)) * int(bits[start])

    assert extracted(bits, start, stop, "int", "binary") == exact(expected)


@given(given_range=ranges(st.text("0123456789abcdefABCDEF", min_size=1, max_size=50)), data=st.data())
def test_hexadecimal_digits_are_four_bits_each(given_range, data):
    """Both notations of a payload give the same number, in an odd number of digits too."""
    digits = given_range[0]
    bits = "".join(f"{int(digit, 16):04b}" for digit in digits)
    start = data.draw(st.integers(0, len(bits) - 1))
    stop = data.draw(st.integers(start + 1, len(bits)))

    assert extracted(digits, start, stop, "uint") == extracted(bits, start, stop, "uint", "binary")


@pytest.mark.parametrize(("form", "width"), [(">e", 16), (">f", 32), (">d", 64)])
@given(number=st.floats(allow_nan=False, allow_infinity=False), lead=st.integers(0, 9))
def test_floats_are_ieee_754(form, width, number, lead):
    """What was packed is read again, wherever it stands."""
    try:
        packed = struct.pack(form, number)
    except OverflowError:
        assume(False)

    found = extracted("f" * lead + packed.hex(), 4 * lead, 4 * lead + width, "float")

    assert struct.pack(form, found) == packed


@given(number=st.integers(INT_MIN, INT_MAX))
def test_integers_of_64_bits_are_read_exactly(number):
    """All that fits a field of whole numbers is one."""
    payload = number.to_bytes(8, "big", signed=True).hex()

    assert extracted(payload, 0, 64, "int") == number


@given(given_range=ranges(), beyond=st.integers(1, 100))
def test_a_range_beyond_the_payload_fails(given_range, beyond):
    """No bit is made up."""
    bits, start, _ = given_range

    outcome = extracted(bits, start, len(bits) + beyond, "uint", "binary")

    assert isinstance(outcome, Failed)
    assert outcome.field == "a"


@given(
    digits=st.lists(st.text("0123456789abcdef", min_size=1, max_size=4), min_size=1, max_size=6),
    spaces=st.text(" \t\n", max_size=3),
    prefix=st.sampled_from(["", "0x", "0X"]),
)
def test_prefixes_and_white_space_make_no_difference(digits, spaces, prefix):
    """Only digits are bits."""
    plain = "".join(digits)

    written = spaces + prefix + (spaces or " ").join(digits) + spaces

    assert extracted(written, 0, len(plain) * 4, "uint") == extracted(plain, 0, len(plain) * 4, "uint")


@pytest.mark.parametrize("to", ["int", "uint", "float"])
@pytest.mark.parametrize("input_type", ["hex", "binary"])
@given(records=RECORDS)
def test_the_processor_stands_every_value(to, input_type, records):
    """No value ends a step, and none is changed inside."""
    processor = ExtractBitRange(
        field="a",
        input_type=input_type,
        start_bit_offset=0,
        stop_bit_offset=16,
        convert_to=to,
        output_field="b",
    )

    assert_stands(processor, records)


def test_the_largest_number_that_may_be_read():
    """All its digits are there."""
    assert extracted("f" * (MAX_WIDTH // 4), 0, MAX_WIDTH, "uint") == str((1 << MAX_WIDTH) - 1)


def test_a_range_far_inside_a_large_payload():
    """Only the digits that are needed become a number."""
    assert extracted("0" * 200_000 + "7f", 800_000, 800_008, "uint") == 127


@pytest.mark.parametrize(("start", "stop", "to"), [(8, 7, "int"), (0, 0, "uint"), (0, MAX_WIDTH + 1, "uint")])
def test_a_range_that_is_none_is_refused_at_birth(start, stop, to):
    """The stop is the one to blame."""
    with pytest.raises(InvalidDocument) as caught:
        extracted("00", start, stop, to)

    assert caught.value.field == "stop_bit_offset"


@pytest.mark.parametrize("width", [8, 15, 31, 33, 63, 65, 128])
def test_a_float_of_another_size_is_refused_at_birth(width):
    """IEEE 754 has 16, 32 and 64 bits here; a stop that was meant inclusively is found out."""
    with pytest.raises(InvalidDocument, match=f"16, 32 or 64 bits; got {width}"):
        extracted("00", 0, width, "float")
