"""Which datasets are there, and what is done with one?  /datasets/ and /datasets/{uid}/."""

from aiohttp import web

from gateway.admin import edits
from gateway.admin.answers import dataset_answer, iso_moment, status_answer
from gateway.admin.changes import change, present, removed, written
from gateway.admin.documents import DatasetDraft, parse_dataset
from gateway.admin.names import new_uid, numbered_dataset_id, slug_of
from gateway.admin.replies import DONE, created, list_reply, read_document, reply
from gateway.keys import CATALOG, CLOCK, STAMPER
from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, InvalidDocument

MAX_ATTEMPTS = 5


async def list_datasets(request: web.Request) -> web.Response:
    """Answer one page of all datasets, by dataset_id."""
    return list_reply(request, request.app[CATALOG].all(), dataset_answer)


async def create_dataset(request: web.Request) -> web.Response:
    """Make a dataset; without a dataset_id it is named after its title."""
    draft = parse_dataset(await read_document(request))
    if draft.dataset_id is None and draft.title is None:
        raise InvalidDocument("dataset_id", "expected a dataset_id, or metadata.default.title.value")
    created_at = iso_moment(request.app[CLOCK].now_us())
    for attempt in range(1, MAX_ATTEMPTS + 1):
        dataset_id = draft.dataset_id or _free_dataset_id(request, draft)
        fresh = edits.new_dataset(draft, uid=new_uid("da"), dataset_id=dataset_id, created_at=created_at)
        try:
            return created(dataset_answer(await written(request.app[CATALOG], fresh)))
        except Conflict:  # a name that we chose ourselves may have been taken meanwhile
            if draft.dataset_id is not None or attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _free_dataset_id(request: web.Request, draft: DatasetDraft) -> str:
    slug = slug_of(draft.title or "", joint="-", fallback="dataset")
    return numbered_dataset_id(slug, lambda name: request.app[CATALOG].find(name) is not None)


async def get_dataset(request: web.Request) -> web.Response:
    """Answer one dataset."""
    return reply(dataset_answer(dataset_of(request)))


async def put_dataset(request: web.Request) -> web.Response:
    """Change a dataset; what the document does not mention stays."""
    draft = parse_dataset(await read_document(request))
    changed = await change(
        request.app[CATALOG],
        request.match_info["uid"],
        lambda dataset: edits.changed_dataset(dataset, draft),
    )
    return reply(dataset_answer(changed))


async def delete_dataset(request: web.Request) -> web.Response:
    """Delete a dataset with its resources and configuration."""
    await removed(request.app[CATALOG], request.match_info["uid"])
    return web.Response(status=204)


async def publish(request: web.Request) -> web.Response:
    """Open a dataset for records; it starts empty."""
    version = request.app[STAMPER].stamp()
    await change(
        request.app[CATALOG],
        request.match_info["uid"],
        lambda dataset: edits.published(dataset, version),
    )
    return reply(DONE)


async def unpublish(request: web.Request) -> web.Response:
    """Close a dataset for records and readers."""
    await change(request.app[CATALOG], request.match_info["uid"], edits.unpublished)
    return reply(DONE)


async def get_status(request: web.Request) -> web.Response:
    """Answer the state of a dataset."""
    return reply(status_answer(dataset_of(request)))


def dataset_of(request: web.Request) -> Dataset:
    """Return the dataset that the path names. Raises NotFound."""
    return present(request.app[CATALOG], request.match_info["uid"])
