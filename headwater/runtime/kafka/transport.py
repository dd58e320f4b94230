"""A Faust transport that hands agents whole runs of messages, and commits only what they finished.

Guarantee: an agent sees every message of its topics at least once, and the committed offset never passes a
run whose `finish` was not called. The price: Faust's acknowledgement counts for nothing here (it also
acknowledges what it skips in a rebalance, what a failed handler left undone, and it can commit past a
message in flight), and after a rebalance the unfinished runs are read again.

Source: faust/transport/consumer.py and drivers/aiokafka.py of faust-streaming 0.15.3, which this subclasses.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types import Message as FaustMessage

from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.runs import Message, Run, coalesce
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)
FAUST_LOG = logging.getLogger("faust.headwater")  # quiet unless something is wrong, like the rest of Faust

FETCH_MAX_WAIT_MS = 100  # at the broker, while there is nothing to fetch

# Both in C: a record of one line is handled in a few microseconds, and this happens to each.
_facts = attrgetter("offset", "timestamp", "value", "headers")
_message = partial(tuple.__new__, Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """When neighbouring messages become one run, and how many runs wait in memory."""

    routing: frozenset[str]  # names of the headers that must be equal
    max_messages: int = 5_000
    max_bytes: int = 512 * 1024
    buffered_runs: int = 16  # runs between Kafka and the agent
    small_fetch_bytes: int = 64 * 1024  # after a smaller fetch than this
    rest_s: float = 0.005  # the next one begins this much later at the earliest


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, in which a commit that fails is tried again and does not end the process."""

    logger = FAUST_LOG

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust says 1,500 and has no setting for it. A fetch that waits for partitions which are read to
        # their end keeps a partition that was read meanwhile, and has more, waiting for as long.
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        mine = {driver.ensure_aiokafka_TP(tp): offset for tp, offset in offsets.items() if tp in assigned}
        try:
            await consumer.commit(mine)
        except KafkaError as error:
            log.warning("commit failed, will be tried again", error=repr(error))
            return False
        return True


class _NothingRead(dict[TP, int | None]):
    """A read position that is never known, so that Faust drops no message as already read."""

    def __getitem__(self, _: TP) -> None:
        return None

    def __setitem__(self, _: TP, offset: int | None) -> None:
        pass

    def update(self, *_: Any, **__: Any) -> None:
        pass


class _Consumer(driver.Consumer):
    """Fetches runs instead of messages, and owns the bookkeeping of what may be committed."""

    logger = FAUST_LOG

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy: RunPolicy = self.app.run_policy
        self._queues: dict[TP, CommitQueue] = {}
        self._committed: dict[TP, int] = {}
        self._read_offset = _NothingRead()
        self._next_fetch_s = 0.0
        self._seeks_begun = 0
        self._seeks_ended = 0

    @property
    def queues(self) -> Collection[CommitQueue]:
        """The commit queues of the partitions that are ours now."""
        return self._queues.values()

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Run]]:  # noqa: ASYNC109
        await self._rest()
        begun, ended = self._seeks_begun, self._seeks_ended
        fetched = await super()._getmany(active_partitions, timeout)
        if begun != ended or begun != self._seeks_begun:
            # A seek ran meanwhile: nobody can say whether these were read before or after it. Read again.
            await self.perform_seek()
            return {}
        runs = {driver.TP(*tp): self._runs(driver.TP(*tp), records) for tp, records in fetched.items()}
        size = sum(run.size_bytes for many in runs.values() for run in many)
        small = 0 < size < self._policy.small_fetch_bytes
        self._next_fetch_s = self.loop.time() + self._policy.rest_s if small else 0.0
        return runs

    async def _rest(self) -> None:
        """After a fetch that brought little, let more gather: each fetch costs its milliseconds.

        What comes after a silence is still fetched at once.
        """
        wait_s = self._next_fetch_s - self.loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def _runs(self, tp: TP, records: list[ConsumerRecord]) -> list[Run]:
        policy, queue = self._policy, self._queue(tp)
        fetched = map(_message, map(_facts, records))
        messages = [one if one.value is not None else one._replace(value=b"") for one in fetched]
        runs = list(
            coalesce(
                tp.topic,
                tp.partition,
                messages,
                routing=policy.routing,
                max_messages=policy.max_messages,
                max_bytes=policy.max_bytes,
                queue=queue,
            )
        )
        for run in runs:
            queue.fetched(run.first, run.end)
        return runs

    def _queue(self, tp: TP) -> CommitQueue:
        if tp not in self._queues:
            self._queues[tp] = CommitQueue()
        return self._queues[tp]

    def _to_message(self, tp: TP, record: Run) -> ConsumerMessage:
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.end - 1,
            record.messages[-1].timestamp_ms / 1000,
            0,
            (),
            None,
            record,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def perform_seek(self) -> None:
        """Go back to the committed offsets; runs that are in flight now no longer count."""
        self._seeks_begun += 1
        try:
            self._queues.clear()
            await super().perform_seek()
            self._queues.clear()
        finally:
            self._seeks_ended += 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is finished while the partitions are still ours, then forget them."""
        await self.commit()
        for tp in revoked:
            self._queues.pop(tp, None)
            self._committed.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    def ack(self, message: FaustMessage) -> bool:
        """Note only that Faust is through with the message: `Run.finish` decides what is committed."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002 - Faust's signature
        """Commit the safe offset of every partition that moved."""
        offsets = {
            tp: queue.safe_offset
            for tp, queue in self._queues.items()
            if queue.safe_offset is not None and queue.safe_offset > self._committed.get(tp, -1)
        }
        if not offsets or not await self._commit(offsets):
            return False
        self._committed.update(offsets)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        pass  # gaps in the log are no business of the commit queue

    def verify_event_path(self, now: float, tp: TP) -> None:
        pass  # our own liveness check (runtime/health.py) restarts what is stuck


class _Transport(driver.Transport):
    Consumer = _Consumer


class RunApp(faust.App):
    """A Faust app whose agents are handed runs."""

    logger = FAUST_LOG
    run_policy: RunPolicy

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        pass  # without tables Faust keeps nothing on disk

    def progress(self) -> tuple[int, int]:
        """Return how many fetched runs are not finished, and a number that grows with every finish."""
        queues = self.consumer.queues if self._consumer else ()
        return sum(queue.in_flight for queue in queues), sum(queue.safe_offset or 0 for queue in queues)


def make_app(name: str, kafka: KafkaSettings, policy: RunPolicy, *, instance: str = "") -> RunApp:
    """Return a Faust app that belongs to consumer group `name` and gives its agents runs.

    `instance` is a stable name among the group's members: a member that restarts under it within the
    session time-out gets its partitions back without a rebalance.
    """
    app = RunApp(
        name,
        broker=";".join(f"kafka://{server.strip()}" for server in kafka.bootstrap.split(",")),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance or None,
        consumer_max_fetch_size=4 * 1024 * 1024,
        broker_commit_interval=0.5,
        broker_max_poll_records=policy.max_messages,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        stream_buffer_maxsize=policy.buffered_runs,
        stream_wait_empty=False,
    )
    app.run_policy = policy
    return app


def run_topic(app: RunApp, topic: str) -> Any:
    """Return the Faust topic whose values are runs."""
    return app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
