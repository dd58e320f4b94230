"""Where is the description served?"""

from aiohttp import web

from gateway.openapi.document import document
from gateway.openapi.page import page
from gateway.responses import json_response

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def add_routes(app: web.Application) -> None:
    """Serve the description of every operation; nobody is asked for a key."""
    app.router.add_get("/api/openapi.json", openapi)
    for slash in ("", "/"):
        app.router.add_get(f"/api/docs{slash}", docs)


async def openapi(_request: web.Request) -> web.Response:
    """Answer the OpenAPI document."""
    return json_response(document(), headers={"Access-Control-Allow-Origin": "*"})


async def docs(_request: web.Request) -> web.Response:
    """Answer the page."""
    return web.Response(text=page(document()), content_type="text/html", headers=PAGE_HEADERS)
