"""How are the fields configured?  /datasets/{uid}/fields/: the steps of the configuration stack."""

from aiohttp import web

from gateway.admin import stack
from gateway.admin.answers import item_answer
from gateway.admin.datasets import change_dataset, dataset_of, seen_of
from gateway.admin.items import parse_item
from gateway.admin.names import new_uid
from gateway.admin.replies import created, list_reply, read_document, reply
from headwater.domain.datasets import FieldItem


async def list_items(request: web.Request) -> web.Response:
    """Answer one page of the stack, in order; with the changes that wait for the next publication."""
    return list_reply(request, stack.stack_of(dataset_of(request)), item_answer)


async def create_item(request: web.Request) -> web.Response:
    """Put one more step at the end of the stack."""
    kind, params = parse_item(await read_document(request))
    item = FieldItem(uid=new_uid("df"), type=kind, params=params)
    seen = seen_of(request)
    await change_dataset(request, lambda dataset: stack.with_item(dataset, item, seen))
    return created(item_answer(item))


async def get_item(request: web.Request) -> web.Response:
    """Answer one step."""
    return reply(item_answer(stack.item_of(dataset_of(request), request.match_info["item_uid"])))


async def put_item(request: web.Request) -> web.Response:
    """Replace one step in its place."""
    kind, params = parse_item(await read_document(request))
    item = FieldItem(uid=request.match_info["item_uid"], type=kind, params=params)
    seen = seen_of(request)
    await change_dataset(request, lambda dataset: stack.with_changed_item(dataset, item, seen))
    return reply(item_answer(item))


async def delete_item(request: web.Request) -> web.Response:
    """Take one step out of the stack."""
    uid, seen = request.match_info["item_uid"], seen_of(request)
    await change_dataset(request, lambda dataset: stack.without_item(dataset, uid, seen))
    return web.Response(status=204)
