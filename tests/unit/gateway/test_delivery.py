"""How do records reach the log, and what is their sender told?"""

import asyncio
from dataclasses import replace
from hashlib import sha256

import orjson
import pytest

from gateway.admission import Target
from gateway.batching import Batcher, BatchPolicy
from gateway.claims import MemoryClaimLog, MemoryClaims
from gateway.coverage import Source
from gateway.delivery import Delivery
from gateway.parameters import PLAIN, PushParameters
from gateway.parsing import Records
from gateway.sync import Floor
from gateway.waiting import Waiters
from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.errors import (
    BrokerUnavailable,
    InvalidParameter,
    InvalidPush,
    KeyReused,
    NotFound,
    RateLimited,
    SyncUnfinished,
)
from headwater.domain.tables import SYNC_MARK, rows_table
from headwater.runtime.clock import ManualClock, Stamper
from headwater.runtime.kafka.topics import Header, Op
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore

TOPIC = "raw"
KEYED = (FieldItem(uid="df_1", type="annotate", params={"annotation": "id", "args": [], "field": "station"}),)
DATASET = Dataset(
    uid="da_1",
    dataset_id="levels",
    title="Levels",
    published=True,
    resources=(Resource(uid="re_1", resource_id="realtime", title="realtime"),),
    fields=KEYED,
)
TARGET = Target("levels", "realtime", revision=1)
IMPATIENT = PushParameters(wait=True, timeout_s=0)
BOUND_S = 5.0


class World:
    """One gateway's delivery with the twins behind it; several may share catalog, log and claims."""

    def __init__(self, clock, producer, catalog, store, claim_log):
        self.clock, self.producer, self.catalog, self.store = clock, producer, catalog, store
        self.claim_log = claim_log
        self.stamper = Stamper(clock)
        self.waiters = Waiters(limit=2)
        policy = BatchPolicy(linger_s=0, max_bytes=10_000, max_records=50)
        self.delivery = Delivery(
            batcher=Batcher(TOPIC, policy, producer=producer, stamper=self.stamper, clock=clock),
            stamper=self.stamper,
            catalog=catalog,
            claims=MemoryClaims(clock, limit=3, shared=claim_log),
            waiters=self.waiters,
            floor=Floor(catalog, store),
        )

    def another(self):
        """Return another gateway beside this one."""
        return World(self.clock, self.producer, self.catalog, self.store, self.claim_log)

    async def deliver(self, body, *, op=Op.UPSERT, target=TARGET, **asked):
        """Deliver a body that a door has parsed; return (status, answer)."""
        records = body if isinstance(body, list) else [body]
        parsed = Records(len(records), orjson.dumps(records)[1:-1])
        outcome = await self.delivery.deliver(
            target,
            op,
            parsed,
            PushParameters(**asked) if asked else PLAIN,
            body_hash=sha256(orjson.dumps(body)).digest(),
            is_array=isinstance(body, list),
        )
        return outcome.status, outcome.body

    def sent(self):
        """Return (op, version, records) of every message."""
        found = []
        for message in self.producer.sent(TOPIC):
            records = orjson.loads(message.value)
            records = records if isinstance(records, list) else [records]
            found.append((message.header(Header.OP), int(message.header(Header.VERSION)), records))
        return found

    async def store_all(self, *, known=0):
        """Play processors and sinks for what lies on the log from the message number `known` on."""
        table = rows_table("da_1", self.catalog.get("da_1").generation)
        await self.store.ensure_table(table, {})
        for message in self.producer.sent(TOPIC)[known:]:
            records, version = orjson.loads(message.value), int(message.header(Header.VERSION))
            records = records if isinstance(records, list) else [records]
            rows = [
                {"_id": record["station"].ljust(40, "0"), "_version": version + position}
                for position, record in enumerate(records)
                if "station" in record
            ]
            if rows:
                await self.store.insert(table.name, b",".join(map(orjson.dumps, rows)))
            self.waiters.tell([Source(message.partition, message.offset, message.offset + 1)], ())


@pytest.fixture
async def world():
    catalog, clock = MemoryCatalog(), ManualClock()
    await catalog.start()
    await catalog.write(DATASET)
    return World(clock, MemoryProducer(), catalog, MemoryStore(), MemoryClaimLog())


async def until(condition):
    """Wait for an effect of a task that runs."""
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - it is not told
            await asyncio.sleep(0)


async def stored_soon(world, work):
    """Run a delivery; once its message lies on the log it is stored."""
    known = len(world.sent())
    task = asyncio.create_task(work)
    await until(lambda: len(world.sent()) > known or task.done())
    await world.store_all(known=known)
    return await asyncio.wait_for(task, BOUND_S)


async def test_without_wait_the_acknowledgement_is_enough(world):
    """Nothing waits for the store."""
    assert await world.deliver({"station": "A"}, op=Op.DELETE) == (200, {"status": "ok"})
    assert [(op, records) for op, _, records in world.sent()] == [("delete", [{"station": "A"}])]


