"""May this request enter?  Dataset, resource, key, published, enabled: checked in this order."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.domain.datasets import Dataset, PushKey, Resource, Scope
from headwater.domain.errors import Disabled, Forbidden, NotFound, NotPublished, Unauthorized
from headwater.runtime.catalog import Catalog

SCHEMES = ("bearer", "apikey")  # of the Authorization header


@dataclass(frozen=True, slots=True)
class Target:
    """Where accepted records go: one resource, at the revision of its dataset that admitted them."""

    dataset_id: str
    resource_id: str
    revision: int


def find_resource(catalog: Catalog, dataset_id: str, resource_id: str) -> tuple[Dataset, Resource]:
    """Return what a path names. Raises NotFound."""
    dataset = catalog.find(dataset_id)
    if dataset is None:
        raise NotFound(f"there is no dataset {dataset_id!r}", code="unknown_dataset")
    resource = dataset.resource(resource_id)
    if resource is None or resource.type != "realtime":
        raise NotFound(
            f"dataset {dataset_id!r} has no realtime resource {resource_id!r}", code="unknown_resource"
        )
    return dataset, resource


def pushkey_of(query: Mapping[str, str], authorization: str | None) -> str | None:
    """Return the pushkey of a request: from the query, else from the Authorization header."""
    pushkey = query.get("pushkey")
    if pushkey or authorization is None:
        return pushkey
    scheme, _, key = authorization.strip().partition(" ")
    return key.strip() if scheme.lower() in SCHEMES else None


def check_key(resource: Resource, pushkey: str | None, scope: Scope, now_us: int) -> PushKey:
    """Return the key that this is. Raises Unauthorized, and Forbidden when it may do other things only."""
    if not pushkey:
        raise Unauthorized("a pushkey is required: add ?pushkey=<key>", code="missing_pushkey")
    key = resource.opened_by(pushkey, now_us) if pushkey.isascii() else None
    if key is None:
        raise Unauthorized("the pushkey does not open this resource", code="invalid_pushkey")
    if scope not in key.scopes:
        raise Forbidden(f"this pushkey may not {scope}", code="insufficient_scope")
    return key


def check_open(dataset: Dataset, resource: Resource) -> None:
    """Raise NotPublished or Disabled unless records are accepted now."""
    if not dataset.published:
        raise NotPublished(dataset.dataset_id)
    if not resource.enabled:
        raise Disabled(dataset.dataset_id, resource.resource_id)
