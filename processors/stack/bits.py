"""What do these bits say?  Numbers out of the payloads of small devices.

Bits are counted from the most significant one, which is bit 0; the stop is not part of the range.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.types import INT_MAX, INT_MIN
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import mapped

MAX_OFFSET = 1_000_000
MAX_WIDTH = 4096  # bits of one number

_FLOATS = {16: ">e", 32: ">f", 64: ">d"}  # bits -> IEEE 754, big-endian


@dataclass(frozen=True, slots=True)
class _Notation:
    """One way to write bits as text."""

    name: str
    base: int
    bits: int  # of one digit
    prefixes: tuple[str, str]
    digits: re.Pattern[str]


_NOTATIONS = {
    "hex": _Notation("hexadecimal", 16, 4, ("0x", "0X"), re.compile("[0-9a-fA-F]*")),
    "binary": _Notation("binary", 2, 1, ("0b", "0B"), re.compile("[01]*")),
}


@registered("extract_bit_range", Category.GENERIC, "Extract bit range")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractBitRange(Processor):
    """Decodes a number from a range of the bits of a payload, as sensors send them.

    Bit 0 is the most significant one, and the stop is exclusive: of 0x1649 the bits 0 to 8 are 22. A whole
    number that does not fit 64 bits with a sign becomes text, with all its digits.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    input_type: str = parameter(
        "Input type", kind=ParameterKind.CHOICE, choices=("hex", "binary"), default="hex"
    )
    start_bit_offset: int = parameter(
        "Start bit offset", kind=ParameterKind.INTEGER, low=0, high=MAX_OFFSET, help="The first bit, from 0."
    )
    stop_bit_offset: int = parameter(
        "Stop bit offset",
        kind=ParameterKind.INTEGER,
        low=1,
        high=MAX_OFFSET,
        help="The bit after the last; greater than the start. A float has 16, 32 or 64 bits.",
    )
    convert_to: str = parameter("Convert to", kind=ParameterKind.CHOICE, choices=("int", "uint", "float"))
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def __post_init__(self) -> None:
        width = self.stop_bit_offset - self.start_bit_offset
        if width <= 0:
            raise InvalidDocument(
                "stop_bit_offset",
                f"expected more than start_bit_offset, which is {self.start_bit_offset}; "
                f"got {self.stop_bit_offset}",
            )
        if width > MAX_WIDTH:
            raise InvalidDocument("stop_bit_offset", f"expected at most {MAX_WIDTH} bits; got {width}")
        if self.convert_to == "float" and width not in _FLOATS:
            raise InvalidDocument("stop_bit_offset", f"a float has 16, 32 or 64 bits; got {width}")

    def compiled(self) -> Apply:
        start, stop = self.start_bit_offset, self.stop_bit_offset
        notation, number = _NOTATIONS[self.input_type], _NUMBERS[self.convert_to]
        return mapped(
            self.field,
            self.output_field,
            lambda value: number(_bits(_digits(value, notation), notation, start, stop), stop - start),
        )


def _digits(value: Any, notation: _Notation) -> str:
    """Return the digits of a payload, without white space and prefixes. Raises ValueError."""
    text = str(value) if value.__class__ is int else value
    if not isinstance(text, str):
        raise ValueError(f"expected {notation.name} digits as text")  # noqa: TRY004 - one kind for all steps
    if not notation.digits.fullmatch(text):
        first, second = notation.prefixes
        text = "".join(part.removeprefix(first).removeprefix(second) for part in text.split())
        if not notation.digits.fullmatch(text):
            raise ValueError(f"expected {notation.name} digits; got {text[:60]!r}")
    return text


def _bits(digits: str, notation: _Notation, start: int, stop: int) -> int:
    """Return the bits from `start` to before `stop` as a number. Raises ValueError where there are none."""
    width = notation.bits
    if stop > len(digits) * width:
        raise ValueError(f"the payload has {len(digits) * width} bits; bit {stop - 1} is not among them")
    last = -(-stop // width)  # the digit after the last that is needed
    number = int(digits[start // width : last], notation.base)
    return (number >> (last * width - stop)) & ((1 << (stop - start)) - 1)


def _unsigned(bits: int, _: int) -> int | str:
    return bits if bits <= INT_MAX else str(bits)


def _signed(bits: int, width: int) -> int | str:
    number = bits - (1 << width) if bits >> (width - 1) else bits
    return number if INT_MIN <= number <= INT_MAX else str(number)


def _float(bits: int, width: int) -> float:
    (number,) = struct.unpack(_FLOATS[width], bits.to_bytes(width // 8, "big"))
    if not isfinite(number):
        raise ValueError(f"the bits stand for {number}, which is no number that can be stored")
    return float(number)


_NUMBERS: dict[str, Callable[[int, int], Any]] = {"int": _signed, "uint": _unsigned, "float": _float}
