"""How are the fields configured?  /datasets/{uid}/fields/: the steps of the configuration stack."""

from aiohttp import web

from gateway.admin import edits
from gateway.admin.answers import item_answer
from gateway.admin.changes import change
from gateway.admin.datasets import dataset_of
from gateway.admin.items import parse_item
from gateway.admin.names import new_uid
from gateway.admin.replies import created, list_reply, read_document, reply
from gateway.keys import CATALOG, SCHEMAS
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.schema import Schema


async def list_items(request: web.Request) -> web.Response:
    """Answer one page of the stack, in order."""
    return list_reply(request, dataset_of(request).fields, item_answer)


async def create_item(request: web.Request) -> web.Response:
    """Put one more step at the end of the stack."""
    kind, params = parse_item(await read_document(request))
    item = FieldItem(uid=new_uid("df"), type=kind, params=params)
    seen = _seen(request)
    await _change(request, lambda dataset: edits.with_item(dataset, item, seen))
    return created(item_answer(item))


async def get_item(request: web.Request) -> web.Response:
    """Answer one step."""
    return reply(item_answer(edits.item_of(dataset_of(request), request.match_info["item_uid"])))


async def put_item(request: web.Request) -> web.Response:
    """Replace one step in its place."""
    kind, params = parse_item(await read_document(request))
    item = FieldItem(uid=request.match_info["item_uid"], type=kind, params=params)
    seen = _seen(request)
    await _change(request, lambda dataset: edits.with_changed_item(dataset, item, seen))
    return reply(item_answer(item))


async def delete_item(request: web.Request) -> web.Response:
    """Take one step out of the stack."""
    uid = request.match_info["item_uid"]
    await _change(request, lambda dataset: edits.without_item(dataset, uid))
    return web.Response(status=204)


async def _change(request: web.Request, edit: edits.Edit) -> Dataset:
    return await change(request.app[CATALOG], request.match_info["uid"], edit)


def _seen(request: web.Request) -> Schema:
    return request.app[SCHEMAS].get(request.match_info["uid"])
