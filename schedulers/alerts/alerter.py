"""Looks at all resources that are watched, and tells whoever wants to know.

One scheduler does it at a time, under a lease that also keeps what was raised and told. That is written
before anything is told and after each telling: a restart, or another scheduler, goes on where the last one
was. The
price: killed between a mail and the note of it, the same mail, with the same id, is sent once more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from headwater.domain.activity import Traffic
from headwater.domain.datasets import Resource
from headwater.domain.errors import BrokerUnavailable, Refused, Unavailable
from headwater.runtime import metrics
from headwater.runtime.activity import Activity
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.leases import Leases
from headwater.runtime.mail import Mailer
from schedulers.alerts.notices import QUARANTINE, SILENCE, Letterhead, Notice, document_of, mail_of
from schedulers.alerts.watch import Watch, Window, is_watched, judged, told, watched
from schedulers.alerts.webhook import Webhook
from schedulers.settings import SchedulerSettings

log = structlog.get_logger(__name__)

LEASE = "alerts"
MAIL, WEBHOOK = "mail", "webhook"
MAX_TOLD = 20  # notices of one round: the lease must be renewed in between
RETRY_ROUNDS = 12  # rounds to wait after something could not be told
_NOTHING = Traffic()

Pause = Callable[[float], Awaitable[None]]  # seconds
Place = tuple[str, str]  # dataset uid, resource id


class Alerter:
    """Looks again and again, for ever."""

    def __init__(
        self,
        settings: SchedulerSettings,
        *,
        head: Letterhead,
        catalog: Catalog,
        activity: Activity,
        leases: Leases,
        mailer: Mailer,
        webhook: Webhook,
        clock: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._head = head
        self._catalog = catalog
        self._activity = activity
        self._leases = leases
        self._mailer = mailer
        self._webhook = webhook
        self._clock = clock
        self._pause = pause
        self._watches: dict[Place, Watch] | None = None  # None: somebody else has the lease
        self._windows: dict[Place, Window] = {}
        self._wait_rounds = 0

    async def run(self) -> None:
        """Look, tell, rest."""
        while True:
            try:
                await self.look()
            except BrokerUnavailable as error:
                log.warning("alerts wait for Kafka", error=str(error))
            await self._pause(self._settings.alert_interval_s)

    async def look(self) -> None:
        """Do one round, unless another scheduler does them. Raises BrokerUnavailable."""
        if not await self._hold():
            return
        self._step()
        if await self._keep():
            await self._tell()

    async def _hold(self) -> bool:
        lease = await self._leases.hold(LEASE)
        if lease is None:
            self._watches, self._windows = None, {}
            return False
        if self._watches is None:
            self._watches = {
                (key.partition("/")[0], key.partition("/")[2]): Watch.from_json(one)
                for key, one in lease.state.items()
            }
        return True

    async def _keep(self) -> bool:
        """Write down what is known; tell whether we still may act."""
        assert self._watches is not None
        state = {f"{uid}/{resource}": one.to_json() for (uid, resource), one in sorted(self._watches.items())}
        if await self._leases.hold(LEASE, state) is not None:
            return True
        self._watches, self._windows = None, {}
        return False

    def _step(self) -> None:
        """Look at every resource that is watched, and forget those that are not any more."""
        assert self._watches is not None
        before, after = self._watches, dict[Place, Watch]()
        for dataset in self._catalog.all():
            wanted = [one for one in dataset.resources if is_watched(dataset, one)]
            for resource in wanted:
                place = (dataset.uid, resource.resource_id)
                after[place] = self._look_at(place, before.get(place), resource)
        self._watches = after
        self._windows = {place: one for place, one in self._windows.items() if place in after}

    def _look_at(self, place: Place, watch: Watch | None, resource: Resource) -> Watch:
        now_us, channels = self._clock.now_us(), self._channels(resource)
        traffic = self._activity.traffic(place[0]).get(place[1], _NOTHING)
        watch = watched(watch, resource, traffic, channels=channels, now_us=now_us)
        window = self._windows.setdefault(place, Window(at_us=now_us, traffic=traffic))
        if now_us - window.at_us >= self._settings.alert_quarantine_window_s * 1_000_000:
            watch = judged(watch, resource, window, traffic, channels=channels, now_us=now_us)
            self._windows[place] = Window(at_us=now_us, traffic=traffic)
        return watch

    def _channels(self, resource: Resource) -> tuple[str, ...]:
        mail = self._mailer.is_configured and self._recipients(resource)
        return ((MAIL,) if mail else ()) + ((WEBHOOK,) if resource.params.get("alert_webhook") else ())

    def _recipients(self, resource: Resource) -> tuple[str, ...]:
        return tuple(resource.params.get("alert_emails") or self._settings.alert_emails)

    async def _tell(self) -> None:
        """Tell what is owed, and note each telling."""
        if self._wait_rounds:
            self._wait_rounds -= 1
            return
        for place, kind, channel in self._owed()[:MAX_TOLD]:
            if not await self._tell_one(place, kind, channel):
                self._wait_rounds = RETRY_ROUNDS
            elif not await self._keep():
                return

    def _owed(self) -> list[tuple[Place, str, str]]:
        watches = self._watches or {}
        return [
            (place, kind, channel)
            for place, watch in watches.items()
            for kind in (SILENCE, QUARANTINE)
            if (alarm := getattr(watch, kind)) is not None
            for channel in alarm.owed
        ]

    async def _tell_one(self, place: Place, kind: str, channel: str) -> bool:
        """Tell one channel of one alarm; False when it has to be tried again."""
        assert self._watches is not None
        watch, dataset = self._watches[place], self._catalog.get(place[0])
        resource = dataset.resource(place[1]) if dataset else None
        if dataset is None or resource is None:
            return True  # gone; the next round forgets it
        alarm = getattr(watch, kind)
        try:
            await self._send(Notice(kind=kind, dataset=dataset, resource=resource, alarm=alarm), channel)
        except Unavailable as error:
            metrics.ALERTS.labels(channel=channel, outcome="delayed").inc()
            log.warning("an alert could not be told yet", channel=channel, error=str(error))
            return False
        except Refused as error:
            metrics.ALERTS.labels(channel=channel, outcome="refused").inc()
            log.warning("an alert was refused", channel=channel, dataset=place[0], error=str(error))
        else:
            metrics.ALERTS.labels(channel=channel, outcome="told").inc()
        after = told(alarm, channel)
        self._watches[place] = (
            replace(watch, silence=after) if kind == SILENCE else replace(watch, quarantine=after)
        )
        return True

    async def _send(self, notice: Notice, channel: str) -> None:
        if channel == MAIL:
            await self._mailer.send(mail_of(notice, self._recipients(notice.resource), self._head))
        else:
            url = str(notice.resource.params.get("alert_webhook") or "")
            await self._webhook.post(url, document_of(notice, self._head))
