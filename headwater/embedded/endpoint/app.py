"""How does the endpoint answer?  ClickHouse's HTTP interface: /ping, /replicas_status and statements on /."""

import json
import logging
import time
import uuid
from contextlib import aclosing
from http import HTTPStatus

from aiohttp import web

from headwater.embedded.endpoint.engine import Answer, Engine
from headwater.embedded.endpoint.failures import Failure
from headwater.embedded.endpoint.request import BODY_LIMIT_BYTES, read_job

log = logging.getLogger(__name__)

CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


def build(engine: Engine) -> web.Application:
    """Return the web application over a started engine."""
    handlers = Handlers(engine)
    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app.router.add_get("/ping", handlers.ping)
    app.router.add_get("/replicas_status", handlers.ping)
    for path in ("/", "/query"):
        app.router.add_get(path, handlers.run)
        app.router.add_post(path, handlers.run)
    return app


class Handlers:
    """The two things that a client may ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def run(self, request: web.Request) -> web.StreamResponse:
        if not _is_local(request):
            return web.Response(
                status=HTTPStatus.FORBIDDEN, text="Web pages may not talk to this endpoint.\n"
            )
        if request.method == "GET" and not request.query.get("query"):
            return await self.ping(request)
        started = time.perf_counter_ns()
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        try:
            job = await read_job(request)
            answer = await self._engine.run(job)
        except Failure as failure:
            return _failed(failure, query_id)
        headers = {
            "Content-Type": CONTENT_TYPES.get(job.format, "text/plain; charset=UTF-8"),
            "X-ClickHouse-Format": job.format,
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Server-Display-Name": "headwater",
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Summary": _summary(answer, time.perf_counter_ns() - started),
        }
        if answer.rest is None:
            return web.Response(body=answer.first, headers=headers)
        return await _send(request, answer, headers)


def _is_local(request: web.Request) -> bool:
    """Tell whether no web page is behind the request: nothing else guards a loopback port from pages."""
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return "Origin" not in request.headers and host in LOOPBACK


async def _send(request: web.Request, answer: Answer, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(answer.first)
    assert answer.rest is not None
    try:
        async with aclosing(answer.rest) as blocks:
            async for block in blocks:
                await response.write(block)
    except Failure as failure:
        # The status is gone: as a server does, write the text and cut the connection, so that nobody
        # takes what they have for the whole.
        await response.write(f"\n{failure.text}\n".encode())
        if request.transport is not None:
            request.transport.close()
        return response
    await response.write_eof()
    return response


def _failed(failure: Failure, query_id: str) -> web.Response:
    level = logging.WARNING if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    log.log(level, "%s", failure.text[:500])
    return web.Response(
        status=failure.status,
        text=failure.text + "\n",
        headers={"X-ClickHouse-Exception-Code": str(failure.code), "X-ClickHouse-Query-Id": query_id},
    )


def _summary(answer: Answer, elapsed_ns: int) -> str:
    counts = {"read_rows": 0, "read_bytes": 0, "written_rows": 0, "written_bytes": 0, **answer.summary}
    return json.dumps({name: str(value) for name, value in {**counts, "elapsed_ns": elapsed_ns}.items()})
