"""What may a person or a program do beside pushing?  API keys: a scope each, for all datasets or for some."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

import orjson

from headwater.domain.document_log import Kind


class KeyScope(StrEnum):
    """What an API key may do; each scope includes the ones below it."""

    ADMIN = "admin"  # everything, API keys too; never for some datasets only
    PUBLISH = "publish"  # manage its datasets
    READ = "read"  # read its datasets where they are restricted


_INCLUDED: Mapping[KeyScope, frozenset[KeyScope]] = {
    KeyScope.ADMIN: frozenset(KeyScope),
    KeyScope.PUBLISH: frozenset({KeyScope.PUBLISH, KeyScope.READ}),
    KeyScope.READ: frozenset({KeyScope.READ}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of one API key; of the key itself only the SHA-256."""

    uid: str  # ak_...
    hash: str  # hex SHA-256
    label: str = ""
    scopes: tuple[KeyScope, ...] = ()
    datasets: tuple[str, ...] = ()  # uids; empty: all datasets, also those to come
    expires_at_us: int | None = None  # microseconds since 1970; it opens nothing from then on
    created_at: str = ""  # ISO 8601, UTC
    revision: int = 0

    def is_valid(self, now_us: int) -> bool:
        """Tell whether the key has not expired."""
        return self.expires_at_us is None or now_us < self.expires_at_us

    def has(self, scope: KeyScope) -> bool:
        """Tell whether the key has a scope, or one that includes it, for any dataset at all."""
        return any(scope in _INCLUDED[one] for one in self.scopes)

    def may(self, scope: KeyScope, dataset_uid: str | None) -> bool:
        """Tell whether the key may do what needs a scope with a dataset; None: with every one."""
        return self.has(scope) and (not self.datasets or dataset_uid in self.datasets)


def hash_apikey(apikey: str) -> str:
    """Return the hex SHA-256 under which an API key is kept; 224 random bits need no salt."""
    return sha256(apikey.encode(errors="surrogateescape")).hexdigest()


def encode_apikey(key: ApiKey) -> bytes:
    """Return the value of topic apikeys."""
    return orjson.dumps(
        {
            "uid": key.uid,
            "hash": key.hash,
            "label": key.label,
            "scopes": list(key.scopes),
            "datasets": list(key.datasets),
            "expires_at_us": key.expires_at_us,
            "created_at": key.created_at,
            "revision": key.revision,
        }
    )


def decode_apikey(value: bytes) -> ApiKey:
    """Return the API key of a value of topic apikeys. Raises KeyError, TypeError or ValueError."""
    document = orjson.loads(value)
    scopes, datasets = tuple(map(KeyScope, document["scopes"])), tuple(document["datasets"])
    return ApiKey(**{**document, "scopes": scopes, "datasets": datasets})


APIKEYS: Kind[ApiKey] = Kind(
    noun="API key",
    key=lambda key: key.uid,
    name=lambda key: key.hash,
    name_noun="hash",
    revised=lambda key, revision: replace(key, revision=revision),
    encode=encode_apikey,
    decode=decode_apikey,
)
