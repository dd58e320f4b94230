"""May this caller change things?  The key of the management API."""

from hmac import compare_digest

from aiohttp import web

from headwater.domain.errors import Unauthorized

SCHEMES = frozenset({"apikey", "bearer"})


def given_key(request: web.Request) -> str | None:
    """Return the API key of a request: `Authorization: apikey <key>` (or Bearer), else `?apikey=`."""
    header = request.headers.get("Authorization")
    if header is None:
        return request.query.get("apikey")
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() in SCHEMES else None


def check_key(given: str | None, admin_key: str) -> None:
    """Raise Unauthorized unless the key is the administrator's; every wrong key takes the same time."""
    if not given:
        raise Unauthorized("this API needs a key: send the header 'Authorization: apikey <key>'")
    if not admin_key or not compare_digest(given.encode(), admin_key.encode()):
        raise Unauthorized("the API key is wrong")
