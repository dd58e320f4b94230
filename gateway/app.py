"""Wires the gateway: the same parts in production and in tests, handed in from outside."""

import asyncio
from contextlib import AsyncExitStack, suppress

from aiohttp import web

import gateway.admin.routes
import gateway.delete.routes
import gateway.openapi.routes
import gateway.push.routes
import gateway.search.routes
from gateway import keys
from gateway.applied import AppliedTail
from gateway.batching import Batcher, BatchPolicy
from gateway.bodies import Bodies
from gateway.claims import Claims, KafkaClaims, MemoryClaims
from gateway.delivery import Delivery
from gateway.known_fields import KnownFields
from gateway.rates import Rates
from gateway.responses import answer_errors
from gateway.rules import Rules
from gateway.settings import GatewaySettings
from gateway.sync import Floor
from gateway.waiting import Waiters
from headwater.domain.apikeys import APIKEYS, ApiKey
from headwater.domain.errors import SettingsError
from headwater.runtime import metrics
from headwater.runtime.activity import Activity, ActivityTail, MemoryActivity
from headwater.runtime.catalog import Catalog, KafkaCatalog
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import Clock, Stamper, SystemClock
from headwater.runtime.collector import spare_collector
from headwater.runtime.documents import Documents, KafkaDocuments, MemoryDocuments
from headwater.runtime.files import Files, open_files
from headwater.runtime.kafka.admin import ensure_topics
from headwater.runtime.kafka.producer import KafkaProducer, Producer
from headwater.runtime.process import Process
from headwater.runtime.schemas import SchemaBook, Schemas
from headwater.runtime.secrets import Sealer
from headwater.runtime.store import Store
from headwater.runtime.workbench import KafkaWorkbench, NobodyAtWork, Workbench

DOORS = (
    gateway.push.routes,
    gateway.delete.routes,
    gateway.admin.routes,
    gateway.search.routes,
    gateway.openapi.routes,
)
WATCH_S = 1.0
BACKLOG = 1024  # connections that may wait to be accepted
AUTO_DECOMPRESS = False  # gateway/bodies.py unpacks, and bounds what comes out


def build(
    settings: GatewaySettings,
    *,
    producer: Producer,
    catalog: Catalog,
    store: Store,
    clock: Clock,
    schemas: Schemas,
    files: Files | None = None,
    apikeys: Documents[ApiKey] | None = None,
    activity: Activity | None = None,
    claims: Claims | None = None,
    workbench: Workbench | None = None,
) -> web.Application:
    """Return the application with all doors mounted; the parts are started and closed by the caller.

    Without `claims` idempotency keys are known to this gateway alone, and until it ends; without a
    `workbench` no stack can be saved.
    """
    app = web.Application(middlewares=[answer_errors])
    stamper = Stamper(clock)
    app[keys.SETTINGS] = settings
    app[keys.PRODUCER] = producer
    app[keys.CATALOG] = catalog
    app[keys.APIKEYS] = MemoryDocuments(APIKEYS) if apikeys is None else apikeys
    app[keys.ACTIVITY] = activity or MemoryActivity()
    app[keys.STORE] = store
    app[keys.WORKBENCH] = NobodyAtWork() if workbench is None else workbench
    app[keys.SCHEMAS] = schemas
    app[keys.CLOCK] = clock
    app[keys.STAMPER] = stamper
    app[keys.FILES] = files or open_files(settings.files)
    app[keys.DRESSINGS] = {}
    app[keys.BODIES] = bodies = Bodies(
        body_limit_bytes=settings.body_limit_bytes,
        inflight_limit_bytes=settings.inflight_limit_bytes,
        body_timeout_s=settings.body_timeout_s,
        ratio_limit=settings.compression_ratio_limit,
    )
    app[keys.RULES] = Rules(records_limit=settings.records_limit, depth_limit=settings.depth_limit)
    app[keys.KNOWN_FIELDS] = KnownFields()
    app[keys.RATES] = Rates()
    app[keys.SEALER] = Sealer(settings.secret_key)
    app[keys.BATCHER] = batcher = Batcher(
        settings.kafka.topics.raw, policy_of(settings), producer=producer, stamper=stamper, clock=clock
    )
    app[keys.WAITERS] = waiters = Waiters(settings.waiters_limit)
    app[keys.DELIVERY] = Delivery(
        batcher=batcher,
        stamper=stamper,
        catalog=catalog,
        claims=MemoryClaims(clock, limit=settings.idempotency_keys_limit) if claims is None else claims,
        waiters=waiters,
        floor=Floor(catalog, store),
    )
    metrics.INFLIGHT_BYTES.set_function(lambda: bodies.inflight_bytes)
    metrics.WAITING_PUSHES.set_function(lambda: len(waiters))
    for door in DOORS:
        door.add_routes(app)
    app.on_shutdown.append(_send_waiters_home)
    app.on_cleanup.append(_close_batcher)
    return app


