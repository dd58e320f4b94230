"""May this request enter?  Dataset, resource, key, published, enabled: checked in this order."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.domain.datasets import Dataset, Resource
from headwater.domain.errors import Disabled, NotFound, NotPublished, Unauthorized
from headwater.runtime.catalog import Catalog

SCHEMES = ("bearer", "apikey")  # of the Authorization header


@dataclass(frozen=True, slots=True)
class Target:
    """Where accepted records go: one resource, at the revision of its dataset that admitted them."""

    dataset_id: str
    resource_id: str
    revision: int


def admit(catalog: Catalog, dataset_id: str, resource_id: str, pushkey: str | None, now_us: int) -> Target:
    """Return where records may go; raises NotFound, Unauthorized, NotPublished or Disabled."""
    dataset = catalog.find(dataset_id)
    if dataset is None:
        raise NotFound(f"there is no dataset {dataset_id!r}", code="unknown_dataset")
    resource = dataset.resource(resource_id)
    if resource is None or resource.type != "realtime":
        raise NotFound(
            f"dataset {dataset_id!r} has no realtime resource {resource_id!r}", code="unknown_resource"
        )
    _check_key(resource, pushkey, now_us)
    _check_open(dataset, resource)
    return Target(dataset_id, resource_id, dataset.revision)


def pushkey_of(query: Mapping[str, str], authorization: str | None) -> str | None:
    """Return the pushkey of a request: from the query, else from the Authorization header."""
    pushkey = query.get("pushkey")
    if pushkey or authorization is None:
        return pushkey
    scheme, _, key = authorization.strip().partition(" ")
    return key.strip() if scheme.lower() in SCHEMES else None


def _check_key(resource: Resource, pushkey: str | None, now_us: int) -> None:
    if not pushkey:
        raise Unauthorized("a pushkey is required: add ?pushkey=<key>", code="missing_pushkey")
    if not pushkey.isascii() or resource.opened_by(pushkey, now_us) is None:
        raise Unauthorized("the pushkey does not open this resource", code="invalid_pushkey")


def _check_open(dataset: Dataset, resource: Resource) -> None:
    if not dataset.published:
        raise NotPublished(dataset.dataset_id)
    if not resource.enabled:
        raise Disabled(dataset.dataset_id, resource.resource_id)
