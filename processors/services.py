"""Who answers the look-ups of stacks?  The services of one process, opened and closed together."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from headwater.runtime.catalog import Catalog
from headwater.runtime.changes import ChangeTail
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clock import Clock
from headwater.runtime.files import Files
from headwater.runtime.health import Health
from headwater.runtime.outbound import HttpOutbound
from headwater.runtime.schemas import Schemas
from processors.downloads.downloads import Downloads
from processors.geocoding.service import Geocoding
from processors.joining.joins import Joins
from processors.settings import ProcessorSettings
from processors.staging import Service
from processors.surroundings import KnownWorld


@dataclass(frozen=True, slots=True)
class LookUps:
    """The services by the word that steps ask for, and what checks of stacks know of them."""

    services: Mapping[str, Service]
    world: KnownWorld


async def open_look_ups(
    settings: ProcessorSettings,
    parts: AsyncExitStack,
    *,
    catalog: Catalog,
    schemas: Schemas,
    files: Files | None,
    health: Health,
    clock: Clock,
) -> LookUps:
    """Open all services; `parts` closes them. Raises BrokerUnavailable."""
    store = ClickHouseStore(settings.store)
    parts.push_async_callback(store.close)
    await store.start()
    geocoding = Geocoding(settings.geocoding, store=store, clock=clock)
    parts.push_async_callback(geocoding.close)
    joins = Joins(settings.joins, catalog=catalog, schemas=schemas, store=store)
    changes = ChangeTail(settings.kafka, lambda change: joins.note(change.dataset))
    parts.push_async_callback(changes.close)
    await changes.start()
    outbound = HttpOutbound(settings.outbound)
    parts.push_async_callback(outbound.close)
    await outbound.start()
    downloads = Downloads(
        settings, settings.downloads, outbound=outbound, files=files, health=health, clock=clock
    )
    services: dict[str, Service] = {"geocoding": geocoding, "join": joins, "file": downloads}
    return LookUps(services, KnownWorld(catalog, schemas, geocoding.missing_plugin))
