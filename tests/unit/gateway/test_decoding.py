"""How is a packed body unpacked?"""

import gzip
import zlib
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding import FREE_BYTES, PIECE_BYTES, decoder_of
from headwater.domain.errors import InvalidPush, OverLimit, UnsupportedEncoding

MIB = 1024 * 1024


def raw_deflate(text):
    """Return deflate without its envelope, as some clients send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip ": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "zstd": zstandard.compress,
}


def unpacked(encoding, packed, *, step=65_536, ratio_limit=1e9):
    decoder = decoder_of(encoding, ratio_limit=ratio_limit)
    pieces = [
        piece for start in range(0, len(packed), step) for piece in decoder.feed(packed[start : start + step])
    ]
    decoder.finish()
    return b"".join(pieces)


@given(
    st.sampled_from(sorted(PACKERS)),
    st.binary(max_size=2000),
    st.integers(1, 700),
    st.integers(1, 50),
)
def test_what_was_packed_comes_out_however_it_arrives(encoding, text, repeated, step):
    """Any split of the packed bytes unpacks to the same text."""
    text *= repeated
    assert unpacked(encoding, PACKERS[encoding](text), step=max(step, len(text) // 1000)) == text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_members_are_one_body(encoding):
    """Both formats may be appended to themselves."""
    pack = PACKERS[encoding]

    assert unpacked(encoding, pack(b"first ") + pack(b"second")) == b"first second"


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_what_is_not_packed_needs_no_decoder(encoding):
    """The usual body is not touched."""
    assert decoder_of(encoding, ratio_limit=10) is None


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "gzip,zstd"])
def test_other_encodings_are_refused(encoding):
    """So are encodings on top of each other, which only multiply what a bomb can do."""
    with pytest.raises(UnsupportedEncoding):
        decoder_of(encoding, ratio_limit=10)


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_a_body_that_was_cut_off_is_refused(encoding):
    """Half a body is not the body."""
    packed = PACKERS[encoding](bytes(range(256)) * 100)

    with pytest.raises(InvalidPush, match="cut off"):
        unpacked(encoding, packed[:-3])


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_noise_is_refused(encoding):
    """What is no such compression is the sender's fault, not ours."""
    with pytest.raises(InvalidPush, match="unpacked"):
        unpacked(encoding, b"\x07 is no compression at all")


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=300))
def test_random_bytes_never_surprise(encoding, noise):
    """Either they unpack or the sender is told."""
    with suppress(InvalidPush):
        unpacked(encoding, noise)


def test_nothing_may_follow_deflate():
    """A second stream would be read by some and not by others."""
    with pytest.raises(InvalidPush, match="follows"):
        unpacked("deflate", zlib.compress(b"a") + b"b")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_does_not_go_off(encoding):
    """Pieces are bounded, and the ratio ends it soon after the first MiB."""
    bomb = PACKERS[encoding](b"\0" * 100 * MIB)
    decoder = decoder_of(encoding, ratio_limit=100)
    sizes = []

    with pytest.raises(OverLimit) as caught:
        sizes.extend(len(piece) for piece in decoder.feed(bomb))

    assert caught.value.code == "compression_ratio"
    assert max(sizes, default=0) <= 4 * MIB
    assert sum(sizes) <= max(FREE_BYTES, 100 * len(bomb)) + 4 * MIB


def test_small_bodies_may_be_packed_as_well_as_they_can():
    """A ratio says nothing about a body that fits anywhere."""
    text = b" " * (FREE_BYTES - 1)

    assert unpacked("gzip", gzip.compress(text), ratio_limit=2) == text


def test_large_windows_of_zstd_are_refused():
    """Their memory would be ours."""
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    )
    streamed = packer.compressobj()
    packed = streamed.compress(b"x" * PIECE_BYTES) + streamed.flush()

    with pytest.raises(InvalidPush):
        unpacked("zstd", packed)
