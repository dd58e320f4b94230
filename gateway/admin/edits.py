"""What does a change make of a dataset?  Pure: the present document in, the next one out.

Every edit is a function of the present document, so it can be made again when somebody else was first.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.admin.documents import DatasetDraft, ResourceDraft
from gateway.admin.names import new_uid, numbered_resource_id, slug_of
from gateway.admin.stack import processors_of, stack_of, with_bootstrap
from gateway.admin.states import check_unpublished
from headwater.domain.datasets import Dataset, PushKey, Resource
from headwater.domain.errors import Conflict, NotFound
from headwater.domain.schema import Schema

FIRST_RESOURCE = "realtime"


def new_dataset(draft: DatasetDraft, *, uid: str, dataset_id: str, created_at: str) -> Dataset:
    """Return a dataset that was never written."""
    return Dataset(
        uid=uid,
        dataset_id=dataset_id,
        title=draft.title or dataset_id,
        metadata=_titled(draft.metadata or {}, draft.title or dataset_id),
        private=bool(draft.private),
        restricted=bool(draft.restricted),
        history=bool(draft.history),
        on_error=draft.on_error or "null",
        on_processor_error=draft.on_processor_error or "quarantine",
        created_at=created_at,
    )


def changed_dataset(dataset: Dataset, draft: DatasetDraft) -> Dataset:
    """Return the dataset as a PUT says, its history aside; what the draft does not mention stays.

    Raises Conflict when the draft was made from another revision, InvalidStatus when it changes the
    dataset_id of a published dataset.
    """
    if draft.revision is not None and draft.revision != dataset.revision:
        raise Conflict(
            f"this change was made from revision {draft.revision}, the present one is {dataset.revision}; "
            "read the dataset again and repeat the change"
        )
    if draft.dataset_id not in (None, dataset.dataset_id):
        check_unpublished(dataset)
    metadata = dataset.metadata if draft.metadata is None else draft.metadata
    title = draft.title or dataset.title
    return replace(
        dataset,
        dataset_id=draft.dataset_id or dataset.dataset_id,
        title=title,
        metadata=_titled(metadata, title),
        private=dataset.private if draft.private is None else draft.private,
        restricted=dataset.restricted if draft.restricted is None else draft.restricted,
        on_error=draft.on_error or dataset.on_error,
        on_processor_error=draft.on_processor_error or dataset.on_processor_error,
    )


def _titled(metadata: Mapping[str, Any], title: str) -> dict[str, Any]:
    default = metadata.get("default", {})
    return {**metadata, "default": {**default, "title": default.get("title", {"value": title})}}


def with_new_resource(
    dataset: Dataset, draft: ResourceDraft, seen: Schema, *, uid: str, key: PushKey, version: int = 0
) -> Dataset:
    """Return the dataset with one more resource; its resource_id is made from the title.

    What was archived before `version` belongs to an earlier resource of this name.

    Raises InvalidStatus when its bootstrap data would change the fields while a build goes on.
    """
    slug = FIRST_RESOURCE if draft.title is None else slug_of(draft.title, joint="_", fallback=FIRST_RESOURCE)
    taken = {one.resource_id for one in dataset.resources}
    resource = Resource(
        uid=uid,
        resource_id=numbered_resource_id(slug, taken),
        title=draft.title or FIRST_RESOURCE,
        enabled=draft.enabled is not False,
        keys=(key,),
        archived_since=version,
        held_since=version,
        params=draft.params,
    )
    return with_bootstrap(dataset, dataset.with_resource(resource), seen)


def resource_of(dataset: Dataset, uid: str) -> Resource:
    """Return the resource with this uid. Raises NotFound."""
    for resource in dataset.resources:
        if resource.uid == uid:
            return resource
    raise NotFound(f"dataset {dataset.uid} has no resource {uid!r}")


def with_changed_resource(
    dataset: Dataset, uid: str, draft: ResourceDraft, seen: Schema, *, version: int
) -> Dataset:
    """Return the dataset with one resource as a PUT says; its resource_id and keys stay.

    `version` is from when on the archive has no gap if recovery is switched on by this. Raises NotFound,
    InvalidStatus when other bootstrap data would change the fields while a build goes on.
    """
    old = resource_of(dataset, uid)
    new = replace(
        old,
        title=draft.title or old.title,
        enabled=old.enabled if draft.enabled is None else draft.enabled,
        params=draft.params,
    )
    if new.recovers and not old.recovers:
        new = replace(new, unbroken_since=version)
    return with_bootstrap(dataset, dataset.with_resource(new), seen)


def with_enabled(dataset: Dataset, uid: str, *, enabled: bool) -> Dataset:
    """Return the dataset with push into one resource on or off. Raises NotFound."""
    return dataset.with_resource(replace(resource_of(dataset, uid), enabled=enabled))


def without_resource(dataset: Dataset, uid: str, seen: Schema) -> Dataset:
    """Return the dataset without one resource. Raises NotFound, InvalidStatus as `with_new_resource`."""
    gone = resource_of(dataset, uid)
    kept = tuple(one for one in dataset.resources if one is not gone)
    return with_bootstrap(dataset, replace(dataset, resources=kept), seen)


def copied(dataset: Dataset, *, uid: str, dataset_id: str, title: str, created_at: str) -> Dataset:
    """Return an unpublished dataset with the same configuration under other uids; its resources have no keys.

    What was still a draft is part of the copy's configuration.
    """
    default = {**dataset.metadata.get("default", {}), "title": {"value": title}}
    return Dataset(
        uid=uid,
        dataset_id=dataset_id,
        title=title,
        metadata={**dataset.metadata, "default": default},
        private=dataset.private,
        restricted=dataset.restricted,
        history=dataset.history,
        on_error=dataset.on_error,
        resources=tuple(map(_copied_resource, dataset.resources)),
        on_processor_error=dataset.on_processor_error,
        processors=tuple(replace(one, uid=new_uid("pr")) for one in processors_of(dataset)),
        fields=tuple(replace(one, uid=new_uid("df")) for one in stack_of(dataset)),
        created_at=created_at,
    )


def _copied_resource(resource: Resource) -> Resource:
    return Resource(
        uid=new_uid("re"),
        resource_id=resource.resource_id,
        title=resource.title,
        type=resource.type,
        enabled=resource.enabled,
        params=resource.params,
    )
