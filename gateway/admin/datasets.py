"""Which datasets are there, and what is done with one?  /datasets/ and /datasets/{uid}/."""

from collections.abc import Callable

from aiohttp import web

from gateway.access import caller_of
from gateway.admin import edits
from gateway.admin.answers import dataset_answer, iso_moment
from gateway.admin.changes import change, present, removed, written
from gateway.admin.documents import parse_dataset
from gateway.admin.life import Order, with_history
from gateway.admin.members import MAX_TITLE_LENGTH, Members
from gateway.admin.names import SLUG, SLUG_RULE, new_uid, numbered_dataset_id, slug_of
from gateway.admin.replies import created, list_reply, read_document, read_options, reply
from gateway.admin.stack import Edit
from gateway.keys import CATALOG, CLOCK, SCHEMAS
from headwater.domain.apikeys import KeyScope
from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, InvalidDocument
from headwater.domain.schema import Schema

MAX_ATTEMPTS = 5


async def list_datasets(request: web.Request) -> web.Response:
    """Answer one page of the datasets that the caller may manage, by dataset_id."""
    caller = caller_of(request)
    own = [one for one in request.app[CATALOG].all() if caller and caller.may(KeyScope.PUBLISH, one.uid)]
    return list_reply(request, own, dataset_answer)


async def create_dataset(request: web.Request) -> web.Response:
    """Make a dataset; without a dataset_id it is named after its title."""
    draft = parse_dataset(await read_document(request))
    if draft.dataset_id is None and draft.title is None:
        raise InvalidDocument("dataset_id", "expected a dataset_id, or metadata.default.title.value")
    created_at = iso_moment(request.app[CLOCK].now_us())

    def make(dataset_id: str) -> Dataset:
        return edits.new_dataset(draft, uid=new_uid("da"), dataset_id=dataset_id, created_at=created_at)

    slug = slug_of(draft.title or "", joint="-", fallback="dataset")
    return created(dataset_answer(await written_as(request, draft.dataset_id, slug, make)))


async def copy_dataset(request: web.Request) -> web.Response:
    """Make an unpublished dataset with the same configuration; the resources of the copy have no keys yet."""
    original = dataset_of(request)
    options = await read_options(request)
    options.check_names({"dataset_id", "title"})
    wanted = options.matching("dataset_id", SLUG, SLUG_RULE) if "dataset_id" in options else None
    title = options.optional_text("title") or f"{original.title[: MAX_TITLE_LENGTH - 7]} (copy)"
    created_at = iso_moment(request.app[CLOCK].now_us())

    def make(dataset_id: str) -> Dataset:
        return edits.copied(
            original, uid=new_uid("da"), dataset_id=dataset_id, title=title, created_at=created_at
        )

    slug = slug_of(title, joint="-", fallback="dataset")
    return created(dataset_answer(await written_as(request, wanted, slug, make)))


async def written_as(
    request: web.Request, wanted: str | None, slug: str, make: Callable[[str], Dataset]
) -> Dataset:
    """Write a new dataset under the dataset_id that was asked for, or under the slug or one near it.

    Raises Conflict when the one asked for is taken, InvalidDocument, BrokerUnavailable.
    """
    catalog = request.app[CATALOG]
    for attempt in range(1, MAX_ATTEMPTS + 1):
        free = wanted or numbered_dataset_id(slug, lambda name: catalog.find(name) is not None)
        try:
            return await written(catalog, make(free))
        except Conflict:  # a name that we chose ourselves may have been taken meanwhile
            if wanted is not None or attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


async def get_dataset(request: web.Request) -> web.Response:
    """Answer one dataset."""
    return reply(dataset_answer(dataset_of(request)))


async def put_dataset(request: web.Request) -> web.Response:
    """Change a dataset; what the document does not mention stays."""
    draft = parse_dataset(await read_document(request))
    order = order_of(request, Members(request.query).option("accept_loss"))

    def edit(dataset: Dataset) -> Dataset:
        changed = edits.changed_dataset(dataset, draft)
        return changed if draft.history is None else with_history(changed, order, history=draft.history)

    return reply(dataset_answer(await change_dataset(request, edit)))


async def delete_dataset(request: web.Request) -> web.Response:
    """Delete a dataset with its resources and configuration."""
    await removed(request.app[CATALOG], request.match_info["uid"])
    return web.Response(status=204)


def dataset_of(request: web.Request) -> Dataset:
    """Return the dataset that the path names. Raises NotFound."""
    return present(request.app[CATALOG], request.match_info["uid"])


async def change_dataset(request: web.Request, edit: Edit) -> Dataset:
    """Apply an edit to the dataset that the path names; return what was written. Raises as `change`."""
    return await change(request.app[CATALOG], request.match_info["uid"], edit)


def seen_of(request: web.Request) -> Schema:
    """Return what was met so far in the records of the dataset that the path names."""
    return request.app[SCHEMAS].get(request.match_info["uid"])


def order_of(request: web.Request, accept_loss: bool = False) -> Order:
    """Return what a build is called if the request makes one necessary."""
    return Order(uid=new_uid("bu"), now_us=request.app[CLOCK].now_us(), accept_loss=accept_loss)
