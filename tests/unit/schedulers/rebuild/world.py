"""A whole installation in one task: pushes, archive, processors and sinks, as late and as stale as allowed.

Time stands still but for `pause` and `step`. Everybody acts a step at a time, in an order that a seed
decides, so that a test can say of any interleaving what came of it.
"""

import asyncio
import random
from dataclasses import dataclass, field, replace

from headwater.domain.datasets import Build, Dataset, FieldItem, Resource
from headwater.domain.tables import rows_table
from headwater.runtime.kafka.topics import Topics
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.log import MemoryOffsets, MemoryReader
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.store import ArchivedMessage, UnknownTable
from schedulers.rebuild.rebuild import World

PARTITIONS = 3
IDS = 200  # few enough to be written again, too many to hide what was lost
MAX_AGE_S = 5.0  # of a processor's catalog
SETTLE_S = 10.0
TOPICS = Topics(prefix="t.")
OLD = (FieldItem(uid="df_1", type="annotate", params={"field": "a", "annotation": "id"}),)
NEW = (FieldItem(uid="df_2", type="annotate", params={"field": "b", "annotation": "id"}),)


class Time:
    """A clock that only moves when the world does."""

    def __init__(self):
        self.now_s = 1_000.0

    def now_us(self):
        return round(self.now_s * 1_000_000)

    async def pause(self, seconds):
        until_s = self.now_s + seconds
        await asyncio.sleep(0)
        while self.now_s < until_s:  # noqa: ASYNC110 - steps move the time, no event does
            await asyncio.sleep(0)


class Shelf:
    """The part of a store that a rebuild asks: tables of rows by id, and the archive."""

    def __init__(self):
        self.tables: dict[str, dict[str, tuple]] = {}
        self.archive: dict[tuple, ArchivedMessage] = {}
        self.page = 7

    async def ensure_table(self, table, columns):  # noqa: ARG002
        self.tables.setdefault(table.name, {})

    def insert(self, table, row):
        """Keep the row unless the table has a newer one of its id."""
        rows = self.tables.setdefault(table, {})
        if row[1] >= rows.get(row[0], row)[1]:
            rows[row[0]] = row

    async def copy_rows(self, source, target, resources):
        if target not in self.tables:
            raise UnknownTable(target)
        for row in list(self.tables.get(source, {}).values()):
            if row[2] in resources:
                self.insert(target, row)

    async def archived(self, dataset, *, after, limit, max_bytes):  # noqa: ARG002
        await asyncio.sleep(0)
        places = sorted(place for place in self.archive if after is None or place > after)
        return [self.archive[place] for place in places[: self.page]]

    async def count_archived(self, dataset):  # noqa: ARG002
        return len(self.archive)


class LateReader(MemoryReader):
    """Comes to what is on the log only now and then."""

    def __init__(self, producer, chance):
        super().__init__(producer, TOPICS.raw)
        self._chance = chance

    async def read(self, wait_s):
        return await super().read(wait_s) if self._chance.random() < 0.1 else {}


@dataclass
class Worker:
    """One processor: the partitions that it reads, its view of the catalog, and the message in its hand."""

    partitions: tuple[int, ...]
    view: Dataset | None = None
    heard_s: float = 0.0
    read: dict[int, int] = field(default_factory=dict)  # partition -> messages taken
    hand: tuple | None = None  # (partition, offset, row or None)


