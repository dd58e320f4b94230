"""What does a change make of a dataset?  Pure: the present document in, the next one out.

Every edit is a function of the present document, so it can be made again when somebody else was first.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.admin.documents import DatasetDraft, ResourceDraft
from gateway.admin.names import new_uid, numbered_resource_id, slug_of
from gateway.admin.states import check_unpublished
from headwater.domain.datasets import Dataset, FieldItem, PushKey, Resource, hash_pushkey
from headwater.domain.errors import Conflict, InvalidDocument, NotFound
from headwater.domain.fields import configure
from headwater.domain.schema import MAX_FIELDS, Schema

Edit = Callable[[Dataset], Dataset]

FIRST_RESOURCE = "realtime"


def new_dataset(draft: DatasetDraft, *, uid: str, dataset_id: str, created_at: str) -> Dataset:
    """Return a dataset that was never written."""
    return Dataset(
        uid=uid,
        dataset_id=dataset_id,
        title=draft.title or dataset_id,
        metadata=_titled(draft.metadata or {}, draft.title or dataset_id),
        private=bool(draft.private),
        on_error=draft.on_error or "null",
        created_at=created_at,
    )


def changed_dataset(dataset: Dataset, draft: DatasetDraft) -> Dataset:
    """Return the dataset as a PUT says; what the draft does not mention stays.

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
        on_error=draft.on_error or dataset.on_error,
    )


def _titled(metadata: Mapping[str, Any], title: str) -> dict[str, Any]:
    default = metadata.get("default", {})
    return {**metadata, "default": {**default, "title": default.get("title", {"value": title})}}


def published(dataset: Dataset, version: int) -> Dataset:
    """Return the dataset open for records from `version` on, empty; a published one stays as it is.

    So a repeated request does not empty what the first one opened.
    """
    if dataset.published:
        return dataset
    was_published = dataset.since_version > 0
    generation = dataset.generation + 1 if was_published else dataset.generation
    return replace(dataset, published=True, generation=generation, since_version=version)


def unpublished(dataset: Dataset) -> Dataset:
    """Return the dataset closed for records and for readers."""
    return replace(dataset, published=False)


def with_new_resource(dataset: Dataset, draft: ResourceDraft, *, uid: str, pushkey: str) -> Dataset:
    """Return the dataset with one more resource; its resource_id is made from the title."""
    slug = FIRST_RESOURCE if draft.title is None else slug_of(draft.title, joint="_", fallback=FIRST_RESOURCE)
    taken = {one.resource_id for one in dataset.resources}
    resource = Resource(
        uid=uid,
        resource_id=numbered_resource_id(slug, taken),
        title=draft.title or FIRST_RESOURCE,
        enabled=draft.enabled is not False,
        keys=(_new_key(pushkey),),
        params=draft.params,
    )
    return dataset.with_resource(resource)


def resource_of(dataset: Dataset, uid: str) -> Resource:
    """Return the resource with this uid. Raises NotFound."""
    for resource in dataset.resources:
        if resource.uid == uid:
            return resource
    raise NotFound(f"dataset {dataset.uid} has no resource {uid!r}")


def with_changed_resource(dataset: Dataset, uid: str, draft: ResourceDraft) -> Dataset:
    """Return the dataset with one resource as a PUT says; its resource_id and key stay. Raises NotFound."""
    old = resource_of(dataset, uid)
    enabled = old.enabled if draft.enabled is None else draft.enabled
    return dataset.with_resource(
        replace(old, title=draft.title or old.title, enabled=enabled, params=draft.params)
    )


def with_enabled(dataset: Dataset, uid: str, *, enabled: bool) -> Dataset:
    """Return the dataset with push into one resource on or off. Raises NotFound."""
    return dataset.with_resource(replace(resource_of(dataset, uid), enabled=enabled))


def with_pushkey(dataset: Dataset, uid: str, pushkey: str) -> Dataset:
    """Return the dataset with another key for one resource; the old one stops at once. Raises NotFound."""
    return dataset.with_resource(replace(resource_of(dataset, uid), keys=(_new_key(pushkey),)))


def _new_key(pushkey: str) -> PushKey:
    return PushKey(uid=new_uid("pk"), hash=hash_pushkey(pushkey))


def without_resource(dataset: Dataset, uid: str) -> Dataset:
    """Return the dataset without one resource. Raises NotFound."""
    gone = resource_of(dataset, uid)
    return replace(dataset, resources=tuple(one for one in dataset.resources if one is not gone))


def item_of(dataset: Dataset, uid: str) -> FieldItem:
    """Return the item of the field configuration with this uid. Raises NotFound."""
    for item in dataset.fields:
        if item.uid == uid:
            return item
    raise NotFound(f"dataset {dataset.uid} has no field item {uid!r}")


def with_item(dataset: Dataset, item: FieldItem, seen: Schema) -> Dataset:
    """Return the dataset with one more step at the end of its field configuration."""
    return _checked(replace(dataset, fields=(*dataset.fields, item)), item, seen)


def with_changed_item(dataset: Dataset, item: FieldItem, seen: Schema) -> Dataset:
    """Return the dataset with one step replaced in its place. Raises NotFound."""
    old = item_of(dataset, item.uid)
    fields = tuple(item if one is old else one for one in dataset.fields)
    return _checked(replace(dataset, fields=fields), item, seen)


def without_item(dataset: Dataset, uid: str) -> Dataset:
    """Return the dataset without one step of its field configuration. Raises NotFound."""
    gone = item_of(dataset, uid)
    return replace(dataset, fields=tuple(one for one in dataset.fields if one is not gone))


def _checked(dataset: Dataset, item: FieldItem, seen: Schema) -> Dataset:
    """Return the dataset if its fields still have one name each and are not too many.

    Raises InvalidDocument.
    """
    names = [one.name for one in configure(dataset, seen).fields]
    if len(names) > MAX_FIELDS:
        raise InvalidDocument("field", f"a dataset has at most {MAX_FIELDS} fields")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        place = "to_name" if item.type == "rename" else "field"
        raise InvalidDocument(place, f"two fields would be named {twice!r}; choose another name")
    return dataset
