"""The canary: an honest clock on the whole way, and nothing that others do wrong stops it."""

from dataclasses import replace

import orjson
import pytest

from headwater.domain.errors import Conflict
from headwater.domain.identity import is_record_id, record_id
from headwater.domain.tables import rows_table
from headwater.runtime import metrics
from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.catalog import MemoryCatalog, MemoryLog
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.store import Relation
from schedulers.canary import CAUSES, DATASET_ID, KEY_FIELD, VALUE_FIELD, Canary
from schedulers.gateway import GatewayUnavailable, PushRefused
from schedulers.settings import SchedulerSettings

NAME = "schedulers-0"
SETTINGS = SchedulerSettings(canary_poll_ms=5, canary_search_timeout_s=4, canary_interval_s=5)


class FakePipeline:
    """A gateway behind which records become rows `latency_s` later, on a clock that `pause` moves."""

    def __init__(self, catalog, store, clock):
        self.catalog, self.store, self.clock = catalog, store, clock
        self.latency_s = 0.03
        self.failure = None
        self.behind = 0  # refusals before it has read the catalog
        self.pushes = []
        self._due = []

    async def push(self, dataset_id, resource_id, pushkey, record):
        if self.failure:
            raise self.failure
        dataset = self.catalog.find(dataset_id)
        if self.behind or not dataset.resource(resource_id).opened_by(pushkey, 0):
            self.behind -= 1
            raise PushRefused(401, "invalid_pushkey")
        self.pushes.append(record)
        self._due.append((self.clock.now_us() + self.latency_s * 1e6, dataset, resource_id, record))

    async def pause(self, seconds):
        self.clock.advance(seconds)
        due = [entry for entry in self._due if entry[0] <= self.clock.now_us()]
        self._due = [entry for entry in self._due if entry not in due]
        for _, dataset, resource_id, record in due:
            await self._store(dataset, resource_id, record)

    async def _store(self, dataset, resource_id, record):
        table = rows_table(dataset.uid, dataset.generation)
        columns = {f"{KEY_FIELD}:text": "Nullable(String)", f"{VALUE_FIELD}:int": "Nullable(Int64)"}
        await self.store.ensure_table(table, columns)
        row = {
            "_id": record_id([(KEY_FIELD, record[KEY_FIELD])]),
            "_version": self.clock.now_us(),
            "_deleted": 0,
            "_resource": resource_id,
            "_received_at": "2026-01-01 00:00:00.000000",
            f"{KEY_FIELD}:text": record[KEY_FIELD],
            f"{VALUE_FIELD}:int": record[VALUE_FIELD],
        }
        await self.store.insert(table.name, orjson.dumps(row))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
async def log():
    return MemoryLog()


@pytest.fixture
async def catalog(log):
    catalog = MemoryCatalog(log)
    await catalog.start()
    return catalog


@pytest.fixture
def pipeline(catalog, store, clock):
    return FakePipeline(catalog, store, clock)


@pytest.fixture
def canary(pipeline):
    return canary_over(pipeline, NAME)


def canary_over(pipeline, name):
    return Canary(
        SETTINGS,
        name=name,
        catalog=pipeline.catalog,
        gateway=pipeline,
        store=pipeline.store,
        clock=pipeline.clock,
        pause=pipeline.pause,
    )


def measured():
    """Return how many rounds were measured, and their sum in seconds."""
    samples = {
        one.name.removeprefix("headwater_canary_push_to_searchable_seconds"): one.value for one in _samples()
    }
    return samples["_count"], samples["_sum"]


def _samples():
    return next(iter(metrics.CANARY_PUSH_TO_SEARCHABLE.collect())).samples


def failures():
    """Return the failures counted so far, by cause."""
    return {cause: metrics.CANARY_FAILURES.labels(cause=cause)._value.get() for cause in set(CAUSES.values())}


@pytest.fixture
def news():
    """Return what a test added to the counters."""
    count, total, failed = *measured(), failures()

    def since():
        now_count, now_total = measured()
        changed = {cause: n - failed[cause] for cause, n in failures().items() if n != failed[cause]}
        return now_count - count, pytest.approx(now_total - total), changed

    return since


async def test_the_time_runs_from_before_the_push_until_the_value_itself_is_read(canary, pipeline, news):
    """Nothing on the way is left out, and an older value of the row does not count."""
    await canary.measure()
    pipeline.latency_s = 0.2
    await canary.measure()

    assert news() == (2, 0.03 + 0.2, {})


async def test_a_private_published_dataset_with_one_row_is_all_it_needs(canary, catalog, store):
    """Rounds overwrite one row, because the key is the scheduler's name."""
    for _ in range(5):
        await canary.measure()

    dataset = catalog.find(DATASET_ID)
    assert dataset.private
    assert dataset.published
    assert await store.count(Relation(table=rows_table(dataset.uid, 1).name)) == 1


