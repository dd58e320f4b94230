"""How much do we take in?  Bodies read in pieces, bounded one by one and all together, in size and time."""

import asyncio
from collections.abc import Callable

from aiohttp import StreamReader, hdrs, web

from gateway.decoding import Decoder, decoder_of
from headwater.domain.errors import InvalidPush, RateLimited, TooLarge, TooSlow

RETRY_AFTER_S = 1.0

Verify = Callable[[bytes], None]


class Bodies:
    """Counts the bytes of all bodies from their reading until `release`.

    Memory under overload stays flat: a body that no longer fits in is refused while it is being read.
    """

    def __init__(
        self,
        *,
        body_limit_bytes: int,
        inflight_limit_bytes: int,
        body_timeout_s: float = 30.0,
        ratio_limit: float = 200.0,
    ) -> None:
        self._body_limit_bytes = body_limit_bytes
        self._inflight_limit_bytes = inflight_limit_bytes
        self._body_timeout_s = body_timeout_s
        self._ratio_limit = ratio_limit
        self.inflight_bytes = 0

    async def read(
        self, request: web.Request, *, limit_bytes: int | None = None, verify: Verify | None = None
    ) -> bytes:
        """Return a body, unpacked; the caller releases its length once the request is settled.

        `verify` is given the body as it was sent, before anybody looks into it, and raises to refuse it.

        Raises TooLarge (at once when Content-Length says so), RateLimited, TooSlow, UnsupportedEncoding,
        OverLimit (`compression_ratio`), and InvalidPush when compression or chunks are broken.
        """
        limit_bytes = self._body_limit_bytes if limit_bytes is None else limit_bytes
        declared = request.content_length
        if declared is not None and declared > limit_bytes:
            raise TooLarge(limit_bytes)
        encoding = request.headers.get(hdrs.CONTENT_ENCODING)
        content = request.content
        if encoding is None and verify is None and content.is_eof() and content.exception() is None:
            return self._take_all(content, limit_bytes)  # a small body came with the head
        decoder = decoder_of(encoding, ratio_limit=self._ratio_limit)
        try:
            async with asyncio.timeout(self._body_timeout_s):
                return await self._take(content, limit_bytes, decoder, verify)
        except TimeoutError as error:
            raise TooSlow(self._body_timeout_s) from error
        except web.RequestPayloadError as error:
            content.feed_eof()  # there is nothing left to skip before the next request
            reason = " ".join(str(error).split())
            raise InvalidPush(f"the body cannot be read: {reason}") from error

    def release(self, size_bytes: int) -> None:
        """Forget bytes that were read."""
        self.inflight_bytes -= size_bytes

    def _take_all(self, content: StreamReader, limit_bytes: int) -> bytes:
        """Return a body that is here as a whole."""
        body = content.read_nowait()
        if len(body) > limit_bytes:
            raise TooLarge(limit_bytes)
        self.inflight_bytes += len(body)
        if self.inflight_bytes > self._inflight_limit_bytes:
            self.inflight_bytes -= len(body)
            raise _full()
        return body

    async def _take(
        self, content: StreamReader, limit_bytes: int, decoder: Decoder | None, verify: Verify | None
    ) -> bytes:
        if verify is None:
            if decoder is None:
                return await self._read(content, limit_bytes)
            return await self._read_packed(content, limit_bytes, decoder)
        sent = await self._read(content, limit_bytes)
        try:
            verify(sent)
            if decoder is None:
                return sent
            body = self._unpack(sent, limit_bytes, decoder)
        except BaseException:
            self.release(len(sent))
            raise
        self.release(len(sent))
        return body

    async def _read(self, content: StreamReader, limit_bytes: int) -> bytes:
        """Read to the end; on failure nothing stays counted."""
        body = bytearray()
        try:
            while True:
                piece = await content.readany()
                self._add(body, piece, limit_bytes)
                if content.at_eof():
                    return piece if len(piece) == len(body) else bytes(body)
        except BaseException:
            self.release(len(body))
            raise

    async def _read_packed(self, content: StreamReader, limit_bytes: int, decoder: Decoder) -> bytes:
        """Read to the end and unpack on the way, so that a bomb is not even read to its end."""
        body = bytearray()
        try:
            while True:
                for piece in decoder.feed(await content.readany()):
                    self._add(body, piece, limit_bytes)
                if content.at_eof():
                    decoder.finish()
                    return bytes(body)
        except BaseException:
            self.release(len(body))
            raise

    def _unpack(self, sent: bytes, limit_bytes: int, decoder: Decoder) -> bytes:
        """Unpack a body that is here already."""
        body = bytearray()
        try:
            for piece in decoder.feed(sent):
                self._add(body, piece, limit_bytes)
            decoder.finish()
        except BaseException:
            self.release(len(body))
            raise
        return bytes(body)

    def _add(self, body: bytearray, piece: bytes, limit_bytes: int) -> None:
        self.inflight_bytes += len(piece)
        body += piece
        if len(body) > limit_bytes:
            raise TooLarge(limit_bytes)
        if self.inflight_bytes > self._inflight_limit_bytes:
            raise _full()


def _full() -> RateLimited:
    return RateLimited("too many bytes wait to be stored; try again", retry_after_s=RETRY_AFTER_S)
