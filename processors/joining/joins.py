"""Who answers the questions of joins?  From memory where it can, by one read of the store for all others.

A dataset of few records is held whole, of a larger one what was asked for lately. What is held is dropped,
and read anew before the next answer,

- at once when the catalog says that readers see another generation, other fields or another floor;
- `refresh_s` after it was read when topic applied has told of a change since (runtime/changes.py);
- `max_age_s` after it was read in any case, because that news is no promise.

So an answer that is given `refresh_s` after a change was told has it. The price: a dataset that changes all
the time is asked once for every batch. One that would be read whole too often counts as large meanwhile.

Raises StoreUnavailable: then nobody was answered, and asking again is right. No call waits for longer than
the store's own time limits allow.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import Any

import structlog

from headwater.domain.datasets import Dataset
from headwater.domain.schema import Schema
from headwater.runtime.catalog import Catalog
from headwater.runtime.schemas import Schemas
from headwater.runtime.store import Matching, Store, UnknownTable
from processors.joining.holdings import Gathering, Recent, Whole
from processors.joining.remote import Remote, remote_of
from processors.joining.settings import JoinSettings
from processors.stack.join import JoinStep, Question, Unjoinable
from processors.stack.processor import LookUp

log = structlog.get_logger(__name__)

KEYS_AT_ONCE = 5_000  # of one read: some 110 kB of a statement, of which ClickHouse takes 256
WORTH = 20  # times as long as it took to read a dataset whole it has to be used before that is done again
MAX_VIEWS = 1_000  # of datasets that are joined in different ways

Held = Whole | Recent | Unjoinable


class Joins:
    """The look-up service "join" of the stack."""

    def __init__(
        self,
        settings: JoinSettings,
        *,
        catalog: Catalog,
        schemas: Schemas,
        store: Store,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._schemas = schemas
        self._store = store
        self._now_s = now_s
        self._views: OrderedDict[tuple[Any, ...], _View] = OrderedDict()  # the one used last is last

    def note(self, uid: str) -> None:
        """Learn that the records of a dataset have changed."""
        now_s = self._now_s()
        for view in self._views.values():
            if view.remote is not None and view.remote.uid == uid:
                view.changed_s = now_s

    @property
    def held_records(self) -> int:
        """How many records are in memory."""
        return sum(view.records for view in self._views.values())

    async def answer(self, step: LookUp, questions: Collection[Any], dataset: str) -> Mapping[Any, Any]:
        """Return the matching records by question, for processors/staging; what is missing has none.

        Of each question it is a tuple of dictionaries in the order of their record ids, or an Unjoinable.
        Raises StoreUnavailable.
        """
        del dataset  # who asks does not matter
        assert isinstance(step, JoinStep), "no other step asks for joins"
        remote_dataset = self._catalog.find(step.remote)
        view = self._view((step.remote, step.remote_keys, step.fields, step.case_sensitive))
        seen = self._schemas.get(remote_dataset.uid) if remote_dataset is not None else None
        remote = view.resolved(step, remote_dataset, seen)
        if isinstance(remote, Unjoinable):
            return dict.fromkeys(questions, remote)
        async with view.reading:
            if self._is_due(view, remote):
                await self._renew(view, remote)
        return await self._answers(view.held, questions)

    async def _answers(self, held: Held, questions: Collection[Question]) -> Mapping[Question, Any]:
        match held:
            case Whole() as whole:
                return whole.answers(questions)
            case Recent() as recent:
                return await self._recent_answers(recent, questions)
            case unjoinable:
                return dict.fromkeys(questions, unjoinable)

    async def _recent_answers(
        self, recent: Recent, questions: Collection[Question]
    ) -> Mapping[Question, Any]:
        known, unknown = recent.answers(questions)
        for first in range(0, len(unknown), KEYS_AT_ONCE):
            errand = recent.errand(unknown[first : first + KEYS_AT_ONCE])
            if errand.prints:
                await self._read(recent.remote, errand.gathered, errand.prints)
                recent.page = errand.gathered.page
            for question, answer, size in errand.answers():
                known[question] = answer
                recent.keep(question, answer, size)
        self._make_room(recent)
        return known

    def _view(self, place: tuple[Any, ...]) -> "_View":
        view = self._views.get(place)
        if view is None:
            view = self._views[place] = _View()
            if len(self._views) > MAX_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(place)
        return view

    def _is_due(self, view: "_View", remote: Remote) -> bool:
        age_s = self._now_s() - view.read_s
        return (
            view.remote != remote
            or age_s >= self._settings.max_age_s
            or (view.changed_s >= view.read_s and age_s >= self._settings.refresh_s)
        )

    async def _renew(self, view: "_View", remote: Remote) -> None:
        """Read what is to be held. What changes meanwhile is told later, and counts as a change of it."""
        began_s = self._now_s()
        is_worth_it = began_s - view.read_s >= WORTH * view.took_s
        view.remote, view.read_s = remote, -inf  # so that news is noted, and a failure is no reading
        held = await self._hold(remote, whole=is_worth_it)
        view.held, view.read_s = held, began_s
        if is_worth_it:
            view.took_s = self._now_s() - began_s
        if not isinstance(held, Unjoinable):
            self._make_room(held)

    async def _hold(self, remote: Remote, *, whole: bool) -> Held:
        limit = self._settings.limit_records
        count = await self._count(remote)
        if count >= limit:
            return Unjoinable(
                f"dataset {remote.dataset_id!r} has {count} records; only datasets of fewer than {limit} can "
                "be joined"
            )
        if whole and count <= self._settings.whole_records:
            gathered = Gathering(remote)
            if await self._read(remote, gathered):
                return Whole(remote, gathered)
        return Recent(remote)

    async def _count(self, remote: Remote) -> int:
        try:
            return await self._store.count(remote.relation)
        except UnknownTable:  # nothing was stored yet
            return 0

    async def _read(self, remote: Remote, gathered: Gathering, prints: frozenset[int] | None = None) -> bool:
        """Read all records, or those with these fingerprints; tell whether they are not too many to hold.

        In pages that stay small however large the records are, so that nobody else waits for long.
        """
        settings, after = self._settings, ""
        while True:
            limit = gathered.page
            matching = Matching(
                relation=remote.relation,
                fields=remote.fields,
                keys=remote.keys if prints is not None else (),
                prints=prints or frozenset(),
                case_sensitive=remote.case_sensitive,
                after=after,
                limit=limit,
            )
            try:
                page = await self._store.matching(matching)
            except UnknownTable:
                return True
            gathered.add(page)
            if len(page) < limit:
                return True
            if prints is None and (
                gathered.records > settings.held_records or gathered.bytes > settings.held_mib * 1024 * 1024
            ):
                log.info("dataset is too large to be held whole", dataset=remote.dataset_id)
                return False
            after = page[-1]["_id"]

    def _make_room(self, latest: Whole | Recent) -> None:
        """Drop what was not used for longest, but never what is used now, which only shrinks."""
        records, size = self._settings.held_records, self._settings.held_mib * 1024 * 1024
        held_records = sum(view.records for view in self._views.values())
        held_bytes = sum(view.bytes for view in self._views.values())
        for place, view in list(self._views.items()):
            if held_records <= records and held_bytes <= size:
                return
            if view.held is latest or view.reading.locked():
                continue
            held_records, held_bytes = held_records - view.records, held_bytes - view.bytes
            del self._views[place]
        if isinstance(latest, Recent):
            latest.shrink(records, size)


class _View:
    """One dataset as one kind of step sees it."""

    def __init__(self) -> None:
        self.reading = asyncio.Lock()
        self.remote: Remote | None = None  # as it was read
        self.held: Held = Unjoinable("nothing was read yet")
        self.read_s = -inf  # when the reading of what is held began
        self.changed_s = -inf  # when a change was told last
        self.took_s = 0.0  # how long it took last to read the dataset whole, or to see that it is too large
        self._resolved: tuple[Dataset | None, Schema | None, Remote | Unjoinable] | None = None

    @property
    def records(self) -> int:
        return 0 if isinstance(self.held, Unjoinable) else self.held.records

    @property
    def bytes(self) -> int:
        return 0 if isinstance(self.held, Unjoinable) else self.held.bytes

    def resolved(self, step: JoinStep, dataset: Dataset | None, seen: Schema | None) -> Remote | Unjoinable:
        """Return how to read the dataset, worked out again only when its document or its schema changed."""
        if self._resolved is None or self._resolved[0] is not dataset or self._resolved[1] is not seen:
            self._resolved = (dataset, seen, remote_of(step, dataset, seen or Schema()))
        return self._resolved[2]
