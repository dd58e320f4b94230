"""By which ways do records come in?  /datasets/{uid}/resources/."""

from functools import partial

from aiohttp import web

from gateway.admin import edits
from gateway.admin.answers import opened_resource_answer, resource_answer
from gateway.admin.changes import change
from gateway.admin.datasets import dataset_of
from gateway.admin.documents import parse_resource
from gateway.admin.names import new_pushkey, new_uid
from gateway.admin.replies import created, list_reply, read_document, reply
from gateway.keys import CATALOG, SETTINGS
from headwater.domain.datasets import Dataset


async def list_resources(request: web.Request) -> web.Response:
    """Answer one page of the resources, in the order in which they were made."""
    dataset = dataset_of(request)
    return list_reply(request, dataset.resources, partial(resource_answer, dataset))


async def create_resource(request: web.Request) -> web.Response:
    """Make a realtime resource; this answer and no later one shows its key."""
    draft = parse_resource(await read_document(request))
    uid, pushkey = new_uid("re"), new_pushkey()
    dataset = await _change(
        request, lambda present: edits.with_new_resource(present, draft, uid=uid, pushkey=pushkey)
    )
    return created(_opened(request, dataset, uid, pushkey))


async def get_resource(request: web.Request) -> web.Response:
    """Answer one resource, without its key."""
    return _reply(request, dataset_of(request))


async def put_resource(request: web.Request) -> web.Response:
    """Change a resource; its key and its resource_id stay."""
    draft = parse_resource(await read_document(request))
    uid = _uid(request)
    return _reply(
        request, await _change(request, lambda present: edits.with_changed_resource(present, uid, draft))
    )


async def delete_resource(request: web.Request) -> web.Response:
    """Delete a resource; its records stay."""
    uid = _uid(request)
    await _change(request, lambda present: edits.without_resource(present, uid))
    return web.Response(status=204)


async def enable(request: web.Request) -> web.Response:
    """Take records again."""
    return await _switch(request, enabled=True)


async def disable(request: web.Request) -> web.Response:
    """Refuse records from now on."""
    return await _switch(request, enabled=False)


async def renew_api_key(request: web.Request) -> web.Response:
    """Make another key; this answer and no later one shows it, and the old one stops at once."""
    uid, pushkey = _uid(request), new_pushkey()
    dataset = await _change(request, lambda present: edits.with_pushkey(present, uid, pushkey))
    return reply(_opened(request, dataset, uid, pushkey))


async def _switch(request: web.Request, *, enabled: bool) -> web.Response:
    uid = _uid(request)
    return _reply(
        request, await _change(request, lambda present: edits.with_enabled(present, uid, enabled=enabled))
    )


async def _change(request: web.Request, edit: edits.Edit) -> Dataset:
    return await change(request.app[CATALOG], request.match_info["uid"], edit)


def _uid(request: web.Request) -> str:
    return request.match_info["resource_uid"]


def _reply(request: web.Request, dataset: Dataset) -> web.Response:
    return reply(resource_answer(dataset, edits.resource_of(dataset, _uid(request))))


def _opened(request: web.Request, dataset: Dataset, uid: str, pushkey: str) -> dict[str, object]:
    origin = request.app[SETTINGS].public_url.rstrip("/") or str(request.url.origin())
    return opened_resource_answer(dataset, edits.resource_of(dataset, uid), pushkey, origin)
