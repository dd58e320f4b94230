"""How do replays travel, and when have they arrived?  Onto topic raw, at a pace the others can follow.

Guarantee: when `stored` returns, everything that was sent before the call is in the store: the log has it,
the processors have committed past it, and the sinks past all that the processors had made of it by then. The
price: an answer is as old as two commit intervals. Replays share the road with live records; so no more than
`ahead_records` of them are under way at once, and a live record waits for no more than those.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime import metrics
from headwater.runtime.kafka.groups import Offsets, Positions, has_passed
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.topics import Topics
from schedulers.rebuild.replays import Replay

log = structlog.get_logger(__name__)

Pause = Callable[[float], Awaitable[None]]  # seconds
Check = Callable[[], object]  # raises when the work is not to go on

POLL_S = 0.1
MAX_UNACKNOWLEDGED = 128  # messages; the producer bounds their bytes
SEND_ATTEMPTS = 8  # of one message, each as long as the produce time-out
SEND_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a topic began and ended at a moment."""

    starts: Positions
    ends: Positions


class Road:
    """The way of the replays of one build. One task sends at a time; another may wait for `stored`."""

    def __init__(
        self,
        topics: Topics,
        *,
        producer: Producer,
        offsets: Offsets,
        check: Check,
        pause: Pause,
        ahead_records: int,
    ) -> None:
        self._topics = topics
        self._producer = producer
        self._offsets = offsets
        self._check = check
        self._pause = pause
        self._ahead_records = ahead_records
        self._unacknowledged: set[asyncio.Task[None]] = set()
        self._unmarked = 0  # records sent since the last mark
        self._sent_mark: Mark | None = None
        self._made_mark: Mark | None = None

    async def send(self, replay: Replay) -> None:
        """Send one replay; return when there is room for the next one.

        Raises what `check` raises, and BrokerUnavailable: then whether all that was sent before has come
        through is not known.
        """
        if self._unmarked >= self._ahead_records // 2:
            await self._keep_pace()
        self._unmarked += replay.count
        task = asyncio.create_task(self._deliver(replay))
        self._unacknowledged.add(task)
        if len(self._unacknowledged) >= MAX_UNACKNOWLEDGED:
            await self._settle(asyncio.FIRST_COMPLETED)

    async def acknowledged(self) -> None:
        """Return when all brokers have everything that was sent so far."""
        while self._unacknowledged:
            await self._settle(asyncio.ALL_COMPLETED)

    async def stored(self) -> None:
        """Return when everything that was sent before is in the store, or in quarantine."""
        await self.acknowledged()
        topics = self._topics
        await self._finished(topics.processors_group, topics.raw, await self._mark(topics.raw))
        for topic in (topics.records, topics.quarantine):
            await self._finished(topics.sinks_group, topic, await self._mark(topic))

    async def close(self) -> None:
        """Send no more."""
        for task in self._unacknowledged:
            task.cancel()
        await asyncio.gather(*self._unacknowledged, return_exceptions=True)
        self._unacknowledged.clear()

    async def _finished(self, group: str, topic: str, mark: Mark) -> None:
        """Return when a group has committed all that a topic held at a mark."""
        while not has_passed(await self._offsets.committed(group, topic), mark.ends, mark.starts):
            self._check()
            await self._pause(POLL_S)

    async def _keep_pace(self) -> None:
        """Wait until what was sent before the last mark has become rows, and those before that are stored."""
        await self.acknowledged()
        sent, self._sent_mark = self._sent_mark, await self._mark(self._topics.raw)
        self._unmarked = 0
        if sent is None:
            return
        await self._finished(self._topics.processors_group, self._topics.raw, sent)
        if self._made_mark is not None:
            await self._finished(self._topics.sinks_group, self._topics.records, self._made_mark)
        self._made_mark = await self._mark(self._topics.records)

    async def _mark(self, topic: str) -> Mark:
        return Mark(await self._offsets.starts(topic), await self._offsets.ends(topic))

    async def _settle(self, until: str) -> None:
        """Look at the sends that ended; raises what failed for good."""
        done, _ = await asyncio.wait(self._unacknowledged, return_when=until)
        self._unacknowledged -= done
        for task in done:
            task.result()

    async def _deliver(self, replay: Replay) -> None:
        headers, key = replay.headers, replay.headers[0][1]
        for attempt in range(1, SEND_ATTEMPTS + 1):
            try:
                await self._producer.send(self._topics.raw, replay.value, key=key, headers=headers)
            except BrokerUnavailable as error:
                metrics.RETRIES.labels(service="schedulers", cause="broker").inc()
                if attempt == SEND_ATTEMPTS:
                    raise
                log.info("Kafka is away, a replay is sent again", error=str(error))
                await self._pause(SEND_PAUSE_S)
            else:
                metrics.REPLAYED_RECORDS.inc(replay.count)
                return
