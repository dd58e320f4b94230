"""By which ways do records come in?  /datasets/{uid}/resources/."""

from functools import partial

from aiohttp import web

from gateway.admin import edits, keyring
from gateway.admin.answers import iso_moment, resource_answer
from gateway.admin.datasets import change_dataset, dataset_of, seen_of
from gateway.admin.documents import MAX_GRACE_SECONDS, parse_resource
from gateway.admin.keys import opened
from gateway.admin.names import new_pushkey, new_uid
from gateway.admin.replies import created, list_reply, read_document, read_options, reply
from gateway.keys import CLOCK, STAMPER
from headwater.domain.datasets import Dataset


async def list_resources(request: web.Request) -> web.Response:
    """Answer one page of the resources, in the order in which they were made."""
    dataset = dataset_of(request)
    return list_reply(request, dataset.resources, partial(resource_answer, dataset))


async def create_resource(request: web.Request) -> web.Response:
    """Make a realtime resource; this answer and no later one shows its key."""
    draft = parse_resource(await read_document(request))
    uid, pushkey, seen = new_uid("re"), new_pushkey(), seen_of(request)
    key = keyring.new_key(pushkey, iso_moment(request.app[CLOCK].now_us()))
    version = request.app[STAMPER].stamp()
    dataset = await change_dataset(
        request,
        lambda present: edits.with_new_resource(present, draft, seen, uid=uid, key=key, version=version),
    )
    return created(opened(request, dataset, uid, pushkey))


async def get_resource(request: web.Request) -> web.Response:
    """Answer one resource, without its keys."""
    return _reply(request, dataset_of(request))


async def put_resource(request: web.Request) -> web.Response:
    """Change a resource; its keys and its resource_id stay."""
    draft = parse_resource(await read_document(request))
    uid, seen, version = _uid(request), seen_of(request), request.app[STAMPER].stamp()
    dataset = await change_dataset(
        request, lambda present: edits.with_changed_resource(present, uid, draft, seen, version=version)
    )
    return _reply(request, dataset)


async def delete_resource(request: web.Request) -> web.Response:
    """Delete a resource; its records stay."""
    uid, seen = _uid(request), seen_of(request)
    await change_dataset(request, lambda present: edits.without_resource(present, uid, seen))
    return web.Response(status=204)


async def enable(request: web.Request) -> web.Response:
    """Take records again."""
    return await _switch(request, enabled=True)


async def disable(request: web.Request) -> web.Response:
    """Refuse records from now on."""
    return await _switch(request, enabled=False)


async def renew_api_key(request: web.Request) -> web.Response:
    """Make another key; this answer and no later one shows it, and the old ones stop after the grace."""
    options = await read_options(request)
    grace_seconds = options.count("grace_seconds", MAX_GRACE_SECONDS) if "grace_seconds" in options else None
    uid, pushkey, now_us = _uid(request), new_pushkey(), request.app[CLOCK].now_us()
    key = keyring.new_key(pushkey, iso_moment(now_us))
    dataset = await change_dataset(
        request, lambda present: keyring.renewed(present, uid, key, now_us, grace_seconds)
    )
    return reply(opened(request, dataset, uid, pushkey))


async def _switch(request: web.Request, *, enabled: bool) -> web.Response:
    uid = _uid(request)
    dataset = await change_dataset(request, lambda present: edits.with_enabled(present, uid, enabled=enabled))
    return _reply(request, dataset)


def _uid(request: web.Request) -> str:
    return request.match_info["resource_uid"]


def _reply(request: web.Request, dataset: Dataset) -> web.Response:
    return reply(resource_answer(dataset, edits.resource_of(dataset, _uid(request))))
