"""How much do we take in?  Bodies read in pieces, bounded one by one and all together."""

from aiohttp import StreamReader, web

from headwater.domain.errors import InvalidPush, RateLimited, TooLarge

RETRY_AFTER_S = 1.0


class Bodies:
    """Counts the bytes of all bodies from their reading until `release`.

    Memory under overload stays flat: a body that no longer fits in is refused while it is being read.
    """

    def __init__(self, *, body_limit_bytes: int, inflight_limit_bytes: int) -> None:
        self._body_limit_bytes = body_limit_bytes
        self._inflight_limit_bytes = inflight_limit_bytes
        self.inflight_bytes = 0

    async def read(self, request: web.Request) -> bytes:
        """Return a body, unpacked; the caller releases its length once the request is settled.

        Raises TooLarge (at once when Content-Length says so), RateLimited, and InvalidPush when compression
        or chunks are broken.
        """
        declared = request.content_length
        if declared is not None and declared > self._body_limit_bytes:
            raise TooLarge(self._body_limit_bytes)
        try:
            return await self._read(request.content)
        except web.RequestPayloadError as error:
            request.content.feed_eof()  # there is nothing left to skip before the next request
            reason = " ".join(str(error).split())
            raise InvalidPush(f"the body cannot be unpacked: {reason}") from error

    def release(self, size_bytes: int) -> None:
        """Forget bytes that were read."""
        self.inflight_bytes -= size_bytes

    async def _read(self, content: StreamReader) -> bytes:
        """Read to the end; on failure nothing stays counted."""
        body = bytearray()
        try:
            while True:
                piece = await content.readany()
                self.inflight_bytes += len(piece)
                body += piece
                self._check(len(body))
                if content.at_eof():
                    return piece if len(piece) == len(body) else bytes(body)
        except BaseException:
            self.release(len(body))
            raise

    def _check(self, body_bytes: int) -> None:
        if body_bytes > self._body_limit_bytes:
            raise TooLarge(self._body_limit_bytes)
        if self.inflight_bytes > self._inflight_limit_bytes:
            raise RateLimited("too many bytes wait to be stored; try again", retry_after_s=RETRY_AFTER_S)
