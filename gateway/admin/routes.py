"""Which path does what?  The management API, each path with and without trailing slash."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.access import authorise, caller_of
from gateway.admin import (
    actions,
    apikeys,
    datasets,
    fields,
    keys,
    previews,
    processors,
    quarantine,
    resources,
    stack_previews,
    status,
    versions,
)
from gateway.admin.envelope import dress
from gateway.keys import DRESSINGS
from headwater.domain.apikeys import KeyScope

BASE = "/api/automation/v1.0"
DATASET = "/datasets/{uid}"
RESOURCE = DATASET + "/resources/{resource_uid}"
ITEM = DATASET + "/fields/{item_uid}"
PROCESSOR = DATASET + "/processors/{processor_uid}"
QUARANTINE = DATASET + "/quarantine"
ENTRY = QUARANTINE + "/{entry_id}"
VERSION = DATASET + "/versions/{version_uid}"
APIKEY = "/apikeys/{key_uid}"

Handler = Callable[[web.Request], Awaitable[web.Response]]

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/processors/types", processors.list_kinds),
    ("GET", "/datasets", datasets.list_datasets),
    ("POST", "/datasets", datasets.create_dataset),
    ("GET", DATASET, datasets.get_dataset),
    ("PUT", DATASET, datasets.put_dataset),
    ("DELETE", DATASET, datasets.delete_dataset),
    ("POST", DATASET + "/publish", actions.publish),
    ("POST", DATASET + "/publish_metadata", actions.publish_metadata),
    ("POST", DATASET + "/unpublish", actions.unpublish),
    ("POST", DATASET + "/truncate", actions.truncate),
    ("POST", DATASET + "/abort", actions.abort),
    ("POST", DATASET + "/copy", datasets.copy_dataset),
    ("GET", DATASET + "/status", status.get_status),
    ("GET", DATASET + "/versions", versions.list_versions),
    ("GET", VERSION, versions.get_version),
    ("POST", VERSION + "/restore", versions.restore_version),
    ("GET", QUARANTINE, quarantine.list_entries),
    ("DELETE", QUARANTINE, quarantine.dismiss_entries),
    ("POST", QUARANTINE + "/replay", quarantine.replay_entries),
    ("GET", ENTRY, quarantine.get_entry),
    ("DELETE", ENTRY, quarantine.dismiss_entry),
    ("POST", ENTRY + "/replay", quarantine.replay_entry),
    ("GET", DATASET + "/resources", resources.list_resources),
    ("POST", DATASET + "/resources", resources.create_resource),
    ("POST", DATASET + "/resources/preview", previews.preview_unsaved_resource),
    ("GET", RESOURCE, resources.get_resource),
    ("PUT", RESOURCE, resources.put_resource),
    ("DELETE", RESOURCE, resources.delete_resource),
    ("POST", RESOURCE + "/enable", resources.enable),
    ("POST", RESOURCE + "/disable", resources.disable),
    ("POST", RESOURCE + "/renew_api_key", resources.renew_api_key),
    ("GET", RESOURCE + "/keys", keys.list_keys),
    ("POST", RESOURCE + "/keys", keys.create_key),
    ("DELETE", RESOURCE + "/keys/{key_uid}", keys.delete_key),
    ("POST", RESOURCE + "/signing_secret", keys.create_signing_secret),
    ("DELETE", RESOURCE + "/signing_secret", keys.delete_signing_secret),
    ("POST", RESOURCE + "/recover", actions.recover),
    ("POST", RESOURCE + "/delete_recover_data", actions.delete_recover_data),
    ("POST", RESOURCE + "/clean_cache", actions.clean_cache),
    ("GET", RESOURCE + "/preview", previews.preview_resource),
    ("GET", DATASET + "/processors", processors.list_processors),
    ("POST", DATASET + "/processors", processors.create_processor),
    ("PUT", DATASET + "/processors", processors.put_processors),
    ("GET", PROCESSOR, processors.get_processor),
    ("PUT", PROCESSOR, processors.put_processor),
    ("DELETE", PROCESSOR, processors.delete_processor),
    ("POST", DATASET + "/preview", stack_previews.preview_dataset),
    ("GET", DATASET + "/fields", fields.list_items),
    ("POST", DATASET + "/fields", fields.create_item),
    ("GET", DATASET + "/fields/preview", previews.preview_fields),
    ("POST", DATASET + "/fields/preview", previews.preview_stack),
    ("GET", ITEM, fields.get_item),
    ("PUT", ITEM, fields.put_item),
    ("DELETE", ITEM, fields.delete_item),
)

_SHOWING_OWN = (datasets.list_datasets, processors.list_kinds)  # for whoever manages some datasets
_MAKING = (datasets.copy_dataset,)  # makes another dataset than the one that the path names

_KEY_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/apikeys", apikeys.list_keys),
    ("POST", "/apikeys", apikeys.create_key),
    ("GET", APIKEY, apikeys.get_key),
    ("PUT", APIKEY, apikeys.put_key),
    ("DELETE", APIKEY, apikeys.delete_key),
)


def add_routes(app: web.Application) -> None:
    """Serve the management API; the application has APIKEYS, CATALOG, CLOCK, DRESSINGS, SCHEMAS, STAMPER."""
    app[DRESSINGS][BASE] = dress
    for routes, scope in ((_ROUTES, KeyScope.PUBLISH), (_KEY_ROUTES, KeyScope.ADMIN)):
        for method, path, handler in routes:
            for slash in ("", "/"):
                app.router.add_route(method, BASE + path + slash, _guarded(handler, scope))


def _guarded(handler: Handler, scope: KeyScope) -> Handler:
    """Return the handler behind the key: for the dataset that the path names, else for all datasets."""

    async def guarded(request: web.Request) -> web.Response:
        caller = caller_of(request)
        uid = None if handler in _MAKING else request.match_info.get("uid")
        if handler not in _SHOWING_OWN or caller is None or not caller.has(scope):
            authorise(caller, scope, uid)
        return await handler(request)

    return guarded
