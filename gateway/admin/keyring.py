"""Which keys open a resource?  Pure: keys are made, renewed with an overlap, and taken away.

A key that has expired opens nothing and is forgotten at the next change of the keys.
"""

from dataclasses import dataclass, replace

from gateway.admin.edits import resource_of
from gateway.admin.names import new_uid
from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.domain.errors import Conflict, NotFound

MAX_KEYS = 20
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDraft:
    """What a request says about a new key."""

    scopes: tuple[Scope, ...] = tuple(Scope)
    label: str = ""
    expires_at_us: int | None = None


def new_key(pushkey: str, created_at: str, draft: KeyDraft | None = None) -> PushKey:
    """Return what is kept of a new key."""
    wanted = draft or KeyDraft()
    return PushKey(
        uid=new_uid("pk"),
        hash=hash_pushkey(pushkey),
        scopes=wanted.scopes,
        label=wanted.label,
        created_at=created_at,
        expires_at_us=wanted.expires_at_us,
    )


def with_key(dataset: Dataset, resource_uid: str, key: PushKey, now_us: int) -> Dataset:
    """Return the dataset with one more key for a resource; the others stay.

    Raises NotFound, Conflict when the resource has as many as it may.
    """
    resource = resource_of(dataset, resource_uid)
    return _with_keys(dataset, resource, (key, *_valid(resource, now_us)))


def renewed(
    dataset: Dataset, resource_uid: str, key: PushKey, now_us: int, grace_seconds: int | None
) -> Dataset:
    """Return the dataset with another key for a resource; the old ones stop after the grace.

    None: as long as the resource says. A key that would stop sooner still does. Raises NotFound, Conflict.
    """
    resource = resource_of(dataset, resource_uid)
    if grace_seconds is None:
        grace_seconds = int(resource.params.get("renew_grace_seconds") or 0)
    end_us = now_us + grace_seconds * MICROSECONDS
    old = [replace(one, expires_at_us=_earlier(one.expires_at_us, end_us)) for one in resource.keys]
    kept = replace(resource, keys=tuple(old))
    return _with_keys(dataset, resource, (key, *_valid(kept, now_us)))


def key_of(resource: Resource, key_uid: str) -> PushKey:
    """Return the key with this uid. Raises NotFound."""
    for key in resource.keys:
        if key.uid == key_uid:
            return key
    raise NotFound(f"resource {resource.uid} has no key {key_uid!r}")


def without_key(dataset: Dataset, resource_uid: str, key_uid: str) -> Dataset:
    """Return the dataset with one key less; it opens nothing from then on. Raises NotFound."""
    resource = resource_of(dataset, resource_uid)
    gone = key_of(resource, key_uid)
    return dataset.with_resource(
        replace(resource, keys=tuple(one for one in resource.keys if one is not gone))
    )


def with_signing_secret(dataset: Dataset, resource_uid: str, sealed: str) -> Dataset:
    """Return the dataset with another secret for a resource; empty: none. Raises NotFound."""
    return dataset.with_resource(replace(resource_of(dataset, resource_uid), signing_secret=sealed))


def _with_keys(dataset: Dataset, resource: Resource, keys: tuple[PushKey, ...]) -> Dataset:
    if len(keys) > MAX_KEYS:
        raise Conflict(f"a resource has at most {MAX_KEYS} keys; delete one that is no longer used")
    return dataset.with_resource(replace(resource, keys=keys))


def _valid(resource: Resource, now_us: int) -> tuple[PushKey, ...]:
    return tuple(one for one in resource.keys if one.is_valid(now_us))


def _earlier(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)
