"""Which path serves a file?  The spellings of both read APIs and of the portal.

Source: reference, fields, section 1 (file): clients build these URLs themselves.
"""

import re
from functools import partial

from aiohttp import hdrs, web

from gateway.keys import FILES
from gateway.search.datasets import dataset_of
from gateway.search.file_answers import file_answer, is_known_already
from gateway.search.thumbnails import THUMBNAIL_TYPE, make_thumbnail
from headwater.domain.datasets import Dataset
from headwater.domain.errors import NotFound
from headwater.runtime.files import KeptFile

PATHS = (
    "/api/explore/v2.1/catalog/datasets/{dataset_id}/files/{file_id}",
    "/api/datasets/1.0/{dataset_id}/files/{file_id}",
    "/explore/dataset/{dataset_id}/files/{file_id}",
)
THUMBNAIL_SIZES = (100, 300, 600)  # pixels of the longer side
_FILE_ID = re.compile(r"[0-9a-f]{40}")


def add_routes(app: web.Application) -> None:
    """Serve files; the application has CATALOG, FILES and what readers' keys need."""
    for path in PATHS:
        for slash in ("", "/"):
            app.router.add_get(path + slash, get_file)
            app.router.add_get(f"{path}/download{slash}", partial(get_file, download=True))
            for size in THUMBNAIL_SIZES:
                app.router.add_get(f"{path}/{size}{slash}", partial(get_thumbnail, size=size))


async def get_file(request: web.Request, *, download: bool = False) -> web.StreamResponse:
    """Answer the bytes as they were pushed."""
    dataset, file_id = _asked_for(request)
    if is_known_already(request, file_id):
        return web.Response(status=304, headers={hdrs.ETAG: f'"{file_id}"'})
    kept = await _kept(request, dataset, file_id)
    return file_answer(kept, etag=file_id, public=not dataset.restricted, download=download)


async def get_thumbnail(request: web.Request, *, size: int) -> web.StreamResponse:
    """Answer a smaller image, made at the first request and then kept."""
    dataset, file_id = _asked_for(request)
    etag, variant = f"{file_id}-{size}", f"{size}"
    if is_known_already(request, etag):
        return web.Response(status=304, headers={hdrs.ETAG: f'"{etag}"'})
    files = request.app[FILES]
    made = await files.get_variant(dataset.uid, file_id, variant)
    if made is None:
        kept = await _kept(request, dataset, file_id)
        made = await make_thumbnail(kept.content, size)
        if made is None:
            raise NotFound(f"file {file_id} is no image that a thumbnail can be made of")
        await files.put_variant(dataset.uid, file_id, variant, made)
    thumbnail = KeptFile(made, {"mimetype": THUMBNAIL_TYPE, "filename": f"{file_id}-{size}.webp"})
    return file_answer(thumbnail, etag=etag, public=not dataset.restricted, download=False)


def _asked_for(request: web.Request) -> tuple[Dataset, str]:
    """Return the dataset and the file id of a path. Raises NotFound, and what a reader's key may meet."""
    dataset = dataset_of(request)
    file_id = request.match_info["file_id"].lower()
    if not _FILE_ID.fullmatch(file_id):
        raise NotFound(f"dataset {dataset.dataset_id} has no file {file_id[:60]!r}")
    return dataset, file_id


async def _kept(request: web.Request, dataset: Dataset, file_id: str) -> KeptFile:
    kept = await request.app[FILES].get(dataset.uid, file_id)
    if kept is None:
        raise NotFound(f"dataset {dataset.dataset_id} has no file {file_id}")
    return kept
