"""How do rows look in ClickHouse's binary format?  RowBinary, for the few types that need it.

Values stand one after another with nothing between them, of columns and of rows alike: integers little-endian
in their width, strings as their length in a varint (LEB128) and then their bytes, which may be any.

Source: ClickHouse documentation, formats, RowBinary.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

_WIDTHS = {"UInt8": Struct("<B"), "UInt16": Struct("<H"), "UInt32": Struct("<I"), "UInt64": Struct("<Q")}
_STRINGS = frozenset({"String", "LowCardinality(String)"})
_MAX_SHIFT = 63  # a length has 64 bits
_SMALL = 0x80  # lengths below are one byte

Taken = tuple[Any, int]  # a value and where the next one begins


def sized(value: bytes) -> bytes:
    """Return a string: its length, then itself."""
    return size_prefix(len(value)) + value


@lru_cache(maxsize=4096)
def size_prefix(size: int) -> bytes:
    """Return how the length of a string is spelt, for who joins large strings without copying them first."""
    prefix = bytearray()
    while size >= _SMALL:
        prefix.append(size & 0x7F | _SMALL)
        size >>= 7
    prefix.append(size)
    return bytes(prefix)


def encode(kinds: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows of columns of these ClickHouse types; strings are given as bytes.

    Raises ValueError for another type, struct.error for an integer that is too large.
    """
    writers = [_writer(kind) for kind in kinds]
    return b"".join(write(value) for row in rows for write, value in zip(writers, row, strict=True))


def decode(kinds: Sequence[str], data: bytes) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of columns of these types; strings come as bytes.

    Raises ValueError for another type, and where the last row is cut.
    """
    readers = [_reader(kind) for kind in kinds]
    place = 0
    while place < len(data):
        row = []
        for read in readers:
            value, place = read(data, place)
            row.append(value)
        yield tuple(row)


def _writer(kind: str) -> Callable[[Any], bytes]:
    if kind in _STRINGS:
        return sized
    return _width(kind).pack


def _reader(kind: str) -> Callable[[bytes, int], Taken]:
    if kind in _STRINGS:
        return _string
    width = _width(kind)

    def read(data: bytes, place: int) -> Taken:
        end = place + width.size
        _check_end(data, end)
        return width.unpack_from(data, place)[0], end

    return read


def _width(kind: str) -> Struct:
    if kind not in _WIDTHS:
        raise ValueError(f"the type {kind} is not read or written in binary here")
    return _WIDTHS[kind]


def _string(data: bytes, place: int) -> Taken:
    size = shift = 0
    while True:
        _check_end(data, place + 1)
        byte = data[place]
        place += 1
        size |= (byte & 0x7F) << shift
        if byte < _SMALL:
            break
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError("a string's length has more than 64 bits")
    _check_end(data, place + size)
    return data[place : place + size], place + size


def _check_end(data: bytes, end: int) -> None:
    if end > len(data):
        raise ValueError("the rows end in the middle of a value")
