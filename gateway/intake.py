"""How does a request become an acknowledged push?  The way that both doors share."""

from aiohttp import hdrs, web

from gateway.admission import Target, admit, pushkey_of
from gateway.keys import BATCHER, BODIES, CATALOG, CLOCK
from gateway.parsing import parse_records
from gateway.responses import accepted
from headwater.runtime.kafka.topics import Op

PATH = "/api/push/1.0/{dataset}/{resource}"


def admit_request(request: web.Request) -> Target:
    """Return where the request's records may go; raises what `admit` raises."""
    names = request.match_info
    pushkey = pushkey_of(request.query, request.headers.get(hdrs.AUTHORIZATION))
    now_us = request.app[CLOCK].now_us()
    return admit(request.app[CATALOG], names["dataset"], names["resource"], pushkey, now_us)


async def take_in(request: web.Request, op: Op) -> web.Response:
    """Admit, read, parse, hand to the batcher, and answer once Kafka has acknowledged."""
    target = admit_request(request)
    bodies = request.app[BODIES]
    body = await bodies.read(request)
    try:
        records = parse_records(body)
        if records.count:
            await request.app[BATCHER].add(target, op, records)
    finally:
        bodies.release(len(body))
    return accepted()
