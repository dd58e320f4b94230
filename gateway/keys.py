"""Where do handlers find their parts?  The typed keys of the application."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.batching import Batcher
from gateway.bodies import Bodies
from gateway.delivery import Delivery
from gateway.known_fields import KnownFields
from gateway.rates import Rates
from gateway.rules import Rules
from gateway.settings import GatewaySettings
from gateway.waiting import Waiters
from headwater.domain.apikeys import ApiKey
from headwater.domain.errors import HeadwaterError
from headwater.runtime.activity import Activity
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock, Stamper
from headwater.runtime.documents import Documents
from headwater.runtime.files import Files
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.schemas import Schemas
from headwater.runtime.secrets import Sealer
from headwater.runtime.store import Store
from headwater.runtime.workbench import Workbench

Dressing = Callable[[HeadwaterError, dict[str, Any]], dict[str, Any]]

SETTINGS = web.AppKey("settings", GatewaySettings)
PRODUCER = web.AppKey[Producer]("producer", Producer)
CATALOG = web.AppKey[Catalog]("catalog", Catalog)
APIKEYS: web.AppKey[Documents[ApiKey]] = web.AppKey("apikeys", Documents)
ACTIVITY = web.AppKey[Activity]("activity", Activity)
WORKBENCH = web.AppKey[Workbench]("workbench", Workbench)
STORE = web.AppKey[Store]("store", Store)
SCHEMAS = web.AppKey[Schemas]("schemas", Schemas)
CLOCK = web.AppKey[Clock]("clock", Clock)
STAMPER = web.AppKey("stamper", Stamper)
FILES = web.AppKey[Files]("files", Files)
BATCHER = web.AppKey("batcher", Batcher)
BODIES = web.AppKey("bodies", Bodies)
RULES = web.AppKey("rules", Rules)
KNOWN_FIELDS = web.AppKey("known_fields", KnownFields)
RATES = web.AppKey("rates", Rates)
SEALER = web.AppKey("sealer", Sealer)
DELIVERY = web.AppKey("delivery", Delivery)
WAITERS = web.AppKey("waiters", Waiters)

# Path prefix -> what adds one API's own keys to the envelope; a door enters its own in `add_routes`.
DRESSINGS: web.AppKey[dict[str, Dressing]] = web.AppKey("dressings", dict)