async def test_wait_ends_when_the_records_are_searchable(world):
    """The answer says that they are."""
    answer = await stored_soon(world, world.deliver({"station": "A"}, wait=True))

    assert answer == (200, {"status": "ok", "visible": True})
    assert len(world.waiters) == 0


async def test_wait_ends_when_the_time_is_over(world):
    """The records are acknowledged all the same, and the answer says so with another status."""
    assert await world.deliver({"station": "A"}, wait=True, timeout_s=0.01) == (
        202,
        {"status": "ok", "visible": False},
    )
    assert len(world.sent()) == 1


async def test_nothing_to_store_is_visible_at_once(world):
    """An empty batch is a good batch, with any parameter."""
    assert await world.deliver([], wait=True, idempotency_key="k") == (200, {"status": "ok", "visible": True})
    assert await world.deliver([], merge=True) == (200, {"status": "ok"})
    assert world.sent() == []


async def test_who_finds_no_place_to_wait_stores_nothing(world):
    """A refusal means that nothing happened."""
    with world.waiters.place(), world.waiters.place(), pytest.raises(RateLimited):
        await world.deliver({"station": "A"}, wait=True)
    assert world.sent() == []


async def test_repetition_sends_nothing(world):
    """A key whose records this gateway knows to be stored is answered at once, alike."""
    answers = [await world.deliver({"station": "A"}, idempotency_key="k") for _ in range(3)]

    assert answers == [(200, {"status": "ok"})] * 3
    assert len(world.sent()) == 1


async def test_repetition_at_another_gateway_sends_the_same_versions(world):
    """It cannot know whether the first was stored; the same versions store nothing new."""
    world.clock.advance(1)
    await world.deliver([{"station": "A"}, {"station": "B"}], idempotency_key="k")
    world.clock.advance(60)
    await world.another().deliver([{"station": "A"}, {"station": "B"}], idempotency_key="k")

    first, second = world.producer.sent(TOPIC)
    assert (first.value, first.headers) == (second.value, second.headers)


async def test_repetition_after_a_failure_is_sent_with_the_claimed_versions(world):
    """Nobody knows whether the first attempt is on the log."""
    world.producer.available = False
    with pytest.raises(BrokerUnavailable):
        await world.deliver({"station": "A"}, idempotency_key="k")
    version = world.stamper.stamp()
    world.producer.available = True
    await world.deliver({"station": "A"}, idempotency_key="k")

    [(_, claimed, _)] = world.sent()
    assert claimed < version


async def test_repetition_may_wait_although_the_first_did_not(world):
    """It waits for a message of its own, with the versions of the first."""
    await world.deliver({"station": "A"}, idempotency_key="k", wait=True, timeout_s=0)
    answer = await stored_soon(world, world.deliver({"station": "A"}, idempotency_key="k", wait=True))
    assert answer == (200, {"status": "ok", "visible": True})
    assert await world.deliver({"station": "A"}, idempotency_key="k", wait=True, timeout_s=0) == answer

    assert len({version for _, version, _ in world.sent()}) == 1
    assert len(world.sent()) == 2


@pytest.mark.parametrize(
    ("body", "op"), [({"station": "B"}, Op.UPSERT), ({"station": "A"}, Op.DELETE)], ids=["body", "operation"]
)
async def test_key_with_another_request_is_refused(world, body, op):
    """A key names one request: the same body, for the same purpose."""
    await world.deliver({"station": "A"}, idempotency_key="k")
    with pytest.raises(KeyReused):
        await world.deliver(body, op=op, idempotency_key="k")
    with pytest.raises(KeyReused):
        await world.another().deliver(body, op=op, idempotency_key="k")

    assert len(world.sent()) == 1


async def test_key_expires_after_a_day(world):
    """Then it is a new key."""
    await world.deliver({"station": "A"}, idempotency_key="k")
    world.clock.advance(24 * 3600)
    await world.deliver({"station": "B"}, idempotency_key="k")

    (_, first, _), (_, second, _) = world.sent()
    assert first < second


async def test_too_many_keys_are_refused_before_anything_is_sent(world):
    """The memory for keys is bounded; pushes without one go on."""
    for key in "abc":
        await world.deliver({"station": "A"}, idempotency_key=key)
    with pytest.raises(RateLimited):
        await world.deliver({"station": "A"}, idempotency_key="d")
    await world.deliver({"station": "A"}, wait=True, timeout_s=0)

    assert len(world.sent()) == 4


async def test_repetition_that_may_be_the_first_survives_a_new_beginning(world):
    """A version from before the dataset was truncated would be discarded, so it gets a new one."""
    await world.deliver({"station": "A"}, idempotency_key="k")
    world.clock.advance(1)
    since = world.stamper.stamp()
    await world.catalog.write(replace(world.catalog.get("da_1"), since_version=since))
    await world.another().deliver({"station": "A"}, idempotency_key="k")

    assert [version > since for _, version, _ in world.sent()] == [False, True]


