"""How does a dataset become exactly the records of one request?

The records are stored under a version V and what follows it. Once they are searchable, the dataset's floor is
raised to V by one change of its document: in that moment everything older is no longer shown. Until then
readers see the old records and the new; records pushed after the sync began stay. Of two syncs the later
decides. A record that its dataset refuses is not in the set, it is in quarantine. If the process dies or the
time is over in between, the floor is where it was, and the sync can be repeated.
"""

from dataclasses import dataclass, replace

from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, SyncUnfinished
from headwater.domain.tables import patches_table, rows_table
from headwater.runtime.amending import amend
from headwater.runtime.catalog import Catalog
from headwater.runtime.store import Relation, Store, UnknownTable


@dataclass(frozen=True, slots=True)
class Floor:
    """Raises a dataset's floor."""

    catalog: Catalog
    store: Store

    async def raise_to(self, uid: str, version: int) -> int:
        """Hide what is older than a version; return how many records that removed.

        Only for records that are searchable already. Raises SyncUnfinished when others changed the dataset
        all the time, NotFound, BrokerUnavailable, StoreUnavailable; repeating is safe.
        """
        before = after = 0
        if (dataset := self.catalog.get(uid)) is not None and dataset.sync_version < version:
            before = await self._count(dataset, dataset.sync_version)
            after = await self._count(dataset, version)
        try:
            await amend(self.catalog, uid, lambda present: _raised(present, version))
        except Conflict as error:
            raise SyncUnfinished("the dataset was changed by others all the time") from error
        return max(0, before - after)

    async def _count(self, dataset: Dataset, since: int) -> int:
        uid, generation = dataset.uid, dataset.generation
        relation = Relation(
            table=rows_table(uid, generation).name,
            since=since,
            patches=patches_table(uid, generation).name if dataset.patched else "",
        )
        try:
            return await self.store.count(relation)
        except UnknownTable:  # nothing was stored yet
            return 0


def _raised(dataset: Dataset, version: int) -> Dataset:
    return replace(dataset, sync_version=max(version, dataset.sync_version))
