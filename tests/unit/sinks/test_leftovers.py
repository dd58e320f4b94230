"""What is left of a deleted dataset in the object store?"""

import asyncio

from headwater.domain.datasets import Dataset
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.files import MemoryFiles
from sinks.leftovers import Leftovers


async def test_files_of_a_deleted_dataset_are_removed(eventually):
    """Those of others stay; an object store that is away is asked again."""
    catalog, files = MemoryCatalog(MemoryLog()), MemoryFiles()
    leftovers = Leftovers(files, catalog, retry_s=0.001)
    await catalog.start()
    written = [
        await catalog.write(Dataset(uid=f"da_{name}", dataset_id=name, title=name)) for name in ("a", "b")
    ]
    for one in written:
        await files.put(one.uid, "0" * 40, b"x", {})
    running = asyncio.create_task(leftovers.run())
    files.available = False

    await catalog.delete(written[0])
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(files.kept) == 2
    files.available = True

    await eventually(lambda: [uid for uid, _ in files.kept] == ["da_b"])
    running.cancel()
