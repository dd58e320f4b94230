"""How does a request become an acknowledged push?  The way that both doors share."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from aiohttp import hdrs, web

from gateway.admission import Target
from gateway.entrance import Entry, enter
from gateway.keys import BATCHER, BODIES, DELIVERY, KNOWN_FIELDS, RULES, SCHEMAS, SETTINGS
from gateway.media import Kind, kind_of_body
from gateway.merging import named_keys
from gateway.outcomes import STORED, Outcome
from gateway.parameters import PLAIN, PushParameters, parse_parameters
from gateway.parsing import Records, is_array, parse_records
from gateway.responses import accepted, answered, sorted_answer
from gateway.rules import Rules
from gateway.sorting import Sorted, sort_records, sort_rows
from headwater.runtime.kafka.topics import Op

PATH = "/api/push/1.0/{dataset}/{resource}"
LONG_BYTES = 64 * 1024  # what takes more than a moment is done beside the event loop


async def take_in(request: web.Request, op: Op) -> web.Response:
    """Admit, read, parse, deliver, and answer once Kafka has acknowledged."""
    entry = enter(request, op)
    parameters = parse_parameters(request.query, request.headers)
    bodies = request.app[BODIES]
    body = await bodies.read(request, verify=entry.verify)
    try:
        kind = kind_of_body(request.headers.get(hdrs.CONTENT_TYPE))
        rules = _rules(request, entry, op, parameters)
        if parameters is not PLAIN or kind is Kind.TABLE:
            return await _take_in_specially(request, entry.target, op, body, kind, parameters, rules)
        records = parse_records(body, rules)
        if records.count:
            await request.app[BATCHER].add(entry.target, op, records)
    finally:
        bodies.release(len(body))
    return accepted(request if entry.is_noted else None)


async def take_in_one(request: web.Request, op: Op, records: Callable[[], Records]) -> web.Response:
    """Admit and deliver records that the path names; a body is read only to check its signature."""
    entry = enter(request, op)
    parameters = parse_parameters(request.query, request.headers)
    if entry.verify is not None:
        bodies = request.app[BODIES]
        bodies.release(len(await bodies.read(request, verify=entry.verify)))
    named = records()
    outcome = await deliver(request, entry.target, op, named, parameters, told=named.spliced, is_array=False)
    return answered(request, outcome)


async def deliver(
    request: web.Request,
    target: Target,
    op: Op,
    records: Records,
    parameters: PushParameters,
    *,
    told: bytes,
    is_array: bool,
) -> Outcome:
    """Bring records onto the log; `told` is what the request says, by which a repetition is known."""
    if parameters.is_plain:
        if records.count:
            await request.app[BATCHER].add(target, op, records)
        return STORED
    told_hash = sha256(told).digest() if parameters.idempotency_key else b""
    return await request.app[DELIVERY].deliver(
        target, op, records, parameters, body_hash=told_hash, is_array=is_array
    )


async def _take_in_specially(
    request: web.Request,
    target: Target,
    op: Op,
    body: bytes,
    kind: Kind,
    parameters: PushParameters,
    rules: Rules,
) -> web.Response:
    """Take in a table, or a push with parameters."""
    if kind is not Kind.TABLE and not parameters.partial:
        found = Sorted(parse_records(body, rules))
    else:
        sort = _sorting(request, body, kind, parameters, rules)
        found = await asyncio.to_thread(sort) if len(body) > LONG_BYTES else sort()
    outcome = await deliver(
        request,
        target,
        op,
        found.records if parameters.partial else found.all_or_nothing(),
        parameters,
        told=body,
        is_array=kind is not Kind.JSON or is_array(body),
    )
    return sorted_answer(request, outcome, found) if parameters.partial else answered(request, outcome)


def _sorting(
    request: web.Request, body: bytes, kind: Kind, parameters: PushParameters, rules: Rules
) -> Callable[[], Sorted]:
    """Return what tells the good records of a body from the others."""
    if kind is not Kind.TABLE:
        return lambda: sort_records(body, rules, is_lines=kind is Kind.LINES)
    charset = request.charset or ""
    limit_bytes = request.app[SETTINGS].body_limit_bytes
    return lambda: sort_rows(
        body, rules, charset=charset, delimiter=parameters.delimiter, limit_bytes=limit_bytes
    )


def _rules(request: web.Request, entry: Entry, op: Op, parameters: PushParameters) -> Rules:
    """Return what the resource's records may be; records to delete may say what they like."""
    rules = request.app[RULES]
    if op is Op.UPSERT and parameters.merge:
        rules = replace(rules, key=named_keys(entry.dataset))
    if op is not Op.UPSERT or entry.resource.params.get("unknown_fields") != "reject":
        return rules
    seen = request.app[SCHEMAS].get(entry.dataset.uid)
    return replace(rules, known=request.app[KNOWN_FIELDS].of(entry.dataset, seen))