async def test_merge_tells_readers_before_the_first_patch_is_sent(world):
    """From then on the dataset says that it has patches; it says so once."""
    world.producer.hold()
    task = asyncio.create_task(world.deliver([{"station": "A", "level": 2}], merge=True))
    await until(lambda: world.catalog.get("da_1").patched)
    revision = world.catalog.get("da_1").revision
    assert world.sent() == []
    world.producer.release()
    assert await task == (200, {"status": "ok"})
    await world.deliver({"station": "A", "level": None}, merge=True)

    assert world.catalog.get("da_1").revision == revision
    assert [(op, records) for op, _, records in world.sent()] == [
        ("merge", [{"station": "A", "level": 2}]),
        ("merge", [{"station": "A", "level": None}]),
    ]


async def test_merges_at_once_all_succeed(world):
    """Only one of them writes the document; the others see that it is done."""
    await asyncio.gather(*[world.deliver({"station": str(number)}, merge=True) for number in range(20)])

    assert sum(len(records) for _, _, records in world.sent()) == 20


async def test_merge_without_a_key_is_refused(world):
    """Nothing says which record a patch would change."""
    await world.catalog.write(replace(world.catalog.get("da_1"), fields=()))
    with pytest.raises(InvalidPush) as caught:
        await world.deliver({"station": "A"}, merge=True)

    assert caught.value.code == "merge_needs_key"
    assert not world.catalog.get("da_1").patched


async def test_sync_makes_the_dataset_exactly_this_set(world):
    """What is not in the set is no longer shown; what was pushed since stays."""
    await world.deliver([{"station": one} for one in "ABC"])
    await world.store_all()
    task = asyncio.create_task(world.deliver([{"station": "A"}, {"station": "D"}], sync=True))
    await until(lambda: len(world.sent()) == 2)
    assert world.catalog.get("da_1").sync_version == 0
    await world.deliver({"station": "E"})
    await world.store_all(known=1)

    assert await asyncio.wait_for(task, BOUND_S) == (200, {"status": "ok", "records": 2, "deleted": 2})
    (_, sync, _), (_, later, _), mark = world.sent()[1:]
    assert world.catalog.get("da_1").sync_version == sync < later
    assert mark == (Op.DELETE_BY_ID, sync, [{"_id": SYNC_MARK}]), "the history learns of it"


async def test_sync_of_nothing_empties_the_dataset(world):
    """The set may be empty."""
    await world.deliver([{"station": one} for one in "AB"])
    await world.store_all()

    assert await world.deliver([], sync=True) == (200, {"status": "ok", "records": 0, "deleted": 2})
    assert world.catalog.get("da_1").sync_version > world.sent()[0][1]


async def test_sync_that_cannot_finish_removes_nothing_and_may_be_repeated(world):
    """The floor stays where it is; the repetition with the same key keeps its place and finishes."""
    body = [{"station": "A"}]
    with pytest.raises(SyncUnfinished):
        await world.deliver(body, sync=True, timeout_s=0, idempotency_key="k")
    assert world.catalog.get("da_1").sync_version == 0
    [(_, version, _)] = world.sent()
    answer = await stored_soon(world, world.deliver(body, sync=True, idempotency_key="k"))

    assert answer == (200, {"status": "ok", "records": 1, "deleted": 0})
    assert world.catalog.get("da_1").sync_version == version
    assert await world.deliver(body, sync=True, idempotency_key="k") == answer


async def test_of_two_syncs_the_later_decides_whichever_ends_last(world):
    """The floor never sinks."""
    early = asyncio.create_task(world.deliver([{"station": "A"}], sync=True))
    await until(lambda: len(world.sent()) == 1)
    other = world.another()
    late = asyncio.create_task(other.deliver([{"station": "B"}], sync=True))
    await until(lambda: len(world.sent()) == 2)
    await other.store_all()
    await asyncio.wait_for(late, BOUND_S)
    floor = world.catalog.get("da_1").sync_version
    await world.store_all()
    assert (await asyncio.wait_for(early, BOUND_S))[1] == {"status": "ok", "records": 1, "deleted": 0}

    assert world.catalog.get("da_1").sync_version == floor == max(version for _, version, _ in world.sent())


@pytest.mark.parametrize(
    ("asked", "op"),
    [
        ({"sync": True}, Op.DELETE),
        ({"merge": True}, Op.DELETE_BY_ID),
        ({"sync": True, "merge": True}, Op.UPSERT),
        ({"sync": True, "partial": True}, Op.UPSERT),
    ],
)
async def test_what_does_not_go_together_is_refused(world, asked, op):
    """Nothing is sent when it is not clear what is meant."""
    with pytest.raises(InvalidParameter):
        await world.deliver([{"station": "A"}], op=op, **asked)
    assert world.sent() == []


async def test_sync_takes_no_single_object(world):
    """Whoever sends one record with sync by mistake keeps the others."""
    with pytest.raises(InvalidPush) as caught:
        await world.deliver({"station": "A"}, sync=True)
    assert caught.value.code == "sync_needs_array"


async def test_dataset_that_has_just_gone_is_not_found(world):
    """Between admission and delivery it may be deleted."""
    await world.catalog.delete(world.catalog.get("da_1"))
    with pytest.raises(NotFound):
        await world.deliver({"station": "A"}, wait=True)
