"""What is left of a deleted dataset in the object store?  Its files, which are removed here.

Repeatable, and any number of sinks may do it at once. While the object store is away it is tried again.
"""

import asyncio

import structlog

from headwater.domain.datasets import Dataset
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.files import Files, FilesUnavailable

log = structlog.get_logger(__name__)


class Leftovers:
    """Removes the files of datasets that are deleted."""

    def __init__(self, files: Files, catalog: Catalog, *, retry_s: float) -> None:
        self._files = files
        self._retry_s = retry_s
        self._left: dict[str, None] = {}  # uids, oldest first
        self._news = asyncio.Event()
        catalog.subscribe(self._changed)

    async def run(self) -> None:
        """Remove the files of each dataset that is deleted, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._left:
                uid = next(iter(self._left))
                await self._drop(uid)
                del self._left[uid]

    async def _drop(self, uid: str) -> None:
        while True:
            try:
                await self._files.drop(uid)
            except FilesUnavailable as error:
                metrics.RETRIES.labels(service="sinks", cause="files").inc()
                log.warning("the object store is away, trying again", dataset=uid, error=str(error))
                await asyncio.sleep(self._retry_s)
            else:
                return

    def _changed(self, old: Dataset | None, new: Dataset | None) -> None:
        if old is not None and new is None:
            self._left[old.uid] = None
            self._news.set()
