"""How do admitted records reach the log, and when is their sender answered?

A plain push is answered once its message is acknowledged. Whoever asks for more is answered by the rules
here: to wait until the records are searchable, to repeat a request safely, to merge fields into records, to
make the dataset exactly these records.
"""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass

from gateway.admission import Target
from gateway.batching import Batcher
from gateway.claim_book import Claim, Entry, digest_of, token_of
from gateway.claims import Claims
from gateway.merging import ensure_patched, key_names
from gateway.outcomes import NOT_YET_VISIBLE, STORED, VISIBLE, Outcome, synced
from gateway.parameters import PushParameters
from gateway.parsing import Records
from gateway.sync import Floor
from gateway.waiting import Waiters
from headwater.domain.datasets import Dataset
from headwater.domain.errors import InvalidParameter, InvalidPush, KeyReused, NotFound, SyncUnfinished
from headwater.domain.tables import SYNC_MARK
from headwater.runtime import metrics
from headwater.runtime.catalog import Catalog
from headwater.runtime.clock import Stamper
from headwater.runtime.kafka.topics import Op

__all__ = ["Delivery", "Outcome", "check_combination"]

MARK = Records(1, b'{"_id":"%s"}' % SYNC_MARK.encode())


@dataclass(frozen=True, slots=True)
class _Push:
    """One request on its way: what is delivered, how, and until when its sender waits."""

    dataset: Dataset
    target: Target
    op: Op
    records: Records
    parameters: PushParameters
    body_hash: bytes
    until: float  # of the event loop's clock

    @property
    def kind(self) -> str:
        """What the request does with its body."""
        return "sync" if self.parameters.sync else self.op


class Delivery:
    """Delivers records that the doors have admitted and parsed."""

    def __init__(
        self,
        *,
        batcher: Batcher,
        stamper: Stamper,
        catalog: Catalog,
        claims: Claims,
        waiters: Waiters,
        floor: Floor,
    ) -> None:
        self._batcher = batcher
        self._stamper = stamper
        self._catalog = catalog
        self._claims = claims
        self._waiters = waiters
        self._floor = floor

    async def deliver(
        self,
        target: Target,
        op: Op,
        records: Records,
        parameters: PushParameters,
        *,
        body_hash: bytes,
        is_array: bool,
    ) -> Outcome:
        """Bring records onto the log as the parameters ask; return what the sender is told.

        A push with `parameters.is_plain` needs nothing of this: the doors give it to the batcher themselves
        and answer `accepted()`. Call it also when there are no records: a sync of none empties the dataset.

        `body_hash` is the SHA-256 of the body, unpacked (of a deletion by id: of the record id); with the
        operation it tells whether an idempotency key came again with the same request. `is_array` says
        whether the body could have held several records (array, NDJSON, CSV): a sync takes nothing else.

        Returns 200 `{"status": "ok"}`; with `wait` also `"visible": true`, or 202 and false when the time is
        over; of a sync `"records"` and `"deleted"`.

        Raises before anything is sent: InvalidPush (`merge_needs_key`, `sync_needs_array`), InvalidParameter
        (merge or sync of a deletion, sync with merge or partial), KeyReused, RateLimited (too many wait, too
        many keys are remembered), NotFound (the dataset has just gone). Raises BrokerUnavailable,
        StoreUnavailable, and SyncUnfinished when a sync's time is over: the records may be stored then, and
        repeating the request is safe.
        """
        check_combination(op, parameters, is_array=is_array)
        push = _Push(
            self._dataset(target),
            target,
            Op.MERGE if parameters.merge else op,
            records,
            parameters,
            body_hash,
            asyncio.get_running_loop().time() + parameters.timeout_s,
        )
        if parameters.merge:
            key_names(push.dataset)
        if not records.count and not parameters.sync:
            return VISIBLE if parameters.wait else STORED
        with self._waiters.place() if parameters.wait or parameters.sync else nullcontext():
            if parameters.merge:
                await ensure_patched(self._catalog, push.dataset)
            return await (self._deliver_once(push) if parameters.idempotency_key else self._send(push, None))

    def _dataset(self, target: Target) -> Dataset:
        dataset = self._catalog.find(target.dataset_id)
        if dataset is None or dataset.resource(target.resource_id) is None:
            raise NotFound("the dataset or its resource was deleted meanwhile", code="unknown_dataset")
        return dataset

    async def _deliver_once(self, push: _Push) -> Outcome:
        """Send with the versions that the key was given first, unless it is known to be stored already."""
        key, count = push.parameters.idempotency_key, push.records.count
        resource = push.dataset.resource(push.target.resource_id)
        assert resource is not None
        wanted = Claim(self._stamper.stamp(max(1, count)), count, digest_of(push.kind, push.body_hash))
        entry = await self._claims.claim(token_of(push.dataset.uid, resource.uid, key), wanted)
        if not entry.claim.is_same_request(wanted):
            raise KeyReused(key)
        if entry.outcome is not None and _satisfies(entry.outcome, push.parameters):
            metrics.REPEATED_PUSHES.inc()
            return entry.outcome
        outcome = await self._send(push, _version_of(entry.claim, push))
        _remember(entry, outcome)
        return outcome

    async def _send(self, push: _Push, version: int | None) -> Outcome:
        """Send, with these versions or with new ones, and wait as long as the sender does."""
        if push.parameters.sync:
            return await self._sync(push, version)
        if version is None:
            position = await self._batcher.add(push.target, push.op, push.records)
        else:
            position = await self._batcher.add_stamped(push.target, push.op, push.records, version)
        if not push.parameters.wait:
            return STORED
        return VISIBLE if await self._waiters.is_visible(position, _left_s(push)) else NOT_YET_VISIBLE

    async def _sync(self, push: _Push, version: int | None) -> Outcome:
        """Store the records, wait until they are searchable, then hide everything older.

        The document knows the last floor only; a mark among the records tells the history of each.
        """
        count = push.records.count
        if version is None:
            version = self._stamper.stamp(max(1, count))
        if count:
            position = await self._batcher.add_stamped(push.target, push.op, push.records, version)
            if not await self._waiters.is_visible(position, _left_s(push)):
                raise SyncUnfinished("its records are not searchable yet")
        deleted = await self._floor.raise_to(push.dataset.uid, version)
        await self._batcher.add_stamped(push.target, Op.DELETE_BY_ID, MARK, version)
        return synced(records=count, deleted=deleted)


