"""Where do handlers find their parts?  The typed keys of the application."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.batching import Batcher
from gateway.bodies import Bodies
from gateway.settings import GatewaySettings
from headwater.domain.errors import HeadwaterError
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock, Stamper
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.schemas import Schemas
from headwater.runtime.store import Store

Dressing = Callable[[HeadwaterError, dict[str, Any]], dict[str, Any]]

SETTINGS = web.AppKey("settings", GatewaySettings)
PRODUCER = web.AppKey[Producer]("producer", Producer)
CATALOG = web.AppKey[Catalog]("catalog", Catalog)
STORE = web.AppKey[Store]("store", Store)
SCHEMAS = web.AppKey[Schemas]("schemas", Schemas)
CLOCK = web.AppKey[Clock]("clock", Clock)
STAMPER = web.AppKey("stamper", Stamper)
BATCHER = web.AppKey("batcher", Batcher)
BODIES = web.AppKey("bodies", Bodies)

# Path prefix -> what adds one API's own keys to the envelope; a door enters its own in `add_routes`.
DRESSINGS: web.AppKey[dict[str, Dressing]] = web.AppKey("dressings", dict)
