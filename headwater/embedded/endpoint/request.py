"""What does this HTTP request ask?  ClickHouse's parameters and headers, and bodies in their encodings."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from headwater.embedded.endpoint.engine import Job
from headwater.embedded.endpoint.failures import NOT_IMPLEMENTED, SYNTAX_ERROR, TOO_LARGE, our_failure
from headwater.embedded.endpoint.statement import InvalidStatement, parse_statement

BODY_LIMIT_BYTES = 256 * 1024 * 1024  # unpacked
SETTING_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")

# Parameters of the protocol that are not settings of the statement, and that need nothing done here.
IGNORED = frozenset(
    {
        *("query", "default_format", "database", "user", "password", "role", "quota_key", "query_id"),
        *("session_id", "session_timeout", "session_check", "client_protocol_version", "http_method"),
        *("wait_end_of_query", "buffer_size", "enable_http_compression", "http_zlib_compression_level"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms", "stacktrace"),
        *("cancel_http_readonly_queries_on_client_close", "add_http_cors_header", "compress", "decompress"),
    }
)


@dataclass(slots=True)
class _Parts:
    settings: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


async def read_job(request: web.Request) -> Job:
    """Return what to run. Raises Failure for a request that no statement can be made of."""
    query = request.query
    if query.get("compress") == "1" or query.get("decompress") == "1":
        raise our_failure(NOT_IMPLEMENTED, "Compressed blocks are not supported; use Content-Encoding")
    body = unpack(await _read_body(request), request.headers.get("Content-Encoding", ""))
    parts = _split(query)
    if request.method == "GET":
        parts.settings.setdefault("readonly", "2")
    if "readonly" in parts.settings:
        parts.settings["readonly"] = parts.settings.pop("readonly")  # the last: it locks the others
    try:
        statement = parse_statement(query.get("query", "").encode(), body)
    except InvalidStatement as error:
        raise our_failure(SYNTAX_ERROR, f"Syntax error: {error}") from error
    default = query.get("default_format") or request.headers.get("X-ClickHouse-Format") or "TabSeparated"
    return Job(
        statement=statement,
        format=default if statement.data is not None else statement.format or default,
        database=query.get("database") or request.headers.get("X-ClickHouse-Database") or "",
        settings=parts.settings,
        params=parts.params,
    )


def _split(query: Mapping[str, str]) -> _Parts:
    parts = _Parts()
    for name, value in query.items():
        if name.startswith("param_"):
            parts.params[name.removeprefix("param_")] = value
        elif name not in IGNORED:
            if not SETTING_NAME.fullmatch(name):
                raise our_failure(SYNTAX_ERROR, f"{name!r} is not the name of a setting")
            parts.settings[name] = value
    return parts


async def _read_body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise our_failure(TOO_LARGE, f"The body is larger than {BODY_LIMIT_BYTES} bytes") from error


def unpack(body: bytes, encoding: str, limit: int = BODY_LIMIT_BYTES) -> bytes:
    """Return the body without its Content-Encoding. Raises Failure when damaged, unknown or too large."""
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip" | "deflate":
            return _inflate(body, limit)
        case "zstd":
            return _unzstd(body, limit)
        case "lz4":
            return _unlz4(body, limit)
    raise our_failure(NOT_IMPLEMENTED, f"Content-Encoding {encoding!r} is not supported")


class _Unpacker(Protocol):
    """What zlib, zstandard and lz4 have in common: unpacks one frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def _inflate(body: bytes, limit: int) -> bytes:
    def unpack_one(frame: bytes, room: int) -> tuple[bytes, _Unpacker]:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header
        return inflater.decompress(frame, room), inflater

    return _unframed(body, limit, unpack_one, zlib.error)


def _unlz4(body: bytes, limit: int) -> bytes:
    import lz4.frame

    def unpack_one(frame: bytes, room: int) -> tuple[bytes, _Unpacker]:
        unpacker = lz4.frame.LZ4FrameDecompressor()
        return unpacker.decompress(frame, max_length=room), unpacker

    return _unframed(body, limit, unpack_one, RuntimeError)


def _unzstd(body: bytes, limit: int) -> bytes:
    import zstandard

    def unpack_one(frame: bytes, room: int) -> tuple[bytes, _Unpacker]:
        # The reader has a bound and takes half a frame for a whole one; the object is the other way round.
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        with zstandard.ZstdDecompressor().stream_reader(frame) as reader:
            unpacked = reader.read(room)
        return (unpacked if len(unpacked) >= room else unpacker.decompress(frame)), unpacker

    return _unframed(body, limit, unpack_one, zstandard.ZstdError)


def _unframed(
    body: bytes,
    limit: int,
    unpack_one: Callable[[bytes, int], tuple[bytes, _Unpacker]],
    damage: type[Exception],
) -> bytes:
    """Return what all frames of a body hold: clients send large inserts as several, one after the other."""
    parts: list[bytes] = []
    room = limit + 1
    while body or not parts:
        try:
            unpacked, unpacker = unpack_one(body, room)
        except damage as error:
            raise _damaged(error) from error
        room -= len(unpacked)
        if room <= 0:
            raise our_failure(TOO_LARGE, f"The body is larger than {BODY_LIMIT_BYTES} bytes when unpacked")
        if not unpacker.eof:
            raise _damaged("it ends early")
        parts.append(unpacked)
        body = unpacker.unused_data
    return b"".join(parts)


def _damaged(error: object) -> Exception:
    return our_failure(SYNTAX_ERROR, f"The body cannot be unpacked: {error}")
