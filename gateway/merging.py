"""May these records be merged?  Each must say which record it changes: without a key there are no merges."""

from dataclasses import replace

from headwater.domain.datasets import Dataset
from headwater.domain.errors import InvalidPush
from headwater.domain.fields import configure
from headwater.runtime.amending import amend
from headwater.runtime.catalog import Catalog


def key_names(dataset: Dataset) -> tuple[str, ...]:
    """Return under which names the key of a record is pushed. Raises InvalidPush when there is no key."""
    names = tuple(one.source for one in configure(dataset).id_fields)
    if not names:
        raise InvalidPush(
            f"dataset {dataset.dataset_id!r} has no unique key; annotate a field with `id` before you merge",
            code="merge_needs_key",
        )
    return names


def named_keys(dataset: Dataset) -> tuple[str, ...]:
    """Return the fields that each record to merge must name: none where a stack may make the key of others.

    Raises InvalidPush when there is no key.
    """
    names = key_names(dataset)
    return () if dataset.processors else names


async def ensure_patched(catalog: Catalog, dataset: Dataset) -> None:
    """Let readers know that records may have been merged, before the first one is.

    Raises what `amend` raises.
    """
    if not dataset.patched:
        await amend(catalog, dataset.uid, lambda present: replace(present, patched=True))
