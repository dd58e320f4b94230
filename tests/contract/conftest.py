"""What several contract suites run on."""

import uuid

import pytest

from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.settings import StoreSettings


@pytest.fixture(params=["memory", "clickhouse"])
async def store(request):
    if request.param == "memory":
        store = MemoryStore()
    else:
        url = request.getfixturevalue("clickhouse").url
        store = ClickHouseStore(StoreSettings(url=url, database=f"contract_{uuid.uuid4().hex[:12]}"))
    await store.start()
    yield store
    await store.close()
