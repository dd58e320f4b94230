"""Where do the bytes of files go?  Into the object store, before any row that names them leaves.

While the store is away the run waits, unfinished (persistence.py).
"""

from functools import partial

from headwater.runtime.files import Files, FilesUnavailable
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.topics import Op
from processors.files import take_files
from processors.parsing import Arrivals
from processors.persistence import Persistence
from processors.settings import ProcessorSettings

NO_STORE = "files cannot be kept: no object store is set (HEADWATER_FILES_URL)"
REMOVING = frozenset({Op.DELETE, Op.DELETE_BY_ID})


class Keeper:
    """Keeps the files of records; without an object store they are values that do not fit their fields."""

    def __init__(self, settings: ProcessorSettings, files: Files | None, health: Health) -> None:
        self._files = files
        self._persistence = Persistence(
            settings, health, check="files", cause="files", failure=FilesUnavailable
        )

    async def keep(self, dataset: str, op: Op, run: Run, arrivals: Arrivals) -> None:
        """Put descriptions in the place of the files in records; their bytes are kept on return.

        For a deletion by values the id of a file is enough.
        """
        found = take_files(run, arrivals, "" if self._files else NO_STORE)
        if op in REMOVING or self._files is None:
            return
        for one in found:
            description, put = one.description, self._files.put
            await self._persistence.persist(
                partial(put, dataset, description["id"], one.content, description)
            )
