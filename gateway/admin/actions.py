"""What is done with a dataset's records?  publish, unpublish, truncate, abort, recover and their like."""

from collections.abc import Callable

from aiohttp import web

from gateway.admin import life
from gateway.admin.answers import resource_answer
from gateway.admin.datasets import change_dataset, dataset_of, order_of
from gateway.admin.edits import resource_of
from gateway.admin.replies import done, read_options, reply
from gateway.admin.states import check_published
from gateway.keys import STAMPER
from headwater.domain.datasets import Dataset


async def publish(request: web.Request) -> web.Response:
    """Open a dataset for records, empty; of an open one bring the changes that wait into force."""
    order = order_of(request, await _accepts_loss(request))
    version = request.app[STAMPER].stamp()
    before = dataset_of(request)
    await change_dataset(request, lambda dataset: life.published(dataset, version, order))
    rebuilds = before.published and before.has_draft
    return done(life.loss_warning(before, "making the records again") if rebuilds else "")


async def unpublish(request: web.Request) -> web.Response:
    """Close a dataset for records and readers."""
    return await _drop(request, "unpublishing", life.unpublished)


async def truncate(request: web.Request) -> web.Response:
    """Empty a dataset; it stays open."""
    return await _drop(request, "truncating", life.truncated)


async def abort(request: web.Request) -> web.Response:
    """Stop to make the records again; what readers see stays."""
    await change_dataset(request, life.aborted)
    return done()


async def publish_metadata(request: web.Request) -> web.Response:
    """Answer that the metadata is published: it always is, from the moment of its change."""
    check_published(dataset_of(request))
    return done()


async def recover(request: web.Request) -> web.Response:
    """Bring back all that was ever archived of a resource."""
    uid = request.match_info["resource_uid"]
    order = order_of(request, await _accepts_loss(request))
    return _reply(request, await change_dataset(request, lambda dataset: life.recovered(dataset, uid, order)))


async def delete_recover_data(request: web.Request) -> web.Response:
    """Delete what was archived of a resource so far; what readers see stays."""
    uid, version = request.match_info["resource_uid"], request.app[STAMPER].stamp()
    return _reply(
        request,
        await change_dataset(request, lambda dataset: life.with_scratched_archive(dataset, uid, version)),
    )


async def clean_cache(request: web.Request) -> web.Response:
    """Answer that nothing is cached of a realtime resource."""
    resource_of(dataset_of(request), request.match_info["resource_uid"])
    return web.Response(status=204)


async def _drop(request: web.Request, doing: str, edit: Callable[[Dataset, int], Dataset]) -> web.Response:
    """Make an edit that drops the records, and say which of them cannot come back."""
    before, version = dataset_of(request), request.app[STAMPER].stamp()
    await change_dataset(request, lambda dataset: edit(dataset, version))
    return done(life.loss_warning(before, doing) if before.published else "")


async def _accepts_loss(request: web.Request) -> bool:
    return (await read_options(request)).option("accept_loss")


def _reply(request: web.Request, dataset: Dataset) -> web.Response:
    return reply(resource_answer(dataset, resource_of(dataset, request.match_info["resource_uid"])))
