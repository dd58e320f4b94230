"""How do records change their dataset's document?  Optimistically, and again when somebody was first."""

from collections.abc import Callable

from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, NotFound
from headwater.runtime.catalog import Catalog

MAX_ATTEMPTS = 10


async def amend(catalog: Catalog, uid: str, change: Callable[[Dataset], Dataset]) -> Dataset:
    """Apply a change that may be repeated; return the document once it is as wanted, written or already so.

    Raises NotFound when the dataset has gone, Conflict when others were first too often, BrokerUnavailable.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        present = catalog.get(uid)
        if present is None:
            raise NotFound("the dataset was deleted meanwhile", code="unknown_dataset")
        changed = change(present)
        if changed == present:
            return present
        try:
            return await catalog.write(changed)
        except Conflict:
            if attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")
