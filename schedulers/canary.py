"""How fresh is it, right now?  One record pushed every few seconds, timed until it can be read.

The time counts from before the push until the pushed value itself comes back from the store, so it holds
everything: gateway, log, processors, sinks. A record that does not come in time counts with the time that
was waited: leaving it out would make the worst minutes look best. The canary's dataset keeps one row for
each scheduler, because the record's key is the scheduler's name.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from headwater.domain.datasets import Dataset, FieldItem, PushKey, Resource, hash_pushkey
from headwater.domain.errors import BrokerUnavailable, Conflict, HeadwaterError, StoreUnavailable
from headwater.domain.identity import record_id
from headwater.domain.tables import physical_column, rows_table
from headwater.domain.types import FieldType
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Clock
from headwater.runtime.store import ReadField, Relation, Select, Store, UnknownTable
from schedulers.gateway import Gateway, GatewayUnavailable, PushRefused
from schedulers.settings import SchedulerSettings

log = structlog.get_logger(__name__)

DATASET_ID = "_canary"
KEY_FIELD, VALUE_FIELD = "scheduler", "pushed_at_us"
GATEWAY_POLL_S = 0.05
POLL_CLOSELY_S = 0.25
POLL_SHARE = 0.05  # of the time so far, after that: between two looks, so how wrong a measure may be
WRITE_ATTEMPTS = 3  # of the dataset's document, against other schedulers that start at the same time

Pause = Callable[[float], Awaitable[None]]  # seconds


class RecordLate(HeadwaterError):
    """The record was acknowledged but could not be read within `waited_s`."""

    code = "late"

    def __init__(self, waited_s: float) -> None:
        self.waited_s = waited_s
        super().__init__(f"acknowledged, but not readable after {waited_s:.1f} s")


# The cause under which a failed round is counted.
CAUSES: Mapping[type[HeadwaterError], str] = {
    RecordLate: "late",
    GatewayUnavailable: "gateway",
    PushRefused: "refused",
    StoreUnavailable: "store",
    BrokerUnavailable: "broker",
    Conflict: "catalog",
}


class Canary:
    """Pushes and looks, round after round, whoever else is away."""

    def __init__(
        self,
        settings: SchedulerSettings,
        *,
        name: str,
        catalog: Catalog,
        gateway: Gateway,
        store: Store,
        clock: Clock,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._name = name
        self._resource_id = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "scheduler"
        self._pushkey = secrets.token_hex(28)  # of this process only; never written down
        self._catalog = catalog
        self._gateway = gateway
        self._store = store
        self._clock = clock
        self._pause = pause
        self._pushed = 0
        self._failing = ""

    async def run(self) -> None:
        """Measure for ever, at a steady pace; a round that takes too long delays the next one."""
        while True:
            began = self._clock.now_us()
            await self.measure()
            await self._pause(max(0.0, self._settings.canary_interval_s - self._since_s(began)))

    async def measure(self) -> None:
        """Do one round, and count what came of it."""
        try:
            took_s = await self._round()
        except tuple(CAUSES) as error:
            self._note_failure(error)
        else:
            metrics.CANARY_PUSH_TO_SEARCHABLE.observe(took_s)
            metrics.CANARY_LAST_SUCCESS_SECONDS.set(self._clock.now_us() / 1_000_000)
            if self._failing:
                log.info("canary is well again", took_s=took_s)
            self._failing = ""

    async def _round(self) -> float:
        """Return the seconds from push to searchable; raises one of CAUSES."""
        dataset = await self._ensure_open()
        began = self._clock.now_us()
        value = self._pushed = max(self._pushed + 1, began)
        await self._push(value)
        while not await self._is_readable(dataset, value):
            since_s = self._since_s(began)
            if since_s >= self._settings.canary_search_timeout_s:
                raise RecordLate(since_s)
            await self._pause(self._poll_s(since_s))
        return self._since_s(began)

    def _poll_s(self, since_s: float) -> float:
        """Return how long to wait before the next look; a store that is behind is asked less and less."""
        wanted_s = self._settings.canary_poll_ms / 1000
        if since_s > POLL_CLOSELY_S:
            wanted_s = max(wanted_s, since_s * POLL_SHARE)
        return min(wanted_s, self._settings.canary_search_timeout_s - since_s)

    async def _is_readable(self, dataset: Dataset, value: int) -> bool:
        select = Select(
            relation=Relation(table=rows_table(dataset.uid, dataset.generation).name),
            fields=(ReadField(VALUE_FIELD, FieldType.INT, (physical_column(VALUE_FIELD, FieldType.INT),)),),
            record_id=record_id([(KEY_FIELD, self._name)]),
        )
        try:
            rows = await self._store.select(select)
        except UnknownTable:  # nothing was ever stored
            return False
        return any(row[VALUE_FIELD] == value for row in rows)

    async def _ensure_open(self) -> Dataset:
        """Return the canary's dataset, made or mended when it does not accept our key."""
        for _ in range(WRITE_ATTEMPTS):
            dataset = self._catalog.find(DATASET_ID)
            if dataset is not None and self._accepts(dataset):
                return dataset
            try:
                written = await self._catalog.write(self._opened(dataset or _new_dataset()))
            except Conflict as error:
                log.info("canary dataset was changed by somebody else", error=str(error))
            else:
                await self._wait_for_gateway()
                return written
        raise Conflict(f"dataset {DATASET_ID} was changed by others {WRITE_ATTEMPTS} times in a row")

    async def _wait_for_gateway(self) -> None:
        """Return once the gateway knows of the change, which reaches it a moment after us."""
        began = self._clock.now_us()
        while True:
            try:
                return await self._push(0)
            except PushRefused:
                if self._since_s(began) >= self._settings.canary_push_timeout_s:
                    raise
            await self._pause(GATEWAY_POLL_S)

    async def _push(self, value: int) -> None:
        record = {KEY_FIELD: self._name, VALUE_FIELD: value}
        await self._gateway.push(DATASET_ID, self._resource_id, self._pushkey, record)

    def _accepts(self, dataset: Dataset) -> bool:
        resource = dataset.resource(self._resource_id)
        return (
            dataset.published
            and resource is not None
            and resource.enabled
            and resource.opened_by(self._pushkey, self._clock.now_us()) is not None
        )

    def _opened(self, dataset: Dataset) -> Dataset:
        """Return the dataset with our own resource, open to our key."""
        before = dataset.resource(self._resource_id)
        resource = Resource(
            uid=before.uid if before else f"re_{secrets.token_hex(6)}",
            resource_id=self._resource_id,
            title=f"Canary of {self._name}",
            keys=(PushKey(uid=f"pk_{secrets.token_hex(6)}", hash=hash_pushkey(self._pushkey)),),
            params={"bootstrap": {KEY_FIELD: "schedulers", VALUE_FIELD: 1}, "recovery": False},
        )
        return replace(dataset.with_resource(resource), published=True, private=True)

    def _note_failure(self, error: HeadwaterError) -> None:
        cause = next(cause for kind, cause in CAUSES.items() if isinstance(error, kind))
        metrics.CANARY_FAILURES.labels(cause=cause).inc()
        if isinstance(error, RecordLate):
            metrics.CANARY_PUSH_TO_SEARCHABLE.observe(error.waited_s)
        if cause != self._failing:
            log.warning("canary failed; counted in silence until that changes", cause=cause, error=str(error))
        self._failing = cause

    def _since_s(self, began_us: int) -> float:
        return max(0.0, (self._clock.now_us() - began_us) / 1_000_000)


def _new_dataset() -> Dataset:
    key = FieldItem(
        uid=f"df_{secrets.token_hex(6)}",
        type="annotate",
        params={"field": KEY_FIELD, "annotation": "id", "args": []},
    )
    return Dataset(
        uid=f"da_{secrets.token_hex(6)}",
        dataset_id=DATASET_ID,
        title="Canary",
        published=True,
        private=True,
        fields=(key,),
    )
