"""How is something fetched from an address that a user gave?  Over HTTP, and only from the public internet.

Every address that is about to be connected to is judged in the place where its socket is made: after names
were resolved, for each redirect again, so that no name can mean one address when it is checked and another
one when it is used. Bytes are counted as they come and again as they are unpacked; time is counted over
everything. No cookies, no proxies, nothing from the environment.
"""

import asyncio
import re
import socket
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol
from urllib.parse import unquote

import aiohttp
from yarl import URL

from headwater.domain.errors import Refused, Unavailable
from headwater.runtime.settings import OutboundSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SCHEMES = frozenset({"http", "https"})
MAX_URL_LENGTH = 8_000
UNTYPED = "application/octet-stream"
_CHUNK = 64 * 1024
_CONNECTIONS = 100
_GZIP = 31  # what zlib calls it
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_EXTENDED_NAME = re.compile(r"filename\*\s*=\s*utf-8'[^';]*'([^;\s]+)", re.IGNORECASE)
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_UNICAST = IPv6Network("2000::/3")  # the only part of IPv6 that is routed worldwide
_NAT64 = IPv6Network("64:ff9b::/96")
# Not for the public either, whatever the standard library of this Python says.
_SPECIAL: Sequence[Network] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)


class ForbiddenAddress(Refused):
    """The address is none that users may make us connect to."""

    code = "forbidden_address"


class NotFetched(Refused):
    """The other side has it not, or gives it not in a way that can be read: asking again does not help."""

    code = "not_fetched"


class ContentTooLarge(Refused):
    """There are more bytes than are wanted."""

    code = "content_too_large"

    def __init__(self, url: URL, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"{_shown(url)} has more than {limit_bytes} bytes")


class SourceUnavailable(Unavailable):
    """The other side did not answer, not in time, or not now: asking again may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What an address led to."""

    content: bytes
    content_type: str  # in lower case, without parameters; UNTYPED when the other side says nothing
    filename: str  # as the other side calls it, else the end of the address; may be empty
    url: str  # after redirects


class Outbound(Protocol):
    """The public internet."""

    async def fetch(self, url: str, *, max_bytes: int, timeout_s: float) -> Fetched:
        """Return what is at an address; at most `max_bytes` unpacked, after at most `timeout_s` seconds.

        Repeating is harmless as far as a GET is. Raises ForbiddenAddress, NotFetched, ContentTooLarge
        (all of them Refused), SourceUnavailable.
        """
        ...


def is_public(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Tell whether users may make us connect to an address: a public one, or one that is allowed.

    An IPv6 address that stands for an IPv4 address is judged as the latter.
    """
    if isinstance(address, IPv6Address):
        address = _ipv4_in(address) or address
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to this one reach in the end, if it is such a one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


class HttpOutbound:
    """HTTP and HTTPS by aiohttp."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._allowed = settings.networks
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Make ready; connections are opened when needed."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                # Attempts side by side would swallow what the factory raises.
                happy_eyeballs_delay=None,
                socket_factory=self._socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": self._settings.user_agent, "Accept-Encoding": "gzip"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_timeout_s),
        )

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, url: str, *, max_bytes: int, timeout_s: float) -> Fetched:
        here = _checked(_url(url))
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(self._settings.max_redirects + 1):
                    found = await self._get(here, max_bytes)
                    if isinstance(found, Fetched):
                        return found
                    here = found
        except TimeoutError as error:
            raise SourceUnavailable(f"{_shown(here)} did not answer within {timeout_s:g} seconds") from error
        raise NotFetched(f"{_shown(here)} is the end of more than {self._settings.max_redirects} redirects")

    async def _get(self, url: URL, max_bytes: int) -> Fetched | URL:
        """Return what is there, or where it is said to be."""
        assert self._session is not None, "start the outbound client first"
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in _REDIRECTS:
                    return _target(url, response.headers.get("Location", ""))
                _check_status(url, response.status)
                return Fetched(
                    content=await _content(response, max_bytes),
                    content_type=_content_type(response.headers.get("Content-Type", "")),
                    filename=_filename(response.headers.get("Content-Disposition", ""), url),
                    url=str(url),
                )
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL, ValueError) as error:
            raise NotFetched(f"{_shown(url)} cannot be fetched: {error}"[:500]) from error
        except aiohttp.ClientConnectorDNSError as error:
            if error.errno == socket.EAI_NONAME:
                raise NotFetched(f"there is no server named {url.host}") from error
            raise SourceUnavailable(f"{url.host} cannot be looked up: {error}"[:500]) from error
        except (aiohttp.ClientError, OSError) as error:
            raise SourceUnavailable(
                f"no answer from {_shown(url)}: {error or type(error).__name__}"[:500]
            ) from error

    def _socket(self, info: "aiohttp.AddrInfoType") -> socket.socket:
        """Return a socket for one address, the very one that will be connected to."""
        family, kind, protocol, _, place = info
        text = str(place[0]).partition("%")[0]  # an IPv6 address may name an interface
        if not is_public(ip_address(text), self._allowed):
            raise ForbiddenAddress(f"{text} is not a public address (HEADWATER_OUTBOUND_ALLOWED_NETWORKS)")
        return socket.socket(family, kind, protocol)


