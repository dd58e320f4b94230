"""Which requests add or replace records?"""

from aiohttp import hdrs, web

from gateway.admission import find_resource
from gateway.cors import preflight_headers
from gateway.intake import PATH, take_in
from gateway.keys import CATALOG
from headwater.runtime.kafka.topics import Op

ANY_OPERATION = "{operation:(?:push|delete|push/delete|[^/]+/delete)/?}"


def add_routes(app: web.Application) -> None:
    """Mount the door; the slash at the end is optional. The documented spelling is looked at first.

    The questions of browsers are answered for both doors, on every path that takes records.
    """
    for path in (f"{PATH}/push/", f"{PATH}/push"):
        app.router.add_post(path, push)
    app.router.add_options(f"{PATH}/{ANY_OPERATION}", preflight)


async def push(request: web.Request) -> web.Response:
    """Accept one object, an array, lines (NDJSON) or a table (CSV); what exists is replaced as a whole."""
    return await take_in(request, Op.UPSERT)


async def preflight(request: web.Request) -> web.Response:
    """Tell a browser whether a page of its origin may push; nothing else is said, and nothing checked."""
    names = request.match_info
    _, resource = find_resource(request.app[CATALOG], names["dataset"], names["resource"])
    origins = resource.params.get("cors_origins", ())
    return web.Response(status=204, headers=preflight_headers(origins, request.headers.get(hdrs.ORIGIN)))
