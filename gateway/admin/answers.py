"""What does the management API show?  Answers as JSON; a key is never among them unless it was just made."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem, PushKey, Resource

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def dataset_answer(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset without its resources and fields, which have paths of their own."""
    return {
        "uid": dataset.uid,
        "dataset_id": dataset.dataset_id,
        "title": dataset.title,
        "is_published": dataset.published,
        "private": dataset.private,
        "is_restricted": dataset.restricted,
        "history": dataset.history,
        "on_error": dataset.on_error,
        "on_processor_error": dataset.on_processor_error,
        "metadata": dict(dataset.metadata),
        "created_at": dataset.created_at,
        "revision": dataset.revision,
    }


def resource_answer(dataset: Dataset, resource: Resource) -> dict[str, Any]:
    """Return a resource without its key."""
    return {
        "uid": resource.uid,
        "resource_id": resource.resource_id,
        "type": resource.type,
        "title": resource.title,
        "datasource": {"type": resource.type},
        "params": dict(resource.params),
        "enabled": resource.enabled,
        "push_path": push_path(dataset, resource),
        "is_signed": bool(resource.signing_secret),
    }


def opened_resource_answer(dataset: Dataset, resource: Resource, pushkey: str, origin: str) -> dict[str, Any]:
    """Return a resource with the key that was made just now, and the URL that it opens."""
    answer = resource_answer(dataset, resource)
    url = f"{origin}{answer['push_path']}?pushkey={pushkey}"
    return {**answer, "pushkey": pushkey, "push_url": url}


def key_answer(key: PushKey, now_us: int) -> dict[str, Any]:
    """Return what is known of a key; not the key itself."""
    return {
        "uid": key.uid,
        "label": key.label,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": None if key.expires_at_us is None else iso_moment(key.expires_at_us),
        "is_valid": key.is_valid(now_us),
    }


def push_path(dataset: Dataset, resource: Resource) -> str:
    """Return the path to push to, without the key."""
    return f"/api/push/1.0/{dataset.dataset_id}/{resource.resource_id}/push/"


def item_answer(item: FieldItem) -> dict[str, Any]:
    """Return one step of the field configuration."""
    return item.to_json()


def processor_answer(item: ProcessorItem) -> dict[str, Any]:
    """Return one processor of the stack."""
    return item.to_json()


def list_answer(
    results: Sequence[dict[str, Any]], *, total: int, next_url: str | None, previous_url: str | None
) -> dict[str, Any]:
    """Return one page of a list."""
    return {"total_count": total, "next": next_url, "previous": previous_url, "results": list(results)}


def iso_moment(moment: int) -> str:
    """Return microseconds since 1970 in ISO 8601, UTC."""
    return (EPOCH + timedelta(microseconds=moment)).isoformat()


def iso_stored(moment: str) -> str:
    """Return a moment as the store tells it (UTC, without saying so) in ISO 8601."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).isoformat()
