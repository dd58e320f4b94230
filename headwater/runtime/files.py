"""Where do the bytes of pushed files lie?  The port, and an object store of any kind behind it by fsspec.

A file is kept once for each dataset, under the SHA-1 of its content, so putting it again changes nothing.
Its description (JSON) is written after its content: a file that has one is complete.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import fsspec
import orjson

from headwater.domain.errors import HeadwaterError, Unavailable
from headwater.runtime.settings import FilesSettings

AT_ONCE = 8  # operations of one process that the object store has under way
DESCRIPTION = "json"


class FilesUnavailable(Unavailable):
    """The object store does not answer or cannot now; repeating is safe."""


class NoFiles(HeadwaterError):
    """No object store is set, so nothing can be kept."""

    code = "no_file_store"

    def __init__(self) -> None:
        super().__init__("no object store for files is set: give HEADWATER_FILES_URL")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it was pushed, and what is known of it (domain.files.StoredFile's members)."""

    content: bytes
    description: Mapping[str, Any]


class Files(Protocol):
    """The object store. Every method raises FilesUnavailable, or NoFiles where none is set."""

    async def put(self, dataset: str, file_id: str, content: bytes, description: Mapping[str, Any]) -> None:
        """Keep a file; durable on return. Repeating is harmless."""
        ...

    async def get(self, dataset: str, file_id: str) -> KeptFile | None:
        """Return a file that was put completely."""
        ...

    async def put_variant(self, dataset: str, file_id: str, variant: str, content: bytes) -> None:
        """Keep something that was made from a file, such as a thumbnail."""
        ...

    async def get_variant(self, dataset: str, file_id: str, variant: str) -> bytes | None:
        """Return what was made from a file before."""
        ...

    async def drop(self, dataset: str) -> None:
        """Remove all files of a dataset."""
        ...


def open_files(settings: FilesSettings) -> Files:
    """Return the object store of the settings; opens nothing yet."""
    return StoreOfFiles(settings.url)


class StoreOfFiles:
    """The object store at an fsspec URL: a folder, s3://, gs://, abfs://, memory://, ...; empty: none."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def put(self, dataset: str, file_id: str, content: bytes, description: Mapping[str, Any]) -> None:
        if await self._do(_exists, dataset, file_id, DESCRIPTION):
            return
        await self._do(_write, dataset, file_id, "", content)
        await self._do(_write, dataset, file_id, DESCRIPTION, orjson.dumps(dict(description)))

    async def get(self, dataset: str, file_id: str) -> KeptFile | None:
        description = await self._do(_read, dataset, file_id, DESCRIPTION)
        content = None if description is None else await self._do(_read, dataset, file_id, "")
        if description is None or content is None:
            return None
        return KeptFile(content, orjson.loads(description))

    async def put_variant(self, dataset: str, file_id: str, variant: str, content: bytes) -> None:
        await self._do(_write, dataset, file_id, variant, content)

    async def get_variant(self, dataset: str, file_id: str, variant: str) -> bytes | None:
        found: bytes | None = await self._do(_read, dataset, file_id, variant)
        return found

    async def drop(self, dataset: str) -> None:
        await self._do(_drop, dataset)

    async def _do(self, work: Any, *arguments: Any) -> Any:
        """Run a blocking operation beside the event loop, a bounded number at once."""
        if not self._url:
            raise NoFiles
        async with self._slots:
            try:
                return await asyncio.to_thread(work, self._url, *arguments)
            except (OSError, TimeoutError) as error:
                raise FilesUnavailable(f"the object store cannot now: {error!r}"[:500]) from error


def _exists(url: str, dataset: str, file_id: str, part: str) -> bool:
    files, root = fsspec.core.url_to_fs(url)
    return bool(files.exists(_path(root, dataset, file_id, part)))


def _read(url: str, dataset: str, file_id: str, part: str) -> bytes | None:
    files, root = fsspec.core.url_to_fs(url)
    try:
        content: bytes = files.cat_file(_path(root, dataset, file_id, part))
    except FileNotFoundError:
        return None
    return content


def _write(url: str, dataset: str, file_id: str, part: str, content: bytes) -> None:
    """Write under another name first where a half-written file could be seen: in a folder."""
    files, root = fsspec.core.url_to_fs(url)
    path = _path(root, dataset, file_id, part)
    files.makedirs(path.rpartition("/")[0], exist_ok=True)
    if "file" not in files.protocol:
        files.pipe_file(path, content)
        return
    partial = f"{path}.{uuid4().hex}.partial"
    with files.open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)  # noqa: PTH105 - a path of fsspec


def _drop(url: str, dataset: str) -> None:
    files, root = fsspec.core.url_to_fs(url)
    folder = f"{root.rstrip('/')}/{dataset}"
    if files.exists(folder):
        files.rm(folder, recursive=True)


def _path(root: str, dataset: str, file_id: str, part: str) -> str:
    return f"{root.rstrip('/')}/{dataset}/{file_id[:2]}/{file_id}" + (f".{part}" if part else "")
