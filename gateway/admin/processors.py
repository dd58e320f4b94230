"""What does the stack of a dataset do?  /processors/types/ and /datasets/{uid}/processors/.

What a processor is, only processors know: they are asked (runtime/workbench.py) before anything is saved.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.access import authorise, caller_of
from gateway.admin import stack
from gateway.admin.answers import list_answer, processor_answer
from gateway.admin.datasets import change_dataset, dataset_of, seen_of
from gateway.admin.members import Members
from gateway.admin.names import new_uid
from gateway.admin.replies import created, list_reply, read_document, reply
from gateway.keys import ACTIVITY, CATALOG, WORKBENCH
from headwater.domain.apikeys import KeyScope
from headwater.domain.datasets import Dataset, ProcessorItem
from headwater.domain.fields import bootstrap_types, configure
from headwater.domain.inference import schema_of
from headwater.domain.schema import Schema

ASK_TIMEOUT_S = 10.0


async def list_kinds(request: web.Request) -> web.Response:
    """Answer all kinds of processors with their parameters at once: what a user interface needs."""
    told = await request.app[WORKBENCH].ask({"kind": "kinds"}, ASK_TIMEOUT_S)
    found = told["kinds"]
    return reply(list_answer(found, total=len(found), next_url=None, previous_url=None))


async def list_processors(request: web.Request) -> web.Response:
    """Answer one page of the stack, in order; with the changes that wait for the next publication."""
    return list_reply(request, stack.processors_of(dataset_of(request)), processor_answer)


async def create_processor(request: web.Request) -> web.Response:
    """Put one more processor at the end of the stack."""
    document = await read_document(request)
    present = stack.processors_of(dataset_of(request))
    documents = [*map(ProcessorItem.to_json, present), document]
    [item] = await checked_items(request, documents, [len(present)])
    await _change(request, lambda dataset: (*stack.processors_of(dataset), item))
    return created(processor_answer(item))


async def get_processor(request: web.Request) -> web.Response:
    """Answer one processor."""
    item = stack.processor_of(dataset_of(request), request.match_info["processor_uid"])
    return reply(processor_answer(item))


async def put_processor(request: web.Request) -> web.Response:
    """Replace one processor in its place."""
    document = await read_document(request)
    old = stack.processor_of(dataset_of(request), request.match_info["processor_uid"])
    present = stack.processors_of(dataset_of(request))
    place = present.index(old)
    documents = [one.to_json() for one in present]
    documents[place] = {**document, "uid": old.uid}
    [item] = await checked_items(request, documents, [place])

    def replaced(dataset: Dataset) -> stack.Processors:
        stack.processor_of(dataset, old.uid)
        return tuple(item if one.uid == old.uid else one for one in stack.processors_of(dataset))

    await _change(request, replaced)
    return reply(processor_answer(item))


async def put_processors(request: web.Request) -> web.Response:
    """Replace the whole stack: another order, several changes at once, or what it was before."""
    documents = listed(Members(await read_document(request)))
    items = await checked_items(request, documents, range(len(documents)))
    changed = await _change(request, lambda _: items)
    return list_reply(request, stack.processors_of(changed), processor_answer)


async def delete_processor(request: web.Request) -> web.Response:
    """Take one processor out of the stack."""
    uid = request.match_info["processor_uid"]

    def without(dataset: Dataset) -> stack.Processors:
        gone = stack.processor_of(dataset, uid)
        return tuple(one for one in stack.processors_of(dataset) if one is not gone)

    await _change(request, without)
    return web.Response(status=204)


def listed(members: Members) -> list[Mapping[str, Any]]:
    """Return the documents of a whole stack. Raises InvalidDocument."""
    members.check_names({"processors"})
    documents = members.document.get("processors")
    if not isinstance(documents, list) or len(documents) > stack.MAX_PROCESSORS:
        raise members.wrong("processors", f"a list of at most {stack.MAX_PROCESSORS} processors")
    inner = Members({f"processors[{place}]": one for place, one in enumerate(documents)})
    return [inner.inner(name).document for name in inner.document]


async def checked_items(
    request: web.Request,
    documents: Sequence[Mapping[str, Any]],
    places: Sequence[int],
    samples: Sequence[Mapping[str, Any]] = (),
) -> tuple[ProcessorItem, ...]:
    """Return the processors at these places of a stack, checked; known uids are kept, others are new.

    Fields that `samples` have may be named, too.
    Raises InvalidDocument with the parameter to blame, Forbidden, ProcessorsUnavailable.
    """
    dataset = dataset_of(request)
    uids = [one.uid for one in stack.processors_of(dataset)]  # what is sent as one may be any JSON
    question = {
        "kind": "check",
        "dataset": dataset.uid,
        "known": known_fields(dataset, seen_of(request).merge(schema_of(samples))),
        "processors": documents,
        "checked": list(places),
    }
    told = await request.app[WORKBENCH].ask(question, ASK_TIMEOUT_S)
    for kept in told["processors"]:
        _check_reading(request, kept.pop("reads"))
    given = [documents[place].get("uid") for place in places]
    return tuple(
        ProcessorItem(uid=uid if uid in uids and given.count(uid) == 1 else new_uid("pr"), **kept)
        for uid, kept in zip(given, told["processors"], strict=True)
    )


def known_fields(dataset: Dataset, seen: Schema) -> list[str]:
    """Return the fields that a processor may read; none as long as nobody has shown what records have.

    A field that is only configured says nothing of the others.
    """
    if not len(seen) and not bootstrap_types(dataset):
        return []
    return sorted(one.source for one in configure(dataset, seen).fields)


def _check_reading(request: web.Request, dataset_ids: Sequence[str]) -> None:
    """Raise Forbidden where a stack would copy records that its author may not read."""
    caller = caller_of(request)
    for dataset_id in dataset_ids:
        other = request.app[CATALOG].find(dataset_id)
        if other is not None and other.restricted:
            authorise(caller, KeyScope.READ, other.uid)


async def _change(request: web.Request, edit: Callable[[Dataset], stack.Processors]) -> Dataset:
    seen = seen_of(request)
    traffic = request.app[ACTIVITY].traffic(request.match_info["uid"])
    came = any(one.records for one in traffic.values())
    return await change_dataset(
        request, lambda dataset: stack.with_processors(dataset, edit(dataset), seen, came=came)
    )
