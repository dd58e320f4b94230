"""Optimistic changes: made again when somebody was first, given up when that does not help."""

from dataclasses import replace

import pytest

from gateway.admin.changes import MAX_ATTEMPTS, MAX_DOCUMENT_BYTES, change, present, removed
from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, InvalidDocument, NotFound
from headwater.runtime.memory.catalog import MemoryCatalog

FRESH = Dataset(uid="da_1", dataset_id="a", title="A")


class RacingCatalog(MemoryCatalog):
    """A catalog in which somebody else changes the dataset just before each of the first writes."""

    def __init__(self, races):
        super().__init__()
        self.races = races

    async def _race(self):
        if self.races:
            self.races -= 1
            now = self.get("da_1")
            await super().write(replace(now, metadata={"changes": now.revision}))

    async def write(self, dataset):
        await self._race()
        return await super().write(dataset)

    async def delete(self, dataset):
        await self._race()
        await super().delete(dataset)


async def racing(races):
    catalog = RacingCatalog(0)
    await catalog.start()
    await catalog.write(FRESH)
    catalog.races = races
    return catalog


def retitled(dataset):
    return replace(dataset, title="B")


async def test_change_keeps_what_others_changed():
    """The edit is applied to what is there now, not to what was there first."""
    catalog = await racing(2)
    changed = await change(catalog, "da_1", retitled)
    assert changed.title == "B"
    assert changed.metadata == {"changes": 2}
    assert catalog.get("da_1") == changed


async def test_change_gives_up_after_some_attempts():
    """Endless contention is told to the caller."""
    catalog = await racing(MAX_ATTEMPTS)
    with pytest.raises(Conflict):
        await change(catalog, "da_1", retitled)
    assert catalog.get("da_1").title == "A"


async def test_taken_name_is_told_at_once():
    """Trying again cannot help."""
    catalog = await racing(0)
    await catalog.write(Dataset(uid="da_2", dataset_id="b", title="B"))
    tries = []
    with pytest.raises(Conflict, match="taken"):
        await change(catalog, "da_1", lambda now: tries.append(1) or replace(now, dataset_id="b"))
    assert len(tries) == 1


async def test_edit_that_changes_nothing_writes_nothing():
    """Repeating a request adds no line to the log."""
    catalog = await racing(0)
    assert (await change(catalog, "da_1", lambda now: now)).revision == 1


async def test_document_over_the_limit_is_refused():
    """The log would not take it."""
    catalog = await racing(0)
    with pytest.raises(InvalidDocument, match="bytes"):
        await change(catalog, "da_1", lambda now: replace(now, title="x" * MAX_DOCUMENT_BYTES))


async def test_deletion_does_not_mind_other_changes():
    """Who deletes means the dataset, not a revision of it."""
    catalog = await racing(2)
    await removed(catalog, "da_1")
    with pytest.raises(NotFound):
        present(catalog, "da_1")


async def test_deletion_gives_up_too():
    """As any change."""
    catalog = await racing(MAX_ATTEMPTS)
    with pytest.raises(Conflict):
        await removed(catalog, "da_1")
