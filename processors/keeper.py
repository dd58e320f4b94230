"""Where do the bytes of files go?  Into the object store, before any row that names them leaves.

While the store is away the run waits, unfinished; the bound on runs in flight stops the fetching.
"""

import asyncio

import structlog

from headwater.runtime import metrics
from headwater.runtime.files import Files, FilesUnavailable
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Op
from processors.files import FoundFile, take_files
from processors.parsing import Arrivals
from processors.settings import ProcessorSettings

log = structlog.get_logger(__name__)

NO_STORE = "files cannot be kept: no object store is set (HEADWATER_FILES_URL)"
REMOVING = frozenset({Op.DELETE, Op.DELETE_BY_ID})


class Keeper:
    """Keeps the files of records; without an object store they are values that do not fit their fields."""

    def __init__(self, settings: ProcessorSettings, files: Files | None, health: Health) -> None:
        self._settings = settings
        self._files = files
        self._health = health

    async def keep(self, dataset: str, op: Op, run: Run, arrivals: Arrivals) -> None:
        """Put descriptions in the place of the files in records; their bytes are kept on return.

        For a deletion by values the id of a file is enough.
        """
        found = take_files(run, arrivals, "" if self._files else NO_STORE)
        if op in REMOVING or self._files is None:
            return
        for one in found:
            await self._put(self._files, dataset, one)

    async def _put(self, files: Files, dataset: str, file: FoundFile) -> None:
        delay_s = self._settings.retry_first_s
        while True:
            try:
                await files.put(dataset, file.description["id"], file.content, file.description)
            except FilesUnavailable as error:
                self._health.set("files", ok=False, detail=str(error))
                metrics.RETRIES.labels(service="processors", cause="files").inc()
                log.warning("the object store is away, trying again", error=str(error), delay_s=delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, self._settings.retry_longest_s)
            else:
                self._health.set("files", ok=True)
                return
