"""Which path reads what?  Explore v2.1, each path with and without trailing slash."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.keys import DRESSINGS
from gateway.search import datasets, files, records
from gateway.search.readers import reader_of
from headwater.domain.errors import HeadwaterError, MethodNotAllowed, NotFound

BASE = "/api/explore/v2.1"
DATASETS = BASE + "/catalog/datasets"
DATASET = DATASETS + "/{dataset_id}"
ALLOWED = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, X-Requested-With, Origin, ODS-API-Analytics-App, "
    "ODS-API-Analytics-Embed-Type, ODS-API-Analytics-Embed-Referrer, ODS-Widgets-Version, Accept",
    "Access-Control-Expose-Headers": "ODS-Explore-API-Deprecation, Link, X-RateLimit-Remaining, "
    "X-RateLimit-Limit, X-RateLimit-Reset, X-RateLimit-dataset-Remaining, X-RateLimit-dataset-Limit, "
    "X-RateLimit-dataset-Reset",
    "Access-Control-Max-Age": "1000",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language, Cookie, Host",
}

Handler = Callable[[web.Request], Awaitable[web.Response]]


class VerbNotAllowed(MethodNotAllowed):
    """The code that Explore documents."""

    code = "MethodNotAllowed"


def add_routes(app: web.Application) -> None:
    """Serve Explore; the application has CATALOG, SCHEMAS, STORE, SETTINGS and DRESSINGS."""
    app[DRESSINGS][BASE] = dress
    app.on_response_prepare.append(add_headers)
    _add(app, DATASETS, datasets.list_datasets)
    _add(app, DATASET, datasets.get_dataset)
    _add(app, DATASET + "/records", records.list_records)
    _add(app, DATASET + "/records/{record_id}", records.get_record)
    files.add_routes(app)
    app.router.add_route("*", BASE + "/{path:.*}", unknown_path)


def dress(error: HeadwaterError, body: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope with the code that Explore documents for a failure of ours."""
    return {**body, "error_code": "InternalServerError"} if type(error).code == "internal_error" else body


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Let browsers of any origin read every answer, errors too."""
    if request.path.startswith(BASE):
        response.headers.update(HEADERS)


async def unknown_path(_request: web.Request) -> web.Response:
    """Answer a path that Explore does not have."""
    raise NotFound("The requested URI does not exist.", code="NotFoundURI")


def _add(app: web.Application, path: str, handler: Handler) -> None:
    for slash in ("", "/"):
        app.router.add_route("*", path + slash, _read_only(handler))


def _read_only(handler: Handler) -> Handler:
    """Return the handler for the verbs that read; a key that is given must be right."""

    async def read(request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": ", ".join(ALLOWED)})
        if request.method not in ALLOWED:
            raise VerbNotAllowed(request.method, ALLOWED)
        reader_of(request)
        return await handler(request)

    return read
