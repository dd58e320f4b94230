"""Which builds are there, and who works on them?  Each under a lease, again until it is done."""

import asyncio
from contextlib import suppress

import structlog

from headwater.domain.datasets import Build, Dataset
from headwater.domain.errors import BrokerUnavailable, Conflict, HeadwaterError, Unavailable
from headwater.runtime import metrics
from headwater.runtime.kafka.reader import PositionGone
from headwater.runtime.leases import Leases
from schedulers.rebuild.plan import Abandoned, BuildFailed, StartOver
from schedulers.rebuild.rebuild import Pace, Rebuild, World, give_up

log = structlog.get_logger(__name__)

POLL_S = 2.0  # between two looks for builds that nobody works on, unless the catalog changes
RENEW_S = 3.0
RETRY_FIRST_S, RETRY_LONGEST_S = 0.5, 30.0
FOR_THE_NEXT_ATTEMPT = (StartOver, PositionGone, Unavailable, Conflict)


class LeaseLost(HeadwaterError):
    """Somebody else works on the build now, or may."""


class Rebuilder:
    """Works on every build of the catalog until it ends: switched and settled, aborted, or failed.

    An attempt that fails because somebody is away is repeated for as long as the build is there: its owner
    sees that it does not end, and may abort it.
    """

    def __init__(self, world: World, pace: Pace, *, leases: Leases, at_once: int) -> None:
        self._world = world
        self._pace = pace
        self._leases = leases
        self._at_once = at_once
        self._running: dict[str, asyncio.Task[None]] = {}  # by dataset uid
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Work for ever; raises only what is a defect of ours."""
        self._world.catalog.subscribe(self._on_change)
        try:
            while True:
                self._changed.clear()
                self._begin()
                await self._wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _on_change(self, old: Dataset | None, new: Dataset | None) -> None:
        if new is not None and new.build is not None and (old is None or old.build is None):
            self._changed.set()

    def _begin(self) -> None:
        """Start to work on builds that nobody of us works on, the oldest first, up to the limit."""
        waiting = [one for one in self._world.catalog.all() if one.build and one.uid not in self._running]
        for dataset in sorted(waiting, key=_requested_at_us)[: max(0, self._at_once - len(self._running))]:
            self._running[dataset.uid] = asyncio.create_task(self._work(dataset.uid), name=dataset.uid)

    async def _wait(self) -> None:
        """Wait until there may be something to begin; raises what a task raised."""
        changed = asyncio.create_task(self._changed.wait())
        resting = asyncio.ensure_future(self._world.pause(POLL_S))
        try:
            tasks = {changed, resting, *self._running.values()}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            resting.cancel()
        for uid, task in list(self._running.items()):
            if task.done():
                del self._running[uid]
                task.result()

    async def _work(self, uid: str) -> None:
        """Work on the build of one dataset, if nobody else does."""
        held = _Held(self._world, self._leases, f"build/{uid}")
        if not await held.take():
            await self._world.pause(POLL_S)
            return
        renewing = asyncio.create_task(held.renew())
        try:
            await self._attempt(uid, held)
        except LeaseLost:
            log.warning("somebody else may work on the build now", dataset=uid)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await held.give_back()

    async def _attempt(self, uid: str, held: "_Held") -> None:
        """Attempt the build again and again until it has ended."""
        delay_s = RETRY_FIRST_S
        while (build := self._build(uid)) is not None:
            try:
                await Rebuild(self._world, self._pace, build, uid, may_act=held.check).run()
            except Abandoned as error:
                log.info("build given up", dataset=uid, build=build.uid, reason=str(error))
                return
            except BuildFailed as error:
                await self._fail(uid, build, error)
            except FOR_THE_NEXT_ATTEMPT as error:
                metrics.RETRIES.labels(service="schedulers", cause="rebuild").inc()
                log.warning("build will be attempted again", dataset=uid, reason=str(error), delay_s=delay_s)
                await self._world.pause(delay_s)
                delay_s = min(delay_s * 2, RETRY_LONGEST_S)
            else:
                metrics.BUILDS.labels(outcome="complete").inc()

    async def _fail(self, uid: str, build: Build, error: BuildFailed) -> None:
        log.error("build failed", dataset=uid, build=build.uid, reason=str(error))
        try:
            await give_up(self._world.catalog, uid, build, str(error))
        except (BrokerUnavailable, Conflict) as unwritten:
            log.warning("the failure could not be noted yet", dataset=uid, error=str(unwritten))
            await self._world.pause(RETRY_FIRST_S)
        else:
            metrics.BUILDS.labels(outcome="failed").inc()

    def _build(self, uid: str) -> Build | None:
        dataset = self._world.catalog.get(uid)
        return dataset.build if dataset else None


class _Held:
    """One lease while we work under it."""

    def __init__(self, world: World, leases: Leases, name: str) -> None:
        self._world = world
        self._leases = leases
        self._name = name
        self._until_us = 0

    async def take(self) -> bool:
        """Take or renew the lease and tell whether we have it; without Kafka the last answer counts."""
        try:
            lease = await self._leases.hold(self._name)
        except BrokerUnavailable as error:
            log.warning("the lease of a build could not be renewed", lease=self._name, error=str(error))
        else:
            self._until_us = 0 if lease is None else lease.until_us
        return self._world.clock.now_us() < self._until_us

    async def renew(self) -> None:
        """Keep the lease until cancelled."""
        while True:
            await self._world.pause(RENEW_S)
            await self.take()

    def check(self) -> None:
        """Raise LeaseLost when somebody else may have it."""
        if self._world.clock.now_us() >= self._until_us:
            raise LeaseLost(f"lease {self._name} is over")

    async def give_back(self) -> None:
        """Let somebody else begin at once."""
        with suppress(BrokerUnavailable):
            await self._leases.release(self._name)


def _requested_at_us(dataset: Dataset) -> int:
    return dataset.build.requested_at_us if dataset.build else 0
