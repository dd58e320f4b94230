"""How is a packed body unpacked?  Piece by piece, and never more at once than a bounded amount.

A decoder is given what came in and yields what it means. A piece of output is at most `PIECE_BYTES`, or for
zstd what `SLICE_BYTES` of input can hold, so whoever reads may stop before a bomb has gone off.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import zstandard

from headwater.domain.errors import InvalidPush, OverLimit, UnsupportedEncoding

PIECE_BYTES = 256 * 1024
SLICE_BYTES = 128  # of zstd: a block of 4 bytes may hold 128 KiB, so at most 4 MiB come of one slice
MAX_WINDOW_BYTES = 8 * 1024 * 1024  # RFC 9659: what every reader of zstd over HTTP must take
FREE_BYTES = 1024 * 1024  # unpacked bytes for which no ratio is asked

GZIP_WBITS, ZLIB_WBITS, RAW_WBITS = 31, 15, -15
DEFLATE = 8  # the low half of zlib's first byte


class Unpacker(Protocol):
    """One compression, once through one body."""

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yield what the next bytes mean. Raises InvalidPush when they are no such compression."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the body may end here."""
        ...


class Decoder:
    """An unpacker that watches how much comes out of how little."""

    def __init__(self, unpacker: Unpacker, *, ratio_limit: float) -> None:
        self._unpacker = unpacker
        self._ratio_limit = ratio_limit
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yield what the next bytes mean.

        Raises InvalidPush, and OverLimit (`compression_ratio`) when the body swells beyond reason.
        """
        self._packed_bytes += len(packed)
        for piece in self._unpacker.feed(packed):
            self._unpacked_bytes += len(piece)
            self._check()
            yield piece

    def finish(self) -> None:
        """Raise InvalidPush when the body was cut off."""
        if self._packed_bytes and not self._unpacker.is_complete:
            raise _broken("it was cut off")

    def _check(self) -> None:
        if self._unpacked_bytes > max(FREE_BYTES, self._packed_bytes * self._ratio_limit):
            raise OverLimit(
                f"the body unpacks to more than {self._ratio_limit:g} times its size; send it less packed",
                code="compression_ratio",
            )


def decoder_of(content_encoding: str | None, *, ratio_limit: float) -> Decoder | None:
    """Return what unpacks a body with this header; None for a body that is not packed.

    Raises UnsupportedEncoding, also for several encodings on top of each other.
    """
    encoding = (content_encoding or "").strip().lower()
    if encoding in ("", "identity"):
        return None
    make = UNPACKERS.get(encoding)
    if make is None:
        raise UnsupportedEncoding(encoding)
    return Decoder(make(), ratio_limit=ratio_limit)


class _Zlib:
    """gzip, of any number of members, or deflate, which some send without its envelope."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream: zlib._Decompress | None = None

    @property
    def is_complete(self) -> bool:
        return self._stream is None or self._stream.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        has_more = False  # a full piece may have left some of what was read inside the stream
        while packed or has_more:
            stream = self._ready(packed)
            try:
                piece = stream.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                raise _broken(str(error)) from error
            if piece:
                yield piece
            has_more = len(piece) == PIECE_BYTES and not stream.eof
            packed = stream.unused_data if stream.eof else stream.unconsumed_tail

    def _ready(self, packed: bytes) -> "zlib._Decompress":
        """Return the stream that reads on: a new one at the start of the body and of a further member."""
        if self._stream is None:
            self._stream = zlib.decompressobj(self._wbits_for(packed))
        elif self._stream.eof:
            if self._wbits != GZIP_WBITS:
                raise _broken("something follows its end")
            self._stream = zlib.decompressobj(self._wbits)
        return self._stream

    def _wbits_for(self, packed: bytes) -> int:
        is_raw = self._wbits == ZLIB_WBITS and packed[0] & 0x0F != DEFLATE
        return RAW_WBITS if is_raw else self._wbits


class _Zstd:
    """zstd, of any number of frames; a window larger than `MAX_WINDOW_BYTES` is refused."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._stream = self._decompressor.decompressobj()

    @property
    def is_complete(self) -> bool:
        return self._stream.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        view = memoryview(packed)
        for start in range(0, len(packed), SLICE_BYTES):
            rest: bytes = view[start : start + SLICE_BYTES].tobytes()
            while rest:
                if self._stream.eof:
                    self._stream = self._decompressor.decompressobj()
                try:
                    piece = self._stream.decompress(rest)
                except zstandard.ZstdError as error:
                    raise _broken(str(error)) from error
                rest = self._stream.unused_data
                if piece:
                    yield piece


UNPACKERS: Mapping[str, Callable[[], Unpacker]] = {
    "gzip": lambda: _Zlib(GZIP_WBITS),
    "x-gzip": lambda: _Zlib(GZIP_WBITS),
    "deflate": lambda: _Zlib(ZLIB_WBITS),
    "zstd": _Zstd,
}


def _broken(reason: str) -> InvalidPush:
    return InvalidPush(f"the body cannot be unpacked: {' '.join(reason.split())}")
