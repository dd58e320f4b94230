"""A raw HTTP/1.1 keep-alive connection over ready request bytes: the cheapest client there is in Python.

It knows only answers with a Content-Length, which is what push endpoints send.
"""

import asyncio
from collections.abc import Callable
from typing import Self, cast
from urllib.parse import urlsplit

import orjson

from benchmarks.expectations import ExpectationFailed

OK = b'{"status":"ok"}'

Answered = Callable[["Connection", int, bytes], None]


def request_bytes(url: str, body: bytes) -> bytes:
    """Return a whole POST request."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def is_ok(status: int, body: bytes) -> bool:
    """Tell whether a push was answered 200 with the status ok."""
    if status != 200:
        return False
    if body == OK:
        return True
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(answer, dict) and str(answer.get("status")).lower() == "ok"


class Connection(asyncio.Protocol):
    """One connection, one request at a time; `answered(connection, status, body)` is called per answer.

    A connection that the server closed, and an answer that is not understood, count as status 0.
    """

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting = False

    @classmethod
    async def open(cls, host: str, port: int, answered: Answered) -> Self:
        """Connect; raises ExpectationFailed when nobody listens."""
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: cls(answered), host, port
            )
        except OSError as error:
            raise ExpectationFailed(f"cannot connect to {host}:{port}: {error}") from error
        return connection

    def send(self, request: bytes) -> None:
        """Send one request; the one before must have been answered."""
        assert not self._waiting
        self._waiting = True
        if self._transport is None or self._transport.is_closing():
            asyncio.get_running_loop().call_soon(self._answer, 0, b"connection closed")
        else:
            self._transport.write(request)

    def close(self) -> None:
        """Close the connection; harmless when it is closed."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._answer(0, f"connection lost: {exc!r}".encode())

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _content_length(self._buffer[:head_end])
        if length is None:
            self._answer(0, b"an answer without Content-Length: " + self._buffer[:300])
        elif len(self._buffer) >= head_end + 4 + length:
            status, body = int(self._buffer[9:12]), self._buffer[head_end + 4 : head_end + 4 + length]
            self._answer(status, body)

    def _answer(self, status: int, body: bytes) -> None:
        self._buffer, self._waiting = b"", False
        self._answered(self, status, body)


def _content_length(head: bytes) -> int | None:
    lower = head.lower()
    start = lower.find(b"content-length:")
    if start < 0:
        return None
    end = lower.find(b"\r\n", start)
    return int(lower[start + 15 : end if end >= 0 else len(lower)])