def policy_of(settings: GatewaySettings) -> BatchPolicy:
    """Return when an open batch must go."""
    return BatchPolicy(
        linger_s=settings.linger_ms / 1000,
        longest_linger_s=settings.longest_linger_ms / 1000,
        worthwhile_records=settings.worthwhile_records,
        max_bytes=settings.batch_max_bytes,
        max_records=settings.batch_max_records,
    )


async def main(settings: GatewaySettings, process: Process) -> None:
    """Run the service until the process is told to stop; then answer what is in flight and end."""
    for check in ("kafka", "catalog", "apikeys", "applied", "claims", "workbench", "http"):
        process.health.set(check, ok=False, detail="starting")
    await ensure_topics(settings.kafka)
    async with AsyncExitStack() as parts:
        producer = KafkaProducer(settings.kafka, compression=settings.compression)
        parts.push_async_callback(producer.close)
        catalog = KafkaCatalog(settings.kafka, producer)
        parts.push_async_callback(catalog.close)
        apikeys = KafkaDocuments(APIKEYS, settings.kafka, settings.kafka.topics.apikeys, producer)
        parts.push_async_callback(apikeys.close)
        schemas = SchemaBook(settings.kafka, producer)
        parts.push_async_callback(schemas.close)
        activity = ActivityTail(settings.kafka)
        parts.push_async_callback(activity.close)
        store = ClickHouseStore(settings.store)
        parts.push_async_callback(store.close)
        clock = SystemClock()
        claims = KafkaClaims(settings.kafka, producer, clock, limit=settings.idempotency_keys_limit)
        parts.push_async_callback(claims.close)
        workbench = KafkaWorkbench(settings.kafka, producer)
        parts.push_async_callback(workbench.close)
        app = build(
            settings,
            producer=producer,
            catalog=catalog,
            store=store,
            clock=clock,
            schemas=schemas,
            apikeys=apikeys,
            activity=activity,
            claims=claims,
            workbench=workbench,
        )
        applied = AppliedTail(settings.kafka, app[keys.STAMPER], app[keys.WAITERS])
        parts.push_async_callback(applied.close)
        await producer.start()
        await store.start()
        await asyncio.gather(
            catalog.start(),
            apikeys.start(),
            schemas.start(),
            activity.start(),
            applied.start(),
            claims.start(),
            workbench.start(),
        )
        runner = await listen(app, settings)
        parts.push_async_callback(runner.cleanup)
        spare_collector()
        process.health.set("http", ok=True)
        await _watch(process, producer, catalog, apikeys, applied, claims, workbench)


async def listen(app: web.Application, settings: GatewaySettings) -> web.AppRunner:
    """Start to serve; raises SettingsError when the address cannot be had."""
    runner = web.AppRunner(
        app, auto_decompress=AUTO_DECOMPRESS, access_log=None, shutdown_timeout=settings.stop_timeout_s
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG).start()
    except OSError as error:
        await runner.cleanup()
        reason = error.strerror or str(error)
        raise SettingsError(
            [f"HEADWATER_GATEWAY_PORT is {settings.port}; cannot listen on {settings.host}: {reason}"]
        ) from error
    return runner


async def _watch(
    process: Process,
    producer: KafkaProducer,
    catalog: KafkaCatalog,
    apikeys: KafkaDocuments[ApiKey],
    applied: AppliedTail,
    claims: KafkaClaims,
    workbench: KafkaWorkbench,
) -> None:
    """Keep the health checks true until the process is told to stop."""
    while not process.stopping.is_set():
        process.health.set("kafka", producer.available)
        process.health.set("catalog", catalog.ready)
        process.health.set("apikeys", apikeys.ready)
        process.health.set("applied", applied.ready)
        process.health.set("claims", claims.ready)
        process.health.set("workbench", workbench.ready)
        metrics.CATALOG_DATASETS.set(len(catalog.all()))
        with suppress(TimeoutError):
            await asyncio.wait_for(process.stopping.wait(), WATCH_S)
    process.health.set("http", ok=False, detail="stopping")


async def _send_waiters_home(app: web.Application) -> None:
    app[keys.WAITERS].close()


async def _close_batcher(app: web.Application) -> None:
    await app[keys.BATCHER].close()
