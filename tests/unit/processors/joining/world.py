"""A dataset of cities in memory, and joins of it on a clock that only a test moves."""

from dataclasses import dataclass, replace

import orjson

from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.fields import configure
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import CLICKHOUSE_TYPES, rows_table
from headwater.domain.types import FieldType
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from processors.joining.joins import Joins
from processors.joining.settings import JoinSettings
from processors.stack.join import Join, Unjoinable

UID = "da_1"
SCHEMA = Schema({"code": [Rung.TEXT], "name": [Rung.TEXT], "size": [Rung.INT, Rung.DOUBLE]})


class CountingStore(MemoryStore):
    """Counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.reads = 0
        self.limits = []
        self.before_read = None  # called once, before the next page is read

    async def matching(self, matching):
        self.reads += 1
        self.limits.append(matching.limit)
        before, self.before_read = self.before_read, None
        if before is not None:
            await before()
        return await super().matching(matching)


@dataclass
class Now:
    s: float = 1_000.0

    def __call__(self):
        return self.s


class World:
    """Everything around the joins."""

    def __init__(self, **settings):
        self.now = Now()
        self.catalog, self.schemas, self.store = MemoryCatalog(), MemorySchemas(), CountingStore()
        self.joins = Joins(
            JoinSettings(**settings),
            catalog=self.catalog,
            schemas=self.schemas,
            store=self.store,
            now_s=self.now,
        )
        self.version = 0

    async def start(self, schema=SCHEMA, fields=(), **members):
        await self.catalog.start()
        await self.schemas.grow(UID, schema)
        items = tuple(
            FieldItem(uid=f"df_{place}", type=kind, params=params)
            for place, (kind, params) in enumerate(fields)
        )
        given = {"uid": UID, "dataset_id": "cities", "title": "Cities", "published": True, "fields": items}
        await self.catalog.write(Dataset(**(given | members)))
        return self

    async def change(self, **members):
        await self.catalog.write(replace(self.dataset, **members))

    @property
    def dataset(self):
        return self.catalog.get(UID)

    async def put(self, *records, generation=1, told=True):
        """Store records, each with its id as `_id`; values by column or by field name."""
        table = rows_table(UID, generation)
        columns = {
            column: CLICKHOUSE_TYPES[FieldType(column.rpartition(":")[2])]
            for one in configure(self.dataset, self.schemas.get(UID)).fields
            for column in one.columns
        }
        await self.store.ensure_table(table, columns)
        lines = []
        for record in records:
            self.version += 1
            cells = {_column(name, value): value for name, value in record.items()}
            lines.append(
                {
                    "_version": self.version,
                    "_deleted": 0,
                    "_resource": "r",
                    "_received_at": "2024-05-06 07:08:09.000000",
                    **cells,
                }
            )
        await self.store.insert(table.name, b"\n".join(map(orjson.dumps, lines)))
        if told:
            self.joins.note(UID)

    async def ask(self, *codes, **params):
        """Return what a join answers for these values of its local key: lists of matches, or Unjoinable."""
        step = step_of(**params)
        questions = step.ask([{"code": code} for code in codes])
        answers = await self.joins.answer(step, {one for one in questions if one is not None}, "da_2")
        found = [answers.get(question) for question in questions]
        return [one if isinstance(one, Unjoinable) else list(one or ()) for one in found]


def step_of(**params):
    given = {"dataset": "cities", "local_key": ("code",), "remote_key": ("code",), "output_fields": ("name",)}
    return Join(**(given | params)).compiled()


def _column(name, value):
    if name.startswith("_") or ":" in name:
        return name
    return f"{name}:{ {str: 'text', int: 'int', float: 'double'}[type(value)] }"
