"""What is a dataset?  The catalog's documents as frozen values, and their JSON.

One document per dataset: its resources and its field configuration are parts of it, so that every change
is one optimistic write (runtime/catalog.py) and every reader sees one consistent whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
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
class ProcessorItem:
    """One step of a dataset's stack (reference: processors); its parameters are checked when it is saved."""

    uid: str  # pr_...
    type: str
    label: str
    params: Mapping[str, Any]

    @property
    def does(self) -> tuple[str, Mapping[str, Any]]:
        """What it does, whatever it is called."""
        return self.type, self.params

    def to_json(self) -> dict[str, Any]:
        return {"uid": self.uid, "type": self.type, "label": self.label, **self.params}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        own = ("uid", "type", "label")
        params = {key: value for key, value in document.items() if key not in own}
        return cls(uid=document["uid"], type=document["type"], label=document["label"], params=params)


class Scope(StrEnum):
    """What a pushkey may do."""

    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushKey:
    """One key of a resource; only the SHA-256 of the key itself is kept."""

    uid: str  # pk_...
    hash: str  # hex SHA-256
    scopes: tuple[Scope, ...] = tuple(Scope)
    label: str = ""
    created_at: str = ""  # ISO 8601, UTC
    expires_at_us: int | None = None  # microseconds since 1970; it opens nothing from then on

    def is_valid(self, now_us: int) -> bool:
        """Tell whether the key has not expired."""
        return self.expires_at_us is None or now_us < self.expires_at_us

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "hash": self.hash,
            "scopes": list(self.scopes),
            "label": self.label,
            "created_at": self.created_at,
            "expires_at_us": self.expires_at_us,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "scopes": tuple(map(Scope, document["scopes"]))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One way in: a realtime resource with the keys that open it."""

    uid: str  # re_...
    resource_id: str  # slug in the push URL, unique in its dataset
    title: str
    type: str = "realtime"
    enabled: bool = True
    keys: tuple[PushKey, ...] = ()  # the newest first
    signing_secret: str = ""  # sealed (runtime/secrets.py); not empty: every push must be signed with it
    archived_since: int = 0  # version: what was archived before was deleted by the owner
    unbroken_since: int = 0  # version: before it, recovery was off for a while, so the archive has gaps
    held_since: int = 0  # version: the dataset holds nothing of it that is older, whatever its own floor is
    params: Mapping[str, Any] = field(default_factory=dict)  # bootstrap, unknown_fields, ...

    def opened_by(self, pushkey: str, now_us: int) -> PushKey | None:
        """Return the valid key that this is, None for any other; takes the same time whichever is wrong."""
        given = hash_pushkey(pushkey)
        found = [key for key in self.keys if compare_digest(given, key.hash)]
        return next((key for key in found if key.is_valid(now_us)), None)

    @property
    def recovers(self) -> bool:
        """Whether the raw records of this resource are archived."""
        return bool(self.params.get("recovery", True))

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "resource_id": self.resource_id,
            "title": self.title,
            "type": self.type,
            "enabled": self.enabled,
            "keys": [key.to_json() for key in self.keys],
            "signing_secret": self.signing_secret,
            "archived_since": self.archived_since,
            "unbroken_since": self.unbroken_since,
            "held_since": self.held_since,
            "params": dict(self.params),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "keys": tuple(map(PushKey.from_json, document["keys"]))})


class BuildState(StrEnum):
    """How far a build is."""

    QUEUED = "queued"  # nobody works on it yet
    FILLING = "filling"  # the archive, then the live records, go through the stack into its table
    SETTLING = "settling"  # readers see it already; the last records that took the old way follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A further generation being filled beside the present one, which readers see until it is complete.

    `processors`, `fields` and `history` are what the dataset will have. `recovers` names the resource (uid)
    whose whole archive is replayed; of the others, and of all when it is empty, what the dataset holds now.
    """

    uid: str  # bu_...
    generation: int
    fields: tuple[FieldItem, ...]
    history: bool
    processors: tuple[ProcessorItem, ...] = ()
    recovers: str = ""
    requested_at_us: int = 0
    state: BuildState = BuildState.QUEUED
    positions: Mapping[str, int] = field(default_factory=dict)  # raw partition -> offset to go on from

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "generation": self.generation,
            "fields": [one.to_json() for one in self.fields],
            "history": self.history,
            "processors": [one.to_json() for one in self.processors],
            "recovers": self.recovers,
            "requested_at_us": self.requested_at_us,
            "state": self.state.value,
            "positions": dict(self.positions),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        made = {
            "fields": tuple(map(FieldItem.from_json, document["fields"])),
            "processors": _processors(document.get("processors", ())),
            "state": BuildState(document["state"]),
        }
        return cls(**{**document, **made})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everything that all services know of one dataset at one revision."""

    uid: str  # da_...
    dataset_id: str  # slug in every URL, unique among datasets
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict)  # {"default": {"title": {"value": ...}}}
    published: bool = False
    private: bool = False  # not listed and not readable through Explore (the canary's dataset)
    restricted: bool = False  # readable only with an API key that may read it
    generation: int = 1  # which physical table holds its rows now
    last_generation: int = 1  # the highest number that was ever given, also to a build that was aborted
    since_version: int = 0  # records with a smaller version belong to an earlier life: discarded
    sync_version: int = 0  # rows with a smaller version are not in the set of the last sync: not shown
    patched: bool = False  # records may have been merged: readers look into the patches too
    history: bool = False  # every version of a record is kept in the generation's history table
    on_error: str = "null"  # null | quarantine: what a value that does not fit its declared type does
    on_processor_error: str = "quarantine"  # the same, of a record that a processor cannot handle
    resources: tuple[Resource, ...] = ()
    processors: tuple[ProcessorItem, ...] = ()  # the stack
    fields: tuple[FieldItem, ...] = ()
    draft: tuple[FieldItem, ...] | None = None  # fields that will count from the next publication on
    draft_processors: tuple[ProcessorItem, ...] | None = None  # the same of the stack
    build: Build | None = None
    failure: str = ""  # why the last build ended without success
    created_at: str = ""  # ISO 8601, UTC
    revision: int = 0  # 0: never written

    def resource(self, resource_id: str) -> Resource | None:
        """Return the resource with this slug."""
        return next((one for one in self.resources if one.resource_id == resource_id), None)

    @property
    def has_draft(self) -> bool:
        """Whether something waits for the next publication."""
        return self.draft is not None or self.draft_processors is not None

    def with_resource(self, resource: Resource) -> Self:
        """Return a copy in which the resource with this uid is added or replaced."""
        if any(one.uid == resource.uid for one in self.resources):
            kept = tuple(resource if one.uid == resource.uid else one for one in self.resources)
        else:
            kept = (*self.resources, resource)
        return replace(self, resources=kept)

    def is_over(self, generation: int) -> bool:
        """Tell whether a generation has been left for good: replaced by a later one, or its build aborted."""
        if generation < self.generation:
            return True
        building = self.build.generation if self.build else None
        return generation not in (self.generation, building) and generation <= self.last_generation

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "dataset_id": self.dataset_id,
            "title": self.title,
            "metadata": dict(self.metadata),
            "published": self.published,
            "private": self.private,
            "restricted": self.restricted,
            "generation": self.generation,
            "last_generation": self.last_generation,
            "since_version": self.since_version,
            "sync_version": self.sync_version,
            "patched": self.patched,
            "history": self.history,
            "on_error": self.on_error,
            "on_processor_error": self.on_processor_error,
            "resources": [one.to_json() for one in self.resources],
            "processors": [one.to_json() for one in self.processors],
            "fields": [one.to_json() for one in self.fields],
            "draft": None if self.draft is None else [one.to_json() for one in self.draft],
            "draft_processors": (
                None if self.draft_processors is None else [one.to_json() for one in self.draft_processors]
            ),
            "build": None if self.build is None else self.build.to_json(),
            "failure": self.failure,
            "created_at": self.created_at,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        draft, build = document["draft"], document["build"]
        draft_processors = document.get("draft_processors")
        return cls(
            **{
                **document,
                "resources": tuple(map(Resource.from_json, document["resources"])),
                "processors": _processors(document.get("processors", ())),
                "draft_processors": None if draft_processors is None else _processors(draft_processors),
                "fields": tuple(map(FieldItem.from_json, document["fields"])),
                "draft": None if draft is None else tuple(map(FieldItem.from_json, draft)),
                "build": None if build is None else Build.from_json(build),
            }
        )


def _processors(documents: Iterable[Mapping[str, Any]]) -> tuple[ProcessorItem, ...]:
    return tuple(map(ProcessorItem.from_json, documents))


def encode_dataset(dataset: Dataset) -> bytes:
    """Return the catalog topic's value for a dataset."""
    return orjson.dumps(dataset.to_json())


def decode_dataset(value: bytes) -> Dataset:
    """Return the dataset of a catalog topic's value."""
    return Dataset.from_json(orjson.loads(value))


def hash_pushkey(pushkey: str) -> str:
    """Return the hex SHA-256 under which a pushkey is kept; 224 random bits need no salt."""
    return sha256(pushkey.encode(errors="surrogateescape")).hexdigest()
