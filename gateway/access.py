"""Who is calling, and may they do that?  The administrator's key, and the API keys that were made with it.

Keys are known by their SHA-256 alone: looking one up takes a time that says nothing about any other.
"""

from hmac import compare_digest

from aiohttp import web

from gateway.keys import APIKEYS, CLOCK, SETTINGS
from headwater.domain.apikeys import ApiKey, KeyScope, hash_apikey
from headwater.domain.errors import Forbidden, Unauthorized
from headwater.runtime.documents import Documents

SCHEMES = frozenset({"apikey", "bearer"})
ADMINISTRATOR = ApiKey(uid="administrator", hash="", scopes=(KeyScope.ADMIN,))


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


def opened_by(given: str, admin_key: str, apikeys: Documents[ApiKey], now_us: int) -> ApiKey | None:
    """Return the valid key that this is, None for any other."""
    found = apikeys.find(hash_apikey(given))
    if is_admin_key(given, admin_key):
        return ADMINISTRATOR
    return found if found is not None and found.is_valid(now_us) else None


def caller_of(request: web.Request) -> ApiKey | None:
    """Return the key with which a request comes, None when it brings none. Raises Unauthorized."""
    given, app = given_key(request), request.app
    if not given:
        return None
    caller = opened_by(given, app[SETTINGS].admin_key, app[APIKEYS], app[CLOCK].now_us())
    if caller is None:
        raise Unauthorized("the API key is wrong or has expired")
    return caller


def authorise(caller: ApiKey | None, scope: KeyScope, dataset_uid: str | None) -> ApiKey:
    """Return the caller when they may do what needs a scope with a dataset; None: with every one.

    Raises Unauthorized for an anonymous caller, Forbidden for one whose key is for something else.
    """
    if caller is None:
        raise Unauthorized("this API needs a key: send the header 'Authorization: apikey <key>'")
    if not caller.has(scope):
        raise Forbidden(f"this needs an API key with scope {scope}")
    if not caller.may(scope, dataset_uid):
        what = "all datasets" if dataset_uid is None else f"dataset {dataset_uid}"
        raise Forbidden(f"this needs an API key for {what}; yours is for others")
    return caller


def _bytes(key: str) -> bytes:
    """Return the bytes that came in; a header may hold some that are not UTF-8."""
    return key.encode(errors="surrogateescape")
