"""Who may do what?  /apikeys/ and /apikeys/{key_uid}/; a key is shown by the answer to its making only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gateway.admin.answers import iso_moment
from gateway.admin.changes import MAX_ATTEMPTS
from gateway.admin.members import Members
from gateway.admin.names import new_pushkey, new_uid
from gateway.admin.replies import created, list_reply, read_document, reply
from gateway.keys import APIKEYS, CATALOG, CLOCK
from headwater.domain.apikeys import ApiKey, KeyScope, hash_apikey
from headwater.domain.errors import Conflict, InvalidDocument, NotFound

MAX_DATASETS = 1_000  # that one key may name

_MEMBERS = ("label", "scopes", "datasets", "expires_at")
_ANSWER = ("uid", "created_at", "is_valid", "revision")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDraft:
    """What a request says about an API key: the members that it mentions, checked."""

    changes: Mapping[str, Any]
    revision: int | None  # the one that the change is made from

    def applied_to(self, key: ApiKey) -> ApiKey:
        """Return the key with the changes. Raises Conflict, InvalidDocument."""
        if self.revision is not None and self.revision != key.revision:
            raise Conflict(
                f"API key {key.uid} was changed meanwhile: this change was made from revision "
                f"{self.revision}, the present one is {key.revision}; read it again and repeat the change"
            )
        changed = replace(key, **self.changes)
        if changed.has(KeyScope.ADMIN) and changed.datasets:
            raise InvalidDocument("datasets", "a key with scope admin is for all datasets; name none")
        return changed


async def list_keys(request: web.Request) -> web.Response:
    """Answer one page of the API keys, the oldest first."""
    keys = sorted(request.app[APIKEYS].all(), key=lambda key: (key.created_at, key.uid))
    return list_reply(request, keys, _answering(request))


async def create_key(request: web.Request) -> web.Response:
    """Make an API key; this answer and no later one shows it."""
    draft = parse_key(await read_document(request), request.app[CATALOG].get, request.app[CLOCK].now_us())
    if "scopes" not in draft.changes:
        raise InvalidDocument("scopes", f"expected a list of {', '.join(KeyScope)}; it is missing")
    apikey = new_pushkey()
    fresh = ApiKey(
        uid=new_uid("ak"),
        hash=hash_apikey(apikey),
        created_at=iso_moment(request.app[CLOCK].now_us()),
    )
    written = await request.app[APIKEYS].write(replace(draft, revision=None).applied_to(fresh))
    return created({**_answering(request)(written), "apikey": apikey})


async def get_key(request: web.Request) -> web.Response:
    """Answer what is known of an API key."""
    return reply(_answering(request)(_present(request)))


async def put_key(request: web.Request) -> web.Response:
    """Change what an API key may do; what the document does not mention stays, and so does the key."""
    draft = parse_key(await read_document(request), request.app[CATALOG].get, request.app[CLOCK].now_us())
    for attempt in range(1, MAX_ATTEMPTS + 1):
        present = _present(request)
        changed = draft.applied_to(present)
        if changed == present:
            break
        try:
            changed = await request.app[APIKEYS].write(changed)
            break
        except Conflict:
            if attempt == MAX_ATTEMPTS:
                raise
    return reply(_answering(request)(changed))


async def delete_key(request: web.Request) -> web.Response:
    """Take an API key away; it opens nothing from now on."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            await request.app[APIKEYS].delete(_present(request))
            break
        except Conflict:
            if attempt == MAX_ATTEMPTS:
                raise
    return web.Response(status=204)


def parse_key(document: Mapping[str, Any], dataset_of: Callable[[str], Any], now_us: int) -> KeyDraft:
    """Return the checked document of an API key. Raises InvalidDocument at the first problem."""
    members = Members(document)
    members.check_names((*_MEMBERS, *_ANSWER))
    changes: dict[str, Any] = {}
    if "label" in members:
        changes["label"] = members.optional_text("label") or ""
    if "scopes" in members:
        changes["scopes"] = _scopes(members)
    if "datasets" in members:
        changes["datasets"] = _datasets(members, dataset_of)
    if "expires_at" in members:
        changes["expires_at_us"] = _expiry(members, now_us)
    revision = members.number("revision", 0, 2**53, 0) if "revision" in members else None
    return KeyDraft(changes=changes, revision=revision)


def key_answer(key: ApiKey, now_us: int) -> dict[str, Any]:
    """Return what is known of an API key; neither the key nor its hash."""
    return {
        "uid": key.uid,
        "label": key.label,
        "scopes": list(key.scopes),
        "datasets": list(key.datasets),
        "expires_at": None if key.expires_at_us is None else iso_moment(key.expires_at_us),
        "is_valid": key.is_valid(now_us),
        "created_at": key.created_at,
        "revision": key.revision,
    }


def _scopes(members: Members) -> tuple[KeyScope, ...]:
    scopes = members.texts("scopes")
    if not scopes or not set(scopes) <= set(KeyScope):
        raise members.wrong("scopes", f"a list of {', '.join(KeyScope)}")
    return tuple(one for one in KeyScope if one in scopes)


def _datasets(members: Members, dataset_of: Callable[[str], Any]) -> tuple[str, ...]:
    """Return uids of datasets that exist; none: all datasets."""
    uids = tuple(dict.fromkeys(members.texts("datasets")))
    if len(uids) > MAX_DATASETS:
        raise InvalidDocument("datasets", f"at most {MAX_DATASETS} datasets, got {len(uids)}")
    for index, uid in enumerate(uids):
        if dataset_of(uid) is None:
            raise InvalidDocument(f"datasets[{index}]", f"there is no dataset {uid[:60]!r}")
    return uids


def _expiry(members: Members, now_us: int) -> int | None:
    moment_us = members.moment_us("expires_at")
    if moment_us is not None and moment_us <= now_us:
        raise InvalidDocument("expires_at", "this moment has passed; delete the key to end it now")
    return moment_us


def _present(request: web.Request) -> ApiKey:
    uid = request.match_info["key_uid"]
    key = request.app[APIKEYS].get(uid)
    if key is None:
        raise NotFound(f"there is no API key {uid!r}")
    return key


def _answering(request: web.Request) -> Callable[[ApiKey], dict[str, Any]]:
    now_us = request.app[CLOCK].now_us()
    return lambda key: key_answer(key, now_us)
