"""What is a dataset?  The catalog's documents as frozen values, and their JSON.

One document per dataset: its resources and its field configuration are parts of it, so that every change
is one optimistic write (runtime/catalog.py) and every reader sees one consistent whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Self

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldItem:
    """One step of the field configuration stack (reference: fields, section 2)."""

    uid: str  # df_...
    type: str  # rename | type | annotate | description | order | delete
    params: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"uid": self.uid, "type": self.type, **self.params}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        params = {key: value for key, value in document.items() if key not in ("uid", "type")}
        return cls(uid=document["uid"], type=document["type"], params=params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One way in: a realtime resource with its pushkey (only the SHA-256 of the key is kept)."""

    uid: str  # re_...
    resource_id: str  # slug in the push URL, unique in its dataset
    title: str
    type: str = "realtime"
    enabled: bool = True
    pushkey_hash: str = ""  # hex SHA-256 of the key
    params: Mapping[str, Any] = field(default_factory=dict)  # bootstrap, unknown_fields, ...

    def accepts(self, pushkey: str) -> bool:
        """Tell whether the key opens this resource; takes the same time for every wrong key."""
        return compare_digest(hash_pushkey(pushkey), self.pushkey_hash)

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "resource_id": self.resource_id,
            "title": self.title,
            "type": self.type,
            "enabled": self.enabled,
            "pushkey_hash": self.pushkey_hash,
            "params": dict(self.params),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everything that all services know of one dataset at one revision."""

    uid: str  # da_...
    dataset_id: str  # slug in every URL, unique among datasets
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict)  # {"default": {"title": {"value": ...}}}
    published: bool = False
    private: bool = False  # not listed and not readable through Explore (the canary's dataset)
    generation: int = 1  # which physical table holds its rows now
    since_version: int = 0  # records with a smaller version belong to an earlier generation: discarded
    on_error: str = "null"  # null | quarantine: what a value that does not fit its declared type does
    resources: tuple[Resource, ...] = ()
    fields: tuple[FieldItem, ...] = ()
    created_at: str = ""  # ISO 8601, UTC
    revision: int = 0  # 0: never written

    def resource(self, resource_id: str) -> Resource | None:
        """Return the resource with this slug."""
        return next((one for one in self.resources if one.resource_id == resource_id), None)

    def with_resource(self, resource: Resource) -> Self:
        """Return a copy in which the resource with this uid is added or replaced."""
        if any(one.uid == resource.uid for one in self.resources):
            kept = tuple(resource if one.uid == resource.uid else one for one in self.resources)
        else:
            kept = (*self.resources, resource)
        return replace(self, resources=kept)

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "dataset_id": self.dataset_id,
            "title": self.title,
            "metadata": dict(self.metadata),
            "published": self.published,
            "private": self.private,
            "generation": self.generation,
            "since_version": self.since_version,
            "on_error": self.on_error,
            "resources": [one.to_json() for one in self.resources],
            "fields": [one.to_json() for one in self.fields],
            "created_at": self.created_at,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **document,
                "resources": tuple(Resource.from_json(one) for one in document["resources"]),
                "fields": tuple(FieldItem.from_json(one) for one in document["fields"]),
            }
        )


def encode_dataset(dataset: Dataset) -> bytes:
    """Return the catalog topic's value for a dataset."""
    return orjson.dumps(dataset.to_json())


def decode_dataset(value: bytes) -> Dataset:
    """Return the dataset of a catalog topic's value."""
    return Dataset.from_json(orjson.loads(value))


def hash_pushkey(pushkey: str) -> str:
    """Return the hex SHA-256 under which a pushkey is kept; 224 random bits need no salt."""
    return sha256(pushkey.encode(errors="surrogateescape")).hexdigest()
