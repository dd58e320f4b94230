"""What would come of this configuration?  Previews of saved and unsaved resources and fields."""

from dataclasses import replace

from aiohttp import web

from gateway.admin.datasets import dataset_of, seen_of
from gateway.admin.documents import parse_resource
from gateway.admin.edits import resource_of
from gateway.admin.items import parse_item
from gateway.admin.members import Members
from gateway.admin.replies import read_document, reply
from gateway.admin.samples import preview, sample_rows, samples_of
from gateway.admin.stack import MAX_ITEMS, Stack, checked, stack_of
from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.fields import configure
from headwater.domain.reindex import breaks

UNSAVED = "unsaved"


async def preview_resource(request: web.Request) -> web.Response:
    """Answer the first samples of a resource as readers would see them."""
    dataset = dataset_of(request)
    resource = resource_of(dataset, request.match_info["resource_uid"])
    return _reply(request, dataset, resource)


async def preview_unsaved_resource(request: web.Request) -> web.Response:
    """Answer the same for a resource that does not exist yet."""
    draft = parse_resource(await read_document(request))
    dataset = dataset_of(request)
    resource = Resource(uid=UNSAVED, resource_id=UNSAVED, title=UNSAVED, params=draft.params)
    return _reply(request, dataset.with_resource(resource), resource)


async def preview_fields(request: web.Request) -> web.Response:
    """Answer the samples of all resources under the present stack, what waits included."""
    return _try(request, stack_of(dataset_of(request)))


async def preview_stack(request: web.Request) -> web.Response:
    """Answer the same under a stack to try, and whether it would make records again."""
    return _try(request, parse_stack(Members(await read_document(request))))


def parse_stack(members: Members) -> Stack:
    """Return the items of a stack to try. Raises InvalidDocument."""
    members.check_names({"fields"})
    return parse_items(members)


def parse_items(members: Members) -> Stack:
    """Return the items of member `fields`. Raises InvalidDocument."""
    documents = members.document.get("fields")
    if not isinstance(documents, list) or len(documents) > MAX_ITEMS:
        raise members.wrong("fields", f"a list of at most {MAX_ITEMS} items")
    inner = Members({f"fields[{index}]": one for index, one in enumerate(documents)})
    items = [parse_item(inner.inner(place).document) for place in inner.document]
    return tuple(FieldItem(uid=UNSAVED, type=kind, params=params) for kind, params in items)


def _try(request: web.Request, stack: Stack) -> web.Response:
    dataset, seen = dataset_of(request), seen_of(request)
    configuration = configure(replace(dataset, fields=checked(dataset, stack, "", seen)), seen)
    answer = preview(configuration, samples_of(dataset))
    return reply({**answer, "is_breaking": dataset.published and breaks(dataset, stack, seen)})


def _reply(request: web.Request, dataset: Dataset, resource: Resource) -> web.Response:
    configured = replace(dataset, fields=stack_of(dataset))
    return reply(preview(configure(configured, seen_of(request)), sample_rows(resource.params)))
