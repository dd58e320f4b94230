"""What does a stack cost alone?  Processor time for a record in one process, without Kafka and store.

Ten simple text processors in a row, and joins whose other dataset is held in memory.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from headwater.domain.datasets import Dataset, ProcessorItem, Resource
from headwater.domain.errors import StoreUnavailable
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import ROW_COLUMNS, rows_table
from headwater.runtime.health import Health
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from processors.joining.joins import Joins
from processors.joining.settings import JoinSettings
from processors.parsing import Arrivals
from processors.persistence import Persistence
from processors.settings import ProcessorSettings
from processors.stack.chain import Chain, Policy
from processors.staging import Stager

BATCH = 5_000
ROUNDS = 7
REMOTE_RECORDS = 10_000
_MOMENT = "2026-01-01 00:00:00.000000"

TEXTS: list[dict[str, Any]] = [
    {"type": "string_replace", "field": "a", "old": "x", "new": "y"},
    {"type": "normalize_unicode_values", "fields": ["b"]},
    {"type": "concatenate_text", "left_value": "a", "right_value": "b", "output_field": "ab"},
    {"type": "split_text", "field": "c", "separator": ",", "index": 2, "output_field": "second"},
    {"type": "normalize_url", "field": "e"},
    {"type": "decode_html_entities", "field": "f"},
    {"type": "string_replace", "field": "f", "old": "&", "new": "and"},
    {"type": "extract_html", "field": "g"},
    {"type": "expression", "expression": "= upper(c)", "output_field": "loud"},
    {"type": "copy_field", "field_to_copy": "a", "new_field": "again"},
]
JOIN = {
    "type": "join_dataset",
    "dataset": "stations",
    "local_key": ["station"],
    "remote_key": ["station"],
    "output_fields": ["name", "lat", "lon"],
}


async def stack_cost() -> dict[str, Any]:
    """Return microseconds a record of ten text processors, and joined records/s, of one core."""
    texts = await _best_us(Chain.of(_items(TEXTS)), [_text(number) for number in range(BATCH)], {})
    joins = await _joins()
    stations = [{"n": number, "station": f"S{number * 7 % REMOTE_RECORDS}"} for number in range(BATCH)]
    joined = await _best_us(Chain.of(_items([JOIN])), stations, {"join": joins})
    return {"records": 2 * ROUNDS * BATCH, "texts_us": round(texts, 2), "joined_per_s": round(1e6 / joined)}


async def _best_us(chain: Chain, records: list[dict[str, Any]], services: dict[str, Any]) -> float:
    """Return the microseconds of the quickest of some rounds, for one record."""
    persistence = Persistence(
        ProcessorSettings(), Health(), check="store", cause="store", failure=StoreUnavailable
    )
    stager = Stager(services, persistence)
    arrivals = Arrivals(
        records=records,
        versions=list(range(len(records))),
        received_at=[_MOMENT] * len(records),
        positions=[0] * len(records),
    )
    travel = partial(stager.travel, chain, arrivals, Policy(), "da_1")
    await travel()
    return min([await _timed_us(travel) for _ in range(ROUNDS)]) / len(records)


async def _timed_us(travel: Callable[[], Any]) -> float:
    await asyncio.sleep(0)
    began = time.process_time()
    passage = await travel()
    assert len(passage.records) == BATCH, passage.failed
    return (time.process_time() - began) * 1e6


async def _joins() -> Joins:
    """Return the service of joins, beside a store in memory with one dataset."""
    catalog, schemas, store = MemoryCatalog(), MemorySchemas(), MemoryStore()
    await catalog.start()
    sample = {"station": "S1", "name": "Station 1", "lat": 1.5, "lon": 2.5}
    resource = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": sample})
    dataset = await catalog.write(
        Dataset(uid="da_2", dataset_id="stations", title="S", published=True, resources=(resource,))
    )
    await schemas.grow(
        dataset.uid,
        Schema({"station": {Rung.TEXT}, "name": {Rung.TEXT}, "lat": {Rung.DOUBLE}, "lon": {Rung.DOUBLE}}),
    )
    table = rows_table(dataset.uid, dataset.generation)
    columns = {
        "station:text": "Nullable(String)",
        "name:text": "Nullable(String)",
        "lat:double": "Nullable(Float64)",
        "lon:double": "Nullable(Float64)",
    }
    await store.ensure_table(table, columns)
    rows = b",".join(map(_row, range(REMOTE_RECORDS)))
    await store.insert(table.name, rows, [*ROW_COLUMNS, *columns])
    return Joins(JoinSettings(), catalog=catalog, schemas=schemas, store=store)


def _row(number: int) -> bytes:
    system = [f"{number:040x}", 1, 0, "r", _MOMENT]
    return orjson.dumps([*system, f"S{number}", f"Station {number}", 1.5, number / 100])


def _items(documents: list[dict[str, Any]]) -> list[ProcessorItem]:
    return [
        ProcessorItem.from_json({"uid": f"pr_{place}", "label": "", **document})
        for place, document in enumerate(documents)
    ]


def _text(number: int) -> dict[str, Any]:
    return {
        "a": f"axbx{number}",
        "b": "Zürich",
        "c": "one,two,three",
        "d": number,
        "e": "www.example.org",
        "f": "salt &amp; pepper",
        "g": f"room {number}",
        "h": 1.5,
        "i": True,
        "j": "a text that nobody touches",
    }