def _url(text: str) -> URL:
    if len(text) > MAX_URL_LENGTH:
        raise NotFetched(f"the address has more than {MAX_URL_LENGTH} characters")
    try:
        return URL(text)
    except ValueError as error:
        raise NotFetched(f"{text[:200]!r} is not an address: {error}"[:500]) from error


def _checked(url: URL) -> URL:
    if url.scheme not in SCHEMES or not url.host:
        raise ForbiddenAddress(f"{_shown(url)!r} is not an address of the web (http:// or https://)")
    return url


def _target(url: URL, location: str) -> URL:
    """Return where a redirect leads. Never from https to http: what was asked for in private stays so."""
    if not location:
        raise NotFetched(f"{_shown(url)} redirects to nowhere")
    target = _checked(url.join(_url(location)))
    if url.scheme == "https" and target.scheme != "https":
        raise ForbiddenAddress(f"{_shown(url)} redirects from https to {target.scheme}")
    return target


def _shown(url: URL) -> str:
    """Return an address for a sentence: without what may be a secret."""
    return str(url.with_user(None).with_query(None).with_fragment(None) if url.host else url)[:200]


def _check_status(url: URL, status: int) -> None:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise SourceUnavailable(f"{_shown(url)} answered {status}")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise NotFetched(f"{_shown(url)} answered {status}")


async def _content(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return the body, unpacked. Both the bytes on the wire and the unpacked ones are counted."""
    url = response.url
    if (response.content_length or 0) > max_bytes:
        raise ContentTooLarge(url, max_bytes)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise NotFetched(f"the content is encoded as {encoding[:60]!r}, which was not asked for")
    unpacker = Unpacker() if encoding == "gzip" else None
    parts: list[bytes] = []
    packed = unpacked = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        packed += len(chunk)
        part = unpacker.unpack(chunk, max_bytes + 1 - unpacked) if unpacker else chunk
        unpacked += len(part)
        if max(packed, unpacked) > max_bytes:
            raise ContentTooLarge(url, max_bytes)
        parts.append(part)
    if unpacker and packed and not unpacker.is_complete:
        raise SourceUnavailable(f"{_shown(url)} ended early")
    return b"".join(parts)


class Unpacker:
    """Undoes gzip piece by piece, never into more bytes than wanted."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        """Whether the end was reached."""
        return self._stream.eof

    def unpack(self, chunk: bytes, at_most: int) -> bytes:
        """Return what a chunk unpacks to, cut at `at_most` (1 or more) bytes. Raises NotFetched."""
        ended = self._stream.eof
        try:
            part = self._stream.decompress(chunk, at_most)
        except zlib.error as error:
            raise NotFetched(f"the content cannot be unpacked: {error}") from error
        if ended or self._stream.unused_data:
            raise NotFetched("the content goes on after its end")
        return part


def _content_type(header: str) -> str:
    return header.partition(";")[0].strip().lower() or UNTYPED


def _filename(header: str, url: URL) -> str:
    """Return the name in a Content-Disposition, the one in UTF-8 before the plain one; else the URL's end."""
    if extended := _EXTENDED_NAME.search(header):
        return unquote(extended[1], errors="replace")
    message = Message()
    message["Content-Disposition"] = header
    return message.get_filename() or url.name
