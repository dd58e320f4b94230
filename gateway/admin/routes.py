"""Which path does what?  The management API, each path with and without trailing slash."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.access import given_key, is_admin_key
from gateway.admin import datasets, fields, resources
from gateway.admin.envelope import dress
from gateway.keys import DRESSINGS, SETTINGS
from headwater.domain.errors import Unauthorized

BASE = "/api/automation/v1.0"
DATASET = "/datasets/{uid}"
RESOURCE = DATASET + "/resources/{resource_uid}"
ITEM = DATASET + "/fields/{item_uid}"

Handler = Callable[[web.Request], Awaitable[web.Response]]

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/datasets", datasets.list_datasets),
    ("POST", "/datasets", datasets.create_dataset),
    ("GET", DATASET, datasets.get_dataset),
    ("PUT", DATASET, datasets.put_dataset),
    ("DELETE", DATASET, datasets.delete_dataset),
    ("POST", DATASET + "/publish", datasets.publish),
    ("POST", DATASET + "/unpublish", datasets.unpublish),
    ("GET", DATASET + "/status", datasets.get_status),
    ("GET", DATASET + "/resources", resources.list_resources),
    ("POST", DATASET + "/resources", resources.create_resource),
    ("GET", RESOURCE, resources.get_resource),
    ("PUT", RESOURCE, resources.put_resource),
    ("DELETE", RESOURCE, resources.delete_resource),
    ("POST", RESOURCE + "/enable", resources.enable),
    ("POST", RESOURCE + "/disable", resources.disable),
    ("POST", RESOURCE + "/renew_api_key", resources.renew_api_key),
    ("GET", DATASET + "/fields", fields.list_items),
    ("POST", DATASET + "/fields", fields.create_item),
    ("GET", ITEM, fields.get_item),
    ("PUT", ITEM, fields.put_item),
    ("DELETE", ITEM, fields.delete_item),
)


def add_routes(app: web.Application) -> None:
    """Serve the management API; the application has CATALOG, SCHEMAS, STAMPER, CLOCK, SETTINGS, DRESSINGS."""
    app[DRESSINGS][BASE] = dress
    for method, path, handler in _ROUTES:
        for slash in ("", "/"):
            app.router.add_route(method, BASE + path + slash, _guarded(handler))


def _guarded(handler: Handler) -> Handler:
    """Return the handler behind the key."""

    async def guarded(request: web.Request) -> web.Response:
        check_key(given_key(request), request.app[SETTINGS].admin_key)
        return await handler(request)

    return guarded


def check_key(given: str | None, admin_key: str) -> None:
    """Raise Unauthorized unless the key is the administrator's."""
    if not given:
        raise Unauthorized("this API needs a key: send the header 'Authorization: apikey <key>'")
    if not is_admin_key(given, admin_key):
        raise Unauthorized("the API key is wrong")
