"""A gateway on the in-memory twins, for tests that ask the whole of it."""

from aiohttp import web

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.domain.errors import StoreUnavailable
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import SystemClock
from headwater.runtime.health import Health
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.files import MemoryFiles
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas, Schemas
from headwater.runtime.settings import Secret
from headwater.runtime.workbench import DirectWorkbench
from processors.answering import Answers
from processors.persistence import Persistence
from processors.settings import ProcessorSettings
from processors.staging import Service, Stager
from processors.surroundings import KnownWorld

ADMIN_KEY = "5e" * 28


def memory_app(**settings) -> web.Application:
    """Return the application with every part in memory; its catalog still has to be started."""
    catalog, schemas = MemoryCatalog(MemoryLog()), MemorySchemas()
    return build(
        GatewaySettings(admin_key=Secret(ADMIN_KEY), **settings),
        producer=MemoryProducer(),
        catalog=catalog,
        store=MemoryStore(),
        clock=SystemClock(),
        schemas=schemas,
        files=MemoryFiles(),
        workbench=direct_workbench(catalog, schemas),
    )


def direct_workbench(catalog: Catalog, schemas: Schemas, **services: Service) -> DirectWorkbench:
    """Return what answers a gateway's questions without any process in between; no provider has a plug-in."""
    persistence = Persistence(
        ProcessorSettings(), Health(), check="store", cause="store", failure=StoreUnavailable
    )
    world = KnownWorld(catalog, schemas, lambda provider: f"{provider} is not set up")
    return DirectWorkbench(Answers(Stager(services, persistence), world).answer)