async def test_a_record_that_does_not_come_counts_as_late_with_the_time_waited(canary, pipeline, news):
    """Leaving it out would make the worst minutes look best."""
    pipeline.latency_s = 3600

    await canary.measure()

    assert news() == (1, SETTINGS.canary_search_timeout_s, {"late": 1})


async def test_a_gateway_that_is_away_is_a_counted_failure_and_the_next_round_measures(
    canary, pipeline, news
):
    """The canary is what must survive everything else."""
    await canary.measure()
    pipeline.failure = GatewayUnavailable("connection refused")
    await canary.measure()
    pipeline.failure = None
    await canary.measure()

    assert news() == (2, 0.06, {"gateway": 1})


async def test_a_store_that_is_away_is_a_counted_failure(canary, store, news):
    """It is not the record that is late."""
    await canary.measure()
    store.available = False
    await canary.measure()

    assert news()[2] == {"store": 1}


async def test_a_broker_that_is_away_at_the_start_is_a_counted_failure(canary, log, news):
    """Then not even the dataset can be made."""
    log.available = False
    await canary.measure()
    log.available = True
    await canary.measure()

    assert news() == (1, 0.03, {"broker": 1})


async def test_a_gateway_that_has_not_read_the_catalog_yet_is_waited_for(canary, pipeline, news):
    """A new key reaches the gateway a moment after us: no failure, and no part of the measure."""
    pipeline.behind = 3

    await canary.measure()

    assert news() == (1, 0.03, {})


async def test_a_refusal_that_stays_is_a_counted_failure(canary, pipeline, news):
    """Waiting for the gateway is bounded."""
    pipeline.failure = PushRefused(404, "unknown_dataset")

    await canary.measure()

    assert news()[2] == {"refused": 1}


@pytest.mark.parametrize(
    "damage",
    [
        lambda dataset: replace(dataset, published=False),
        lambda dataset: replace(dataset, resources=()),
        lambda dataset: replace(dataset, resources=(replace(dataset.resources[0], enabled=False),)),
    ],
)
async def test_a_dataset_that_somebody_changed_is_mended(canary, catalog, news, damage):
    """The next round opens its own door again."""
    await canary.measure()
    await catalog.write(damage(catalog.find(DATASET_ID)))
    await canary.measure()

    assert news() == (2, 0.06, {})


async def test_a_dataset_that_somebody_deleted_is_made_anew(canary, catalog, news):
    """Under a new uid: deleted stays deleted."""
    await canary.measure()
    uid = catalog.find(DATASET_ID).uid
    await catalog.delete(catalog.find(DATASET_ID))
    await canary.measure()

    assert news() == (2, 0.06, {})
    assert catalog.find(DATASET_ID).uid != uid


async def test_two_schedulers_share_the_dataset_and_do_not_disturb_each_other(pipeline, catalog, store, news):
    """Each has its own resource, key and row."""
    canaries = [canary_over(pipeline, name) for name in ("schedulers-0", "schedulers-1")]
    for _ in range(2):
        for canary in canaries:
            await canary.measure()

    dataset = catalog.find(DATASET_ID)
    assert news() == (4, 0.12, {})
    assert dataset.revision == 2
    assert await store.count(Relation(table=rows_table(dataset.uid, 1).name)) == 2


async def test_a_lost_race_for_the_document_is_tried_again(pipeline, catalog, news):
    """Two schedulers that start together both write; one repeats on top of the other."""
    theirs = canary_over(pipeline, "schedulers-1")
    write = catalog.write

    async def overtaken(_):
        catalog.write = write
        await theirs.measure()
        raise Conflict("somebody was first")

    catalog.write = overtaken
    await canary_over(pipeline, NAME).measure()

    assert news() == (2, 0.06, {})
    assert len(catalog.find(DATASET_ID).resources) == 2


async def test_values_grow_even_when_the_clock_steps_back(canary, pipeline, clock):
    """An equal value would let an old row pass for the new one."""
    await canary.measure()
    clock.advance(-60)
    await canary.measure()

    first, second = (push[VALUE_FIELD] for push in pipeline.pushes if push[VALUE_FIELD])
    assert second > first


async def test_rounds_start_at_a_steady_pace(canary, pipeline, clock):
    """The interval counts from start to start, so that a slow pipeline is not asked less often."""
    rounds = []

    class EnoughError(Exception):
        pass

    async def pause(seconds):
        if seconds > SETTINGS.canary_poll_ms / 1000:
            rounds.append(clock.now_us())
            if len(rounds) == 3:
                raise EnoughError
        await pipeline.pause(seconds)

    began = clock.now_us()
    canary._pause = pause
    with pytest.raises(EnoughError):
        await canary.run()

    assert [round((moment - began) / 1e6, 2) for moment in rounds] == [0.03, 5.03, 10.03]


def test_the_key_of_the_row_is_a_record_id():
    """The store is asked for exactly one row."""
    assert is_record_id(record_id([(KEY_FIELD, NAME)]))
