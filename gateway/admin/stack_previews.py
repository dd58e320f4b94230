"""What would this stack do?  /datasets/{uid}/preview/: an unsaved stack on the first real records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from gateway.admin.datasets import dataset_of, seen_of
from gateway.admin.members import Members
from gateway.admin.previews import parse_items
from gateway.admin.processors import checked_items, listed
from gateway.admin.replies import read_options, reply
from gateway.admin.samples import MAX_ROWS, preview, samples_of
from gateway.admin.stack import processors_of, stack_of
from gateway.keys import STORE, WORKBENCH
from headwater.domain.datasets import Dataset
from headwater.domain.errors import StoreUnavailable
from headwater.domain.fields import configure
from headwater.domain.schema import Schema
from headwater.runtime.store import Store

PREVIEW_TIMEOUT_S = 20.0
ARCHIVED_BYTES = 1024 * 1024  # of the archive's messages that are looked into


async def preview_dataset(request: web.Request) -> web.Response:
    """Answer the records before and after each processor, what failed, and the rows that come of it.

    The body may name `processors` and `fields` to try, and `records` to try them on. Otherwise the stack is
    the present one, what waits included, and the records are the first that are archived, or the samples.
    """
    dataset, members = dataset_of(request), await read_options(request)
    members.check_names({"processors", "fields", "records"})
    documents: Sequence[Mapping[str, Any]] = [one.to_json() for one in processors_of(dataset)]
    if "processors" in members:
        documents = listed(Members({"processors": members.document["processors"]}))
    fields = parse_items(members) if "fields" in members else stack_of(dataset)
    records = _given(members) if "records" in members else await first_records(dataset, request.app[STORE])
    items = await checked_items(request, documents, range(len(documents)), records)
    tried = replace(dataset, processors=items, fields=fields)
    told = await request.app[WORKBENCH].ask(_question(tried, records), PREVIEW_TIMEOUT_S)
    seen = seen_of(request).merge(Schema.from_json(told["schema"]))
    answer = preview(configure(tried, seen), told["rows"])
    further = {name: told[name] for name in ("steps", "deleted", "discarded")}
    return reply({"records": records, **further, **answer})


def _question(dataset: Dataset, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    configuration = configure(dataset)
    return {
        "kind": "preview",
        "dataset": dataset.uid,
        "processors": [one.to_json() for one in dataset.processors],
        "records": records,
        "lenient": dataset.on_processor_error == "null",
        "key": [one.source for one in configuration.id_fields],
    }


def _given(members: Members) -> list[Mapping[str, Any]]:
    records = members.document["records"]
    if not isinstance(records, list) or not all(isinstance(one, dict) and one for one in records):
        raise members.wrong("records", f"a list of records, of which the first {MAX_ROWS} count")
    return records[:MAX_ROWS]


async def first_records(dataset: Dataset, store: Store) -> list[Mapping[str, Any]]:
    """Return the first records that came in, as they came; samples where none are archived."""
    try:
        page = await store.archived(
            dataset.uid,
            after=(dataset.since_version, 0, 0) if dataset.since_version else None,
            limit=MAX_ROWS,
            max_bytes=ARCHIVED_BYTES,
        )
    except StoreUnavailable:
        page = []
    found = [record for message in page if message.op == "upsert" for record in _records(message.body)]
    return found[:MAX_ROWS] or samples_of(dataset)


def _records(body: bytes) -> list[Mapping[str, Any]]:
    """Return the records of a raw message, without what is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        lines = body.splitlines()[:MAX_ROWS]
        return [record for line in lines if line.strip() for record in _line(line)]
    listed = document if isinstance(document, list) else [document]
    return [one for one in listed if isinstance(one, dict) and one]


def _line(line: bytes) -> list[Mapping[str, Any]]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return []
    return [record] if isinstance(record, dict) and record else []
