"""Which keys and which secret has a resource?  .../resources/{uid}/keys/ and .../signing_secret/.

A key or a secret is shown by the answer to its making and never again.
"""

import base64
import secrets
from functools import partial
from typing import Any

from aiohttp import web

from gateway.admin import edits, keyring
from gateway.admin.answers import iso_moment, key_answer, opened_resource_answer
from gateway.admin.datasets import change_dataset, dataset_of
from gateway.admin.members import Members
from gateway.admin.names import new_pushkey
from gateway.admin.replies import created, list_reply, read_options
from gateway.keys import CLOCK, SEALER, SETTINGS
from headwater.domain.datasets import Dataset, Scope
from headwater.domain.errors import InvalidDocument

SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
SECRET_PREFIX = "whsec_"  # noqa: S105 - how such a secret begins


async def list_keys(request: web.Request) -> web.Response:
    """Answer one page of the keys of a resource, the newest first."""
    resource = edits.resource_of(dataset_of(request), _uid(request))
    return list_reply(request, resource.keys, partial(key_answer, now_us=request.app[CLOCK].now_us()))


async def create_key(request: web.Request) -> web.Response:
    """Make one more key for a resource; the others stay."""
    now_us = request.app[CLOCK].now_us()
    draft = parse_key(await read_options(request), now_us)
    uid, pushkey = _uid(request), new_pushkey()
    key = keyring.new_key(pushkey, iso_moment(now_us), draft)
    dataset = await change_dataset(request, lambda present: keyring.with_key(present, uid, key, now_us))
    resource = opened(request, dataset, uid, pushkey)
    shown = {"pushkey": pushkey, "push_url": resource["push_url"]}
    return created({**key_answer(key, now_us), **shown})


async def delete_key(request: web.Request) -> web.Response:
    """Take a key away; it opens nothing from now on."""
    uid, key_uid = _uid(request), request.match_info["key_uid"]
    await change_dataset(request, lambda present: keyring.without_key(present, uid, key_uid))
    return web.Response(status=204)


async def create_signing_secret(request: web.Request) -> web.Response:
    """Make a secret, in place of the one before: from now on every push must be signed with it."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    sealed, uid = request.app[SEALER].seal(secret), _uid(request)
    await change_dataset(request, lambda present: keyring.with_signing_secret(present, uid, sealed))
    return created({"signing_secret": secret})


async def delete_signing_secret(request: web.Request) -> web.Response:
    """Take the secret away: pushes need a key again, and no signature."""
    uid = _uid(request)
    await change_dataset(request, lambda present: keyring.with_signing_secret(present, uid, ""))
    return web.Response(status=204)


def parse_key(members: Members, now_us: int) -> keyring.KeyDraft:
    """Return what a request says about a new key. Raises InvalidDocument."""
    members.check_names({"scopes", "label", "expires_at"})
    scopes = members.texts("scopes") if "scopes" in members else list(Scope)
    if not scopes or not set(scopes) <= set(Scope):
        raise members.wrong("scopes", f"a list of {' and '.join(Scope)}")
    expires_at_us = members.moment_us("expires_at")
    if expires_at_us is not None and expires_at_us <= now_us:
        raise InvalidDocument("expires_at", "this moment has passed")
    return keyring.KeyDraft(
        scopes=tuple(one for one in Scope if one in scopes),
        label=members.optional_text("label") or "",
        expires_at_us=expires_at_us,
    )


def opened(request: web.Request, dataset: Dataset, uid: str, pushkey: str) -> dict[str, Any]:
    """Return a resource with the key that was made just now."""
    origin = request.app[SETTINGS].public_url.rstrip("/") or str(request.url.origin())
    return opened_resource_answer(dataset, edits.resource_of(dataset, uid), pushkey, origin)


def _uid(request: web.Request) -> str:
    return request.match_info["resource_uid"]