class Installation:
    """Everything around a rebuild."""

    def __init__(self, seed, *, recovers="", new=NEW, resources=("r",), unarchived=()):
        self.random = random.Random(seed)
        self.time = Time()
        self.producer = MemoryProducer(PARTITIONS, self.time)
        self.offsets = MemoryOffsets(self.producer, PARTITIONS)
        self.catalog = MemoryCatalog()
        self.shelf = Shelf()
        self.workers = [Worker((0, 1)), Worker((2,))]
        self.sunk = dict.fromkeys(range(PARTITIONS), 0)
        self.archived = dict.fromkeys(range(PARTITIONS), 0)
        self.resources = (*resources, *unarchived)
        self.unarchived = unarchived
        self.zeal = self.random.choice((1.0, 0.3, 0.05))  # of the archiver
        self._logs: dict[tuple[str, int], list] = {}
        self._indexed = 0
        self.pushed: list[tuple] = []  # (version, id, resource, op)
        self.old, self.new, self.recovers = OLD, new, recovers
        self.world = World(
            topics=TOPICS,
            catalog=self.catalog,
            store=self.shelf,
            schemas=MemorySchemas(),
            producer=self.producer,
            offsets=self.offsets,
            reader=lambda: LateReader(self.producer, self.random),
            clock=self.time,
            pause=self.time.pause,
        )

    async def start(self):
        await self.catalog.start()
        made = [
            Resource(
                uid=f"re_{name}",
                resource_id=name,
                title=name,
                params={"recovery": name not in self.unarchived},
            )
            for name in self.resources
        ]
        await self.catalog.write(
            Dataset(
                uid="da_1",
                dataset_id="one",
                title="One",
                published=True,
                resources=tuple(made),
                fields=self.old,
            )
        )

    @property
    def dataset(self):
        return self.catalog.get("da_1")

    async def request(self):
        """Ask for a build, as the management API does."""
        number = self.dataset.last_generation + 1
        build = Build(
            uid=f"bu_{number}", generation=number, fields=self.new, history=False, recovers=self.recovers
        )
        await self.catalog.write(replace(self.dataset, build=build, last_generation=number))

    def push(self):
        """Accept one record, an upsert or a deletion of one of a few ids."""
        version = self.time.now_us() * 4096 + len(self.pushed)
        op = "delete" if self.random.random() < 0.25 else "upsert"
        record_id, resource = str(self.random.randrange(IDS)), self.random.choice(self.resources)
        headers = {
            "dataset": "one",
            "resource": resource,
            "op": op,
            "version": str(version),
            "count": "1",
            "received-at": str(self.time.now_us()),
            "origin": "push",
            "revision": "1",  # of a gateway that has not heard for long
        }
        pairs = tuple((name, text.encode()) for name, text in headers.items())
        partition = self.random.randrange(PARTITIONS)
        self.producer._append(TOPICS.raw, f'{{"id":"{record_id}"}}'.encode(), b"one", pairs, partition)
        self.pushed.append((version, record_id, resource, op))

    def step(self):
        """Let somebody do something, and some time go by."""
        actors = (*[self.convert] * 4, self.sink, self.sink, self.store_raw, self.hear)
        for _ in range(4):
            self.random.choice(actors)()
        self.time.now_s += self.random.choice((0.0, 0.005, 0.01, 0.03))

    def hear(self):
        """Let one processor learn of the catalog, mostly not before it has to."""
        worker = self.random.choice(self.workers)
        if self.time.now_s - worker.heard_s > MAX_AGE_S or self.random.random() < 0.02:
            worker.view, worker.heard_s = self.dataset, self.time.now_s

    def convert(self):
        """Let one processor admit a message, or send what it made of the last one and commit."""
        worker = self.random.choice(self.workers)
        if worker.hand is not None:
            partition, offset, row = worker.hand
            worker.hand = None
            if row is not None:
                self.producer._append(TOPICS.records, repr(row).encode(), None, (), partition)
            self.offsets.commit(TOPICS.processors_group, TOPICS.raw, partition, offset + 1)
            return
        partition = self.random.choice(worker.partitions)
        raw = self._log(TOPICS.raw, partition)
        position = worker.read.get(partition, 0)
        if position >= len(raw) or self.time.now_s - worker.heard_s > MAX_AGE_S:
            return
        admitted = self._admit(worker.view, raw[position])
        if admitted != "behind":
            worker.read[partition] = position + 1
            worker.hand = (partition, position, admitted)

    def _admit(self, view, message):
        """Return the row that a message becomes under a view of the catalog, None when it is discarded."""
        if int(message.header("revision")) > view.revision:
            return "behind"
        generation, fields = view.generation, view.fields
        if message.header("origin") == "replay":
            generation = int(message.header("generation"))
            if view.build is not None and view.build.generation == generation:
                fields = view.build.fields
            elif generation != view.generation:
                return None
        record_id = eval(message.value)["id"]  # noqa: S307 - our own
        shown = f"{fields[0].params['field']}:{record_id}"
        deleted = message.header("op") == "delete"
        return (generation, (shown, int(message.header("version")), message.header("resource"), deleted))

    def sink(self):
        """Store the next row of a partition and commit."""
        partition = self.random.randrange(PARTITIONS)
        rows = self._log(TOPICS.records, partition)
        position = self.sunk[partition]
        if position >= len(rows):
            return
        generation, row = eval(rows[position].value)  # noqa: S307 - our own
        if not self.dataset.is_over(generation):
            self.shelf.insert(rows_table("da_1", generation).name, row)
        self.sunk[partition] = position + 1
        self.offsets.commit(TOPICS.sinks_group, TOPICS.records, partition, position + 1)

    def store_raw(self):
        """Archive the next message of a partition, and commit some of what was archived."""
        partition = self.random.randrange(PARTITIONS)
        raw, position = self._log(TOPICS.raw, partition), self.archived[partition]
        if position >= len(raw) or self.random.random() > self.zeal:
            return
        self.archived[partition] = position + 1
        self._archive(raw[position])
        if self.random.random() < 0.5:
            self.offsets.commit(TOPICS.archive_group, TOPICS.raw, partition, position + 1)

    def _archive(self, message):
        if message.header("origin") == "replay" or message.header("resource") in self.unarchived:
            return
        kept = ArchivedMessage(
            resource=message.header("resource"),
            op=message.header("op"),
            version=int(message.header("version")),
            count=1,
            received_at_us=int(message.header("received-at")),
            partition=message.partition,
            offset=message.offset,
            body=message.value,
        )
        self.shelf.archive[kept.place] = kept

    def _log(self, topic, partition):
        for one in self.producer.messages[self._indexed :]:
            self._logs.setdefault((one.topic, one.partition), []).append(one)
        self._indexed = len(self.producer.messages)
        return self._logs.get((topic, partition), [])

    def expected(self):
        """Return what readers must see in the end: of each id the last write, unless it is a deletion."""
        latest: dict[str, tuple] = {}
        for version, record_id, _, op in self.pushed:
            latest[record_id] = max(latest.get(record_id, (0, "")), (version, op))
        name = self.dataset.fields[0].params["field"]
        return {f"{name}:{key}": version for key, (version, op) in latest.items() if op == "upsert"}

    def found(self):
        """Return what readers do see."""
        rows = self.shelf.tables.get(rows_table("da_1", self.dataset.generation).name, {})
        return {key: version for key, version, _, deleted in rows.values() if not deleted}

    @property
    def is_quiet(self):
        """Whether all that was sent has been stored or discarded."""
        raw = all(
            worker.hand is None and worker.read.get(p, 0) >= len(self._log(TOPICS.raw, p))
            for worker in self.workers
            for p in worker.partitions
        )
        return raw and all(self.sunk[p] >= len(self._log(TOPICS.records, p)) for p in range(PARTITIONS))
