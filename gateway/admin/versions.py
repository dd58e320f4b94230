"""How was a dataset configured before?  /datasets/{uid}/versions/ and the way back to one.

A version (`ch_` and the revision of the document) is the configuration: title, metadata, fields and how
resources are set. Keys, secrets, who may read, and whether resources are enabled are not part of it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from gateway.admin.answers import dataset_answer, iso_stored, item_answer
from gateway.admin.datasets import change_dataset, dataset_of, order_of, seen_of
from gateway.admin.life import Order, with_history
from gateway.admin.pages import parse_page
from gateway.admin.replies import page_reply, read_options, reply
from gateway.admin.stack import checked, with_bootstrap, with_processors, with_stack
from gateway.keys import STORE
from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem, Resource
from headwater.domain.errors import NotFound
from headwater.domain.schema import Schema

PREFIX = "ch_"
MAX_DIGITS = 18
_SHOWN = ("title", "metadata", "on_error", "on_processor_error", "history", "resources")


async def list_versions(request: web.Request) -> web.Response:
    """Answer one page of the versions of a dataset, the newest first."""
    dataset, page = dataset_of(request), parse_page(request.query)
    store = request.app[STORE]
    total, found = await asyncio.gather(
        store.count_dataset_versions(dataset.uid),
        store.dataset_versions(dataset.uid, page.limit, page.offset),
    )
    results = [
        {"uid": f"{PREFIX}{revision}", "revision": revision, "saved_at": iso_stored(saved_at)}
        for revision, saved_at in found
    ]
    return page_reply(request, page, results, total)


async def get_version(request: web.Request) -> web.Response:
    """Answer one version: the configuration as it was."""
    document, revision = await _version(request)
    shown = {name: document.get(name) for name in _SHOWN}
    return reply(
        {
            "uid": f"{PREFIX}{revision}",
            "revision": revision,
            **shown,
            "processors": document.get("processors", []),
            "fields": [item_answer(FieldItem.from_json(one)) for one in document.get("fields", [])],
        }
    )


async def restore_version(request: web.Request) -> web.Response:
    """Configure a dataset as it was; what would store records otherwise waits for the next publication."""
    order = order_of(request, (await read_options(request)).option("accept_loss"))
    document, _ = await _version(request)
    seen = seen_of(request)
    changed = await change_dataset(request, lambda dataset: restored(dataset, document, seen, order))
    return reply(dataset_answer(changed))


def restored(dataset: Dataset, document: Mapping[str, Any], seen: Schema, order: Order) -> Dataset:
    """Return the dataset configured as a version says; resources that are gone since stay gone.

    Raises InvalidStatus while a build goes on, InvalidDocument when two fields would have one name now,
    Conflict when another history would lose records.
    """
    fields = tuple(map(FieldItem.from_json, document.get("fields", [])))
    processors = tuple(map(ProcessorItem.from_json, document.get("processors", [])))
    was = {one["uid"]: one for one in document.get("resources", [])}
    resources = tuple(_restored_resource(one, was.get(one.uid)) for one in dataset.resources)
    titled = replace(
        dataset,
        title=document.get("title", dataset.title),
        metadata=document.get("metadata", dataset.metadata),
        on_error=document.get("on_error", dataset.on_error),
        on_processor_error=document.get("on_processor_error", dataset.on_processor_error),
    )
    declared = with_bootstrap(titled, replace(titled, resources=resources), seen)
    stacked = with_stack(declared, checked(declared, fields, "", seen), seen)
    stacked = with_processors(stacked, processors, seen)
    return with_history(stacked, order, history=document.get("history", dataset.history))


def _restored_resource(resource: Resource, was: Mapping[str, Any] | None) -> Resource:
    """Return a resource as it was set; recovery stays as it is now: the archive has what it has."""
    if was is None:
        return resource
    params = {**was["params"], "recovery": resource.recovers}
    return replace(resource, title=was["title"], params=params)


async def _version(request: web.Request) -> tuple[Mapping[str, Any], int]:
    dataset, name = dataset_of(request), request.match_info["version_uid"]
    digits = name.removeprefix(PREFIX)
    if name.startswith(PREFIX) and digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS:
        document = await request.app[STORE].dataset_version(dataset.uid, int(digits))
        if document is not None:
            return document, int(digits)
    raise NotFound(f"dataset {dataset.uid} has no version {name!r}")
