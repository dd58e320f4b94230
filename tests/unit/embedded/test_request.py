"""Bodies in their encodings, with a bound on what they become."""

import gzip
import zlib

import lz4.frame
import pytest
import zstandard

from headwater.embedded.endpoint.failures import Failure
from headwater.embedded.endpoint.request import unpack

BODY = b'{"a":1}\n' * 1000
PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "identity": bytes,
    "": bytes,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_comes_out_as_it_went_in(encoding):
    """Every encoding that clients use."""
    assert unpack(PACKERS[encoding](BODY), encoding) == BODY


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
def test_every_frame_of_a_body_counts(encoding):
    """Clients pack large inserts frame by frame; answering ok for the first alone would lose the rest."""
    pack = PACKERS[encoding]
    assert unpack(pack(b"one,") + pack(BODY) + pack(b""), encoding) == b"one," + BODY


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
def test_the_limit_is_for_all_frames_together(encoding):
    """Many small frames are as large as one large one."""
    pack = PACKERS[encoding]
    with pytest.raises(Failure):
        unpack(pack(b"x" * 60) + pack(b"x" * 60), encoding, limit=100)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
def test_body_that_unpacks_beyond_the_limit_is_refused(encoding):
    """A small body must not become gigabytes of memory."""
    with pytest.raises(Failure) as failure:
        unpack(PACKERS[encoding](BODY), encoding, limit=100)
    assert failure.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
@pytest.mark.parametrize("damage", [lambda _: b"not packed", lambda body: body[: len(body) // 2]])
def test_damaged_body_is_refused(encoding, damage):
    """Half a body is not a body: nothing of it may be stored."""
    with pytest.raises(Failure) as failure:
        unpack(damage(PACKERS[encoding](BODY)), encoding)
    assert failure.value.status == 400


def test_unknown_encoding_is_refused():
    """With the status that says so."""
    with pytest.raises(Failure) as failure:
        unpack(BODY, "br")
    assert failure.value.status == 501
