"""May this caller do that?  API keys; there is one so far, the administrator's."""

from hmac import compare_digest

from aiohttp import web

SCHEMES = frozenset({"apikey", "bearer"})


def given_key(request: web.Request) -> str | None:
    """Return the API key of a request: `Authorization: apikey <key>` (or Bearer), else `?apikey=`."""
    header = request.headers.get("Authorization")
    if header is None:
        return request.query.get("apikey")
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() in SCHEMES else None


def is_admin_key(given: str, admin_key: str) -> bool:
    """Tell whether the key is the administrator's; every wrong key takes the same time."""
    return bool(admin_key) and compare_digest(_bytes(given), _bytes(admin_key))


def _bytes(key: str) -> bytes:
    """Return the bytes that came in; a header may hold some that are not UTF-8."""
    return key.encode(errors="surrogateescape")
