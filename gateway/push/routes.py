"""Which requests add or replace records?"""

from aiohttp import web

from gateway.intake import PATH, take_in
from headwater.runtime.kafka.topics import Op


def add_routes(app: web.Application) -> None:
    """Mount the door; the slash at the end is optional. The documented spelling is looked at first."""
    for path in (f"{PATH}/push/", f"{PATH}/push"):
        app.router.add_post(path, push)


async def push(request: web.Request) -> web.Response:
    """Accept one object, an array, or NDJSON; a record that exists is replaced as a whole."""
    return await take_in(request, Op.UPSERT)
