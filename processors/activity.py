"""What came in lately?  Counts of every resource since this process started, told when they have changed.

Told a while later and at most so often; what is not told when the process dies is not told. Who watches for
silence (schedulers) needs no more.
"""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass

import orjson
import structlog

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.producer import Producer

log = structlog.get_logger(__name__)

TELL_EVERY_S = 2.0


@dataclass(slots=True)
class Intake:
    """What came in by one resource."""

    started_at_us: int  # since when it is counted
    at_us: int = 0  # the newest arrival
    records: int = 0
    quarantined: int = 0  # of `records`


class Ledger:
    """The counts, of at most `limit` resources: those that something came in by last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._intakes: dict[tuple[str, str], Intake] = {}
        self._changed: set[tuple[str, str]] = set()

    def note(
        self, dataset: str, resource: str, *, records: int, quarantined: int, at_us: int, now_us: int
    ) -> None:
        """Add what came in by a resource (dataset uid, resource id)."""
        place = (dataset, resource)
        intake = self._intakes.pop(place, None) or Intake(now_us)
        if len(self._intakes) >= self._limit:
            oldest = next(iter(self._intakes))
            del self._intakes[oldest]
            self._changed.discard(oldest)
        self._intakes[place] = intake
        intake.at_us = max(intake.at_us, at_us)
        intake.records += records
        intake.quarantined += quarantined
        self._changed.add(place)

    def changed(self) -> dict[tuple[str, str], Intake]:
        """Return what has changed since the last call."""
        places, self._changed = self._changed, set()
        return {place: self._intakes[place] for place in sorted(places)}

    def restore(self, dataset: str, resource: str) -> None:
        """Let the next call of `changed` return a resource again: it could not be told."""
        if (dataset, resource) in self._intakes:
            self._changed.add((dataset, resource))


class Activity:
    """Keeps the ledger, and tells topic activity of it."""

    def __init__(self, producer: Producer, topic: str, *, clock: Clock, instance: str, limit: int) -> None:
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._instance = instance
        self._ledger = Ledger(limit)
        self._telling: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Tell from now on."""
        self._telling = asyncio.create_task(self._tell_on(), name="activity")

    async def close(self) -> None:
        """Tell the rest, once, and stop; takes two produce time-outs at most. Closing twice is harmless."""
        telling, self._telling = self._telling, None
        self._closing.set()
        if telling is not None:
            await telling
            await self.tell()

    def note(self, dataset: str, resource: str, *, records: int, quarantined: int, at_us: int) -> None:
        """Add what came in by a resource (dataset uid, resource id) at a moment; never blocks."""
        now_us = self._clock.now_us()
        self._ledger.note(
            dataset, resource, records=records, quarantined=quarantined, at_us=at_us, now_us=now_us
        )

    async def tell(self) -> None:
        """Send what has changed; what cannot be sent waits for the next time."""
        sending = {
            place: self._producer.send_soon(
                self._topic,
                orjson.dumps(asdict(intake)),
                key=f"in/{place[0]}/{place[1]}/{self._instance}".encode(),
                partition=0,
            )
            for place, intake in self._ledger.changed().items()
        }
        for place, sent in sending.items():
            try:
                await sent
            except BrokerUnavailable as error:
                self._ledger.restore(*place)
                log.warning("activity was not told", dataset=place[0], resource=place[1], error=str(error))

    async def _tell_on(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(TELL_EVERY_S):
                    await self._closing.wait()
            await self.tell()
