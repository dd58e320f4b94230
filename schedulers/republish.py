"""Must a dataset be made again because one that it joins has changed?  *Republish all records upon update*.

What is joined into a record is that of the moment when the record was made. Where an owner wants more, a
build of the joined dataset is asked for, with the configuration that is in force, when the remote one has
been quiet for `quiet_s`, or has not become quiet for `every_s`. Never more often than every `every_s`, not
while a build goes on or a draft waits for publication: then afterwards.

A dataset that is joined, by such joins, back into what it joins would be made again for ever. Its joins are
left out, and so are those of a dataset with itself.

One scheduler does it at a time, under a lease that also keeps what was asked for when, and the moment up to
which all changes are served or known. Another one that takes over finds later changes by the activity of the
remote datasets: what was changed while no scheduler ran is not forgotten. The price: a change that came about
by the end of a build of the remote dataset in that time is.

A build whose archive has not all records would lose some. Nobody can be asked here, so it is left out, and
said in the log.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from headwater.domain.applied import Change
from headwater.domain.builds import Design, is_whole, with_build
from headwater.domain.datasets import Dataset
from headwater.domain.errors import BrokerUnavailable, Conflict
from headwater.runtime.activity import Activity
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.leases import Leases

log = structlog.get_logger(__name__)

LEASE = "republish"
LOOK_S = 1.0
MINUTE_US = 60_000_000  # how exactly the lease knows what is served: it is written that often

Pause = Callable[[float], Awaitable[None]]  # seconds
Edges = Mapping[str, frozenset[str]]  # uid of a remote dataset -> of those that join it


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """How long a remote dataset has to be quiet, and how often a dataset is made again at most."""

    quiet_s: float = 10.0
    every_s: float = 300.0


@dataclass(slots=True)
class Waiting:
    """Changes that a dataset has to be made again for: when the first and the last were told."""

    first_us: int
    last_us: int


class Republisher:
    """Looks again and again, for ever."""

    def __init__(
        self,
        calm: Calm,
        *,
        catalog: Catalog,
        activity: Activity,
        leases: Leases,
        clock: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._calm = calm
        self._catalog = catalog
        self._activity = activity
        self._leases = leases
        self._clock = clock
        self._pause = pause
        self._edges: Edges | None = None  # None: the catalog has changed
        self._changed: set[str] = set()  # uids of remote datasets, since the last look
        self._waiting: dict[str, Waiting] = {}  # by uid of the dataset to be made again
        self._asked_us: dict[str, int] | None = None  # the same; None: somebody else has the lease
        catalog.subscribe(self._on_change)

    async def run(self) -> None:
        """Look, ask, rest."""
        while True:
            try:
                await self.look()
            except BrokerUnavailable as error:
                log.warning("datasets to be made again wait for Kafka", error=str(error))
            await self._pause(LOOK_S)

    def note(self, change: Change) -> None:
        """Learn that rows of a dataset became visible, unless no reader sees their generation."""
        dataset = self._catalog.get(change.dataset)
        if dataset is not None and dataset.generation == change.generation:
            self._note(change.dataset)

    async def look(self) -> None:
        """Do one round, unless another scheduler does them. Raises BrokerUnavailable."""
        if not await self._hold():
            return
        self._take_changes()
        for uid in self._due():
            await self._ask(uid)
        await self._keep()

    def _on_change(self, old: Dataset | None, new: Dataset | None) -> None:
        self._edges = None
        if old is not None and new is not None and new.published and _seen(old) != _seen(new):
            self._note(new.uid)

    def _note(self, uid: str) -> None:
        if uid in self._joined():
            self._changed.add(uid)

    def _joined(self) -> Edges:
        if self._edges is None:
            self._edges = edges_of(self._catalog.all())
        return self._edges

    async def _hold(self) -> bool:
        lease = await self._leases.hold(LEASE)
        if lease is None:
            self._asked_us = None
            self._changed.clear()
            return False
        if self._asked_us is None:
            self._asked_us = {uid: int(at_us) for uid, at_us in lease.state.get("asked_us", {}).items()}
            self._waiting = {}
            if (served_us := lease.state.get("served_us")) is not None:
                self._catch_up(int(served_us))
        return True

    def _catch_up(self, served_us: int) -> None:
        """Let those wait whose remote datasets have received something since, and since they were built."""
        now_us, asked_us = self._clock.now_us(), self._asked_us or {}
        for remote, uids in self._joined().items():
            newest_us = max((one.at_us for one in self._activity.traffic(remote).values()), default=0)
            for uid in uids:
                if newest_us >= max(served_us, asked_us.get(uid, 0)):
                    self._waiting[uid] = Waiting(now_us, now_us)

    def _take_changes(self) -> None:
        """Let those wait that join what has changed; forget those that join it no more."""
        now_us, edges = self._clock.now_us(), self._joined()
        for remote in self._changed:
            for uid in edges.get(remote, ()):
                waiting = self._waiting.setdefault(uid, Waiting(now_us, now_us))
                waiting.last_us = now_us
        self._changed.clear()
        joining = {uid for uids in edges.values() for uid in uids}
        self._waiting = {uid: one for uid, one in self._waiting.items() if uid in joining}

    def _due(self) -> list[str]:
        now_us = self._clock.now_us()
        quiet_us, every_us = self._calm.quiet_s * 1_000_000, self._calm.every_s * 1_000_000
        asked_us = self._asked_us or {}
        return [
            uid
            for uid, one in self._waiting.items()
            if (now_us - one.last_us >= quiet_us or now_us - one.first_us >= every_us)
            and now_us - asked_us.get(uid, 0) >= every_us
        ]

    async def _ask(self, uid: str) -> None:
        """Ask for a build, unless it has to wait. Raises BrokerUnavailable."""
        assert self._asked_us is not None
        dataset, now_us = self._catalog.get(uid), self._clock.now_us()
        if dataset is None or dataset.build is not None or dataset.has_draft:
            return
        if broken := [
            one.resource_id for one in dataset.resources if one.recovers and not is_whole(dataset, one)
        ]:
            log.warning("records would be lost by making them again", dataset=uid, resources=broken)
        else:
            wanted = with_build(
                dataset, Design.in_force(dataset), uid=f"bu_{secrets.token_hex(6)}", now_us=now_us
            )
            try:
                await self._catalog.write(wanted)
            except Conflict as error:
                log.info("the document was changed by somebody else", dataset=uid, error=str(error))
                return
            log.info("dataset is made again: one that it joins has changed", dataset=uid)
        self._asked_us[uid] = now_us
        del self._waiting[uid]

    async def _keep(self) -> None:
        """Write down what was asked for, and up to when everything is served."""
        assert self._asked_us is not None
        joining = {uid for uids in self._joined().values() for uid in uids}
        self._asked_us = {uid: at_us for uid, at_us in self._asked_us.items() if uid in joining}
        unserved = [one.first_us for one in self._waiting.values()]
        served_us = min([self._clock.now_us(), *unserved]) // MINUTE_US * MINUTE_US
        if await self._leases.hold(LEASE, {"asked_us": self._asked_us, "served_us": served_us}) is None:
            self._asked_us = None


def edges_of(datasets: Sequence[Dataset]) -> Edges:
    """Return which datasets are to be made again when another changes, without those in a circle."""
    uids = {one.dataset_id: one.uid for one in datasets}
    joins = {
        one.uid: {uids[remote] for remote in _republishing(one) if remote in uids}
        for one in datasets
        if one.published
    }
    found: dict[str, set[str]] = {}
    for uid, remotes in joins.items():
        for remote in remotes:
            if uid not in _reached(joins, remote):
                found.setdefault(remote, set()).add(uid)
    return {remote: frozenset(joining) for remote, joining in found.items()}


def _republishing(dataset: Dataset) -> Iterator[str]:
    """Return the ids of the datasets whose change makes this one's records again."""
    for item in dataset.processors:
        if item.type == "join_dataset" and item.params.get("republish_all_records_upon_update") is True:
            yield str(item.params.get("dataset", ""))


def _reached(joins: Mapping[str, set[str]], start: str) -> set[str]:
    """Return what a dataset depends on by joins, itself included."""
    reached, ahead = {start}, [start]
    while ahead:
        further = joins.get(ahead.pop(), set()) - reached
        reached |= further
        ahead += further
    return reached


def _seen(dataset: Dataset) -> tuple[int, int]:
    """Return what says that readers see other records, without any of them having come in."""
    return dataset.generation, dataset.sync_version
