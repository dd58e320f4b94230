"""Fills one new generation of one dataset beside the present one, switches to it, and loses nothing.

What is to be true: once the build is gone from the document after a switch, the new generation's tables hold
every record that the present ones held (or, of a resource that is recovered, that the archive holds) and
every record that was accepted at any moment, each as the new configuration makes it.

Everything is last-write-wins by version, and a replay carries its original's version. So sending a record
twice, too late, or in another order changes nothing; what has to be shown is only that each is sent at all.

1. *Before the log's positions A.* A are the archiver's committed offsets of topic raw, noted before the
   archive is read. It commits what it has stored, so every message below A that is archived at all is read
   after that. Of resources that are not archived the rows are copied after processors and sinks have
   committed past all that the log held at A: then the present tables hold those messages. A copy and a
   replay of one record have the same version and the same values, because rows are copied only if the
   configuration is the same.
2. *From A on* the follower sends every message again; whether the archiver had it too does not matter.
   Messages between A and the follower's position are on the log, or the reader says PositionGone and the
   attempt begins again with newer positions.
3. *The switch* (S) is one catalog write, made from a revision in which the build was still being filled,
   after everything sent so far was stored. It carries the follower's positions P: all below P is sent
   again.
4. *After S* a message may still become rows of the old generation, by a processor that does not know of S.
   A processor admits nothing under a catalog that it has not heard of for `catalog_max_age_s`, so such a
   message was on the log at most that long after S. The follower goes on until it has passed the ends that
   the log had `settle_s` after S, which is twice as long. What comes later is processed into the new
   generation by everybody. Then the build ends, once what the follower sent is stored.
5. *A replay is not discarded* by a processor that has not heard of the build yet: it carries the revision
   of the document in which the build is, and the processor waits for that.
6. *Death.* Nothing is remembered but the document. Killed before S, the next attempt begins anew with (1);
   the rows that are there already are the ones that it will make. Killed after S, it follows from P, which
   the document holds, and waits the whole of `settle_s` again: later than needed. Whether a write whose
   answer was lost has come through is told by the document; an attempt that finds the switch made by
   somebody else, be it its own late write, begins again from that document's P. So two rebuilders at once
   do no harm either: a lease (rebuilder.py) only saves the work.

The price: between S and the moment when the follower's last replays are stored, some tenths of a second,
records that came in just before S may be missing for readers; and a native message that was sent while its
key changed may be judged by either side of the change.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from headwater.domain.datasets import Build, BuildState, Dataset
from headwater.domain.errors import Conflict, TooLarge
from headwater.domain.fields import configure
from headwater.domain.tables import (
    CLICKHOUSE_TYPES,
    Table,
    history_table,
    patch_type,
    patches_history_table,
    patches_table,
    rows_table,
)
from headwater.domain.types import FieldType
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.groups import Offsets
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.reader import LogReader
from headwater.runtime.kafka.runs import Message
from headwater.runtime.kafka.topics import Topics
from headwater.runtime.schemas import Schemas
from headwater.runtime.store import RowsRefused, Store, UnknownTable
from schedulers.rebuild.following import Follower
from schedulers.rebuild.plan import Abandoned, BuildFailed, Plan, check, failed, filling, settled, switched
from schedulers.rebuild.progress import Progress
from schedulers.rebuild.replays import Replay, archived_replay, live_replay
from schedulers.rebuild.road import Pause, Road

log = structlog.get_logger(__name__)

WRITE_ATTEMPTS = 20  # of one change of the document, against others who change it at the same time
PAGE_MESSAGES = 1_000
PAGE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast replays are sent, and how long the log is followed after the switch."""

    ahead_records: int = 20_000  # records under way at once
    settle_s: float = 10.0  # seconds; twice the processors' `catalog_max_age_s`


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside that a rebuild works with."""

    topics: Topics
    catalog: Catalog
    store: Store
    schemas: Schemas
    producer: Producer
    offsets: Offsets
    reader: Callable[[], LogReader]  # a new one, of topic raw
    clock: Clock
    pause: Pause


class Rebuild:
    """One attempt at one build."""

    def __init__(
        self, world: World, pace: Pace, build: Build, dataset_uid: str, *, may_act: Callable[[], None]
    ) -> None:
        self._world = world
        self._pace = pace
        self._build = build
        self._uid = dataset_uid
        self._may_act = may_act
        self._switched = build.state is BuildState.SETTLING
        self._switching = False  # our own write is on its way: the follower may see it before we do
        self._merged = False
        self._progress = Progress(
            world.producer, world.topics.activity, world.clock, dataset_uid=dataset_uid, build_uid=build.uid
        )
        self._road = Road(
            world.topics,
            producer=world.producer,
            offsets=world.offsets,
            check=self._check,
            pause=world.pause,
            ahead_records=pace.ahead_records,
        )

    async def run(self) -> None:
        """Bring the build to its end.

        Raises Abandoned when there is nothing left to do, BuildFailed when it can never succeed, and
        StartOver, PositionGone, Unavailable or Conflict when another attempt will do better.
        """
        try:
            if self._switched:
                dataset = self._check()
                await self._follow(await self._known_positions(), Plan.of(dataset, self._build))
            else:
                dataset = await self._change(filling)
                plan = Plan.of(dataset, self._build)
                positions = await self._archived_until()
                await self._replay_archive(plan)
                await self._follow(positions, plan)
        except TooLarge as error:
            raise BuildFailed(f"A message of its raw records cannot be sent again: {error}.") from error
        finally:
            await self._road.close()

    async def _archived_until(self) -> dict[int, int]:
        """Return the raw offsets below which everything that is ever archived is in the archive."""
        topics, offsets = self._world.topics, self._world.offsets
        committed = await offsets.committed(topics.archive_group, topics.raw)
        starts = await offsets.starts(topics.raw)
        return {partition: max(start, committed.get(partition, 0)) for partition, start in starts.items()}

    async def _known_positions(self) -> dict[int, int]:
        """Return the positions of the switch; partitions that came later are read from their start."""
        known = self._build.positions
        starts = await self._world.offsets.starts(self._world.topics.raw)
        return {partition: max(start, known.get(str(partition), 0)) for partition, start in starts.items()}

    async def _replay_archive(self, plan: Plan) -> None:
        """Send what the archive holds of the dataset."""
        store = self._world.store
        self._progress.total = await store.count_archived(self._uid)
        after = plan.archive_from
        while page := await store.archived(self._uid, after=after, limit=PAGE_MESSAGES, max_bytes=PAGE_BYTES):
            self._check()
            for message in page:
                await self._send(archived_replay(message, plan))
            after = page[-1].place
        await self._road.acknowledged()
        self._progress.total = self._progress.replayed

    async def _send(self, replay: Replay | None) -> None:
        if replay is not None:
            await self._road.send(replay)
            self._merged = self._merged or replay.merges
            self._progress.add(replay.count)

    async def _follow(self, positions: Mapping[int, int], plan: Plan) -> None:
        """Follow the log from these positions until the build is complete."""
        reader = self._world.reader()
        follower = Follower(
            reader,
            self._road,
            positions,
            convert=partial(self._live_replay, plan),
            check=self._check,
            pause=self._world.pause,
        )
        following = asyncio.create_task(follower.run(), name="follow raw")
        completing = asyncio.create_task(self._complete(follower, plan), name="complete build")
        try:
            await asyncio.wait({following, completing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (following, completing):
                if task.done():
                    task.result()
        finally:
            following.cancel()
            completing.cancel()
            await asyncio.gather(following, completing, return_exceptions=True)
            await reader.close()

    def _live_replay(self, plan: Plan, message: Message) -> Replay | None:
        return live_replay(message, self._check(), plan)

    async def _complete(self, follower: Follower, plan: Plan) -> None:
        """Switch when everything is stored, and end the build when nobody can take the old way any more."""
        if not self._switched:
            await self._catch_up(follower)
            if plan.copies and plan.unarchived:
                await self._copy(plan)
                await self._catch_up(follower)  # readers must not see less than before the copy
            await self._switch(follower)
        await self._world.pause(self._pace.settle_s)
        await self._catch_up(follower)
        await self._change(settled)
        self._progress.end()
        log.info("build complete", dataset=self._uid, build=self._build.uid)

    async def _catch_up(self, follower: Follower) -> None:
        """Return when everything that the log holds now is in the store, as far as it belongs there."""
        await follower.passed(await self._world.offsets.ends(self._world.topics.raw))
        self._progress.note_live(follower.replayed)
        await self._road.stored()

    async def _switch(self, follower: Follower) -> None:
        positions = dict(follower.positions)
        merged = self._merged or follower.merged
        self._switching = True
        await self._change(partial(switched, positions=positions, merged=merged))
        self._switched = True
        log.info("readers see the new generation", dataset=self._uid, generation=self._build.generation)

    async def _copy(self, plan: Plan) -> None:
        """Copy the rows, merges and history of resources that have no archive."""
        dataset = self._check()
        old, new = dataset.generation, self._build.generation
        tables = [(rows_table, rows_table), (patches_table, patches_table)]
        if self._build.history and dataset.history:
            tables += [(history_table, history_table), (patches_history_table, patches_history_table)]
        elif self._build.history:  # it begins with what is there now
            tables += [(rows_table, history_table), (patches_table, patches_history_table)]
        for source, target in tables:
            await self._copy_table(source(self._uid, old).name, target(self._uid, new), plan)

    async def _copy_table(self, source: str, target: Table, plan: Plan) -> None:
        store = self._world.store
        try:
            await store.ensure_table(target, self._columns(target))
            await store.copy_rows(source, target.name, plan.unarchived)
        except UnknownTable:
            log.info("nothing to copy", table=source)
        except RowsRefused as error:
            raise BuildFailed(f"Its stored records cannot be taken over: {error}.") from error

    def _columns(self, target: Table) -> dict[str, str]:
        """Return the columns that rows of this dataset may fill, by what was ever seen in it."""
        configuration = configure(self._check(), self._world.schemas.get(self._uid))
        names = {column for one in configuration.fields for column in one.columns}
        types = {name: CLICKHOUSE_TYPES[FieldType(name.rpartition(":")[2])] for name in sorted(names)}
        return {name: patch_type(kind) for name, kind in types.items()} if target.aggregates else types

    def _check(self) -> Dataset:
        """Return the dataset; raises when this attempt is not to go on."""
        self._may_act()
        dataset, build = self._world.catalog.get(self._uid), self._build
        if self._switching and not self._switched and dataset is not None and dataset.build is not None:
            return dataset
        return check(dataset, build, switched=self._switched)

    async def _change(self, change: Callable[[Dataset], Dataset]) -> Dataset:
        """Write a change of the document, whatever else is changed in it meanwhile."""
        return await change_document(self._world.catalog, self._check, change)


async def change_document(
    catalog: Catalog, present: Callable[[], Dataset], change: Callable[[Dataset], Dataset]
) -> Dataset:
    """Return the document with a change made; raises what `present` and `change` raise, BrokerUnavailable,
    and Conflict when others were faster too often.
    """
    for _ in range(WRITE_ATTEMPTS):
        dataset = present()
        changed = change(dataset)
        if changed == dataset:
            return dataset
        try:
            return await catalog.write(changed)
        except Conflict as error:
            log.info("the document was changed by somebody else", error=str(error))
    raise Conflict(f"a document was changed by others {WRITE_ATTEMPTS} times in a row")


async def give_up(catalog: Catalog, dataset_uid: str, build: Build, why: str) -> None:
    """Drop a build that can never succeed, and say why in the document."""

    def present() -> Dataset:
        dataset = catalog.get(dataset_uid)
        if dataset is None or dataset.build is None or dataset.build.uid != build.uid:
            raise Abandoned("the build is gone already")
        return dataset

    with suppress(Abandoned):
        await change_document(catalog, present, partial(failed, why=why))
