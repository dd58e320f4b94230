"""How is a dataset changed while others change it too?  Optimistically, and again when somebody was first."""

from gateway.admin.stack import Edit
from headwater.domain.datasets import Dataset, encode_dataset
from headwater.domain.errors import Conflict, InvalidDocument, NotFound
from headwater.runtime.catalog import Catalog

MAX_ATTEMPTS = 5
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024  # of the whole dataset; well below what a message may have


def present(catalog: Catalog, uid: str) -> Dataset:
    """Return the dataset with this uid. Raises NotFound."""
    dataset = catalog.get(uid)
    if dataset is None:
        raise NotFound(f"there is no dataset {uid!r}")
    return dataset


async def change(catalog: Catalog, uid: str, edit: Edit) -> Dataset:
    """Apply an edit to the present document until nobody else was first; return what was written.

    Raises what `edit` raises, NotFound, Conflict after MAX_ATTEMPTS or when the dataset_id is taken,
    InvalidDocument, BrokerUnavailable.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        dataset = present(catalog, uid)
        changed = edit(dataset)
        if changed == dataset:
            return dataset
        try:
            return await written(catalog, changed)
        except Conflict:
            owner = catalog.find(changed.dataset_id)
            if attempt == MAX_ATTEMPTS or (owner is not None and owner.uid != uid):
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


async def written(catalog: Catalog, dataset: Dataset) -> Dataset:
    """Write a dataset unless its document is too large.

    Raises InvalidDocument, Conflict, BrokerUnavailable.
    """
    size_bytes = len(encode_dataset(dataset))
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise InvalidDocument(
            "dataset",
            f"with everything in it, it would have {size_bytes} bytes; at most {MAX_DOCUMENT_BYTES}",
        )
    return await catalog.write(dataset)


async def removed(catalog: Catalog, uid: str) -> None:
    """Delete a dataset whatever its revision. Raises NotFound, Conflict, BrokerUnavailable."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return await catalog.delete(present(catalog, uid))
        except Conflict:
            if attempt == MAX_ATTEMPTS:
                raise
    return None