def check_combination(op: Op, parameters: PushParameters, *, is_array: bool) -> None:
    """Refuse what cannot be asked for together. Raises InvalidParameter, InvalidPush."""
    if op is not Op.UPSERT:
        for name in ("merge", "sync"):
            if getattr(parameters, name):
                raise InvalidParameter(name, "true", "false: a deletion is never merged or synchronised")
    if parameters.sync:
        for name in ("merge", "partial"):
            if getattr(parameters, name):
                raise InvalidParameter(name, "true", "false with sync=true: a sync is the whole set")
        if not is_array:
            raise InvalidPush("a sync takes the whole set: send an array", code="sync_needs_array")


def _version_of(claim: Claim, push: _Push) -> int | None:
    """Return the version of a repetition that may be the first to arrive; None: give it a new one.

    What was claimed before the dataset began anew, or before it was synchronised, would not be shown. A
    repeated sync keeps its place among the syncs.
    """
    dataset = push.dataset
    floor = (
        dataset.since_version if push.parameters.sync else max(dataset.since_version, dataset.sync_version)
    )
    return claim.version if claim.version >= floor else None


def _left_s(push: _Push) -> float:
    """Return the seconds that the sender still waits."""
    return push.until - asyncio.get_running_loop().time()


def _satisfies(told: Outcome, parameters: PushParameters) -> bool:
    """Tell whether the answer to an earlier request also answers one that may want to wait."""
    return parameters.sync or not parameters.wait or told is VISIBLE


def _remember(entry: Entry, outcome: Outcome) -> None:
    """Keep an answer for repetitions; one that waited in vain is stored all the same."""
    entry.outcome = STORED if outcome is NOT_YET_VISIBLE else outcome
