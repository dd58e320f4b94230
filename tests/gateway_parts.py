"""A gateway on the in-memory twins, for tests that ask the whole of it."""

from aiohttp import web

from gateway.app import build
from gateway.settings import GatewaySettings
from headwater.runtime.clock import SystemClock
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.files import MemoryFiles
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

ADMIN_KEY = "5e" * 28


def memory_app(**settings) -> web.Application:
    """Return the application with every part in memory; its catalog still has to be started."""
    return build(
        GatewaySettings(admin_key=Secret(ADMIN_KEY), **settings),
        producer=MemoryProducer(),
        catalog=MemoryCatalog(MemoryLog()),
        store=MemoryStore(),
        clock=SystemClock(),
        schemas=MemorySchemas(),
        files=MemoryFiles(),
    )
