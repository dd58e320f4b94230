"""Leases over both kinds of documents: one holder at a time, whoever dies, and a state that outlives it."""

import asyncio
from functools import partial

import pytest

from headwater.domain.errors import BrokerUnavailable
from headwater.domain.leases import LEASES
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments
from headwater.runtime.leases import Leases, lease_documents
from tests.contract.worlds import KafkaWorld, MemoryWorld

TERM_S = 10.0
WAIT_S = 20.0


@pytest.fixture(params=["memory", "kafka"])
async def world(request):
    if request.param == "memory":
        world = MemoryWorld(partial(MemoryDocuments, LEASES))
    else:
        bootstrap = request.getfixturevalue("broker").bootstrap
        world = KafkaWorld(bootstrap, "leases", lease_documents)
        await world.start()
    yield world
    await world.close()


class Process:
    """One process with a clock of its own."""

    def __init__(self, documents):
        self.documents = documents
        self.clock = ManualClock()
        self.leases = Leases(documents, self.clock, term_s=TERM_S)

    async def hears_of(self, name, revision):
        """Wait until this process has read a lease's revision."""
        done = asyncio.Event()

        def is_there():
            lease = self.documents.get(name)
            return lease is not None and lease.revision >= revision

        self.documents.subscribe(lambda _old, _new: done.set() if is_there() else None)
        if not is_there():
            await asyncio.wait_for(done.wait(), WAIT_S)


@pytest.fixture
async def two(world):
    """Two processes of one world."""
    return Process(await world.open()), Process(await world.open())


async def test_a_free_lease_is_taken_and_refused_to_others(two):
    """While one holds it nobody else does, and other names are other leases."""
    one, other = two
    lease = await one.leases.hold("build/da_1", {"n": 1})
    assert (lease.name, lease.state) == ("build/da_1", {"n": 1})
    assert lease.is_held(one.clock.now_us())
    await other.hears_of("build/da_1", lease.revision)
    assert await other.leases.hold("build/da_1") is None
    assert await other.leases.hold("build/da_2") is not None


async def test_the_holder_renews_and_keeps_the_state(two):
    """A renewal moves the end; without a state the last one stays."""
    one, other = two
    first = await one.leases.hold("alerts", {"told": ["re_1"]})
    one.clock.advance(TERM_S * 0.6)
    second = await one.leases.hold("alerts")
    assert second.until_us - first.until_us == TERM_S * 600_000
    assert second.state == {"told": ["re_1"]}
    await other.hears_of("alerts", second.revision)
    other.clock.advance(TERM_S * 0.6 + 2)
    assert await other.leases.hold("alerts") is None


async def test_a_renewal_that_changes_nothing_yet_is_not_written(two):
    """Whoever asks often does not fill the log."""
    one, _ = two
    first = await one.leases.hold("alerts", {"n": 1})
    one.clock.advance(TERM_S * 0.4)
    assert await one.leases.hold("alerts", {"n": 1}) == first
    assert (await one.leases.hold("alerts", {"n": 2})).revision == first.revision + 1


async def test_a_killed_holder_is_followed_after_its_term_and_not_before(two):
    """The next one finds the state; a second is left for clocks that differ."""
    one, other = two
    lease = await one.leases.hold("alerts", {"n": 1})
    await one.documents.close()
    await other.hears_of("alerts", lease.revision)
    other.clock.advance(TERM_S + 0.9)
    assert await other.leases.hold("alerts") is None
    other.clock.advance(0.2)
    taken = await other.leases.hold("alerts")
    assert taken.state == {"n": 1}
    assert taken.owner != lease.owner


async def test_a_holder_whose_lease_was_taken_learns_it(two):
    """It slept through its term: it may not go on, and it cannot take the lease back."""
    one, other = two
    await one.leases.hold("alerts")
    await other.hears_of("alerts", 1)
    other.clock.advance(TERM_S + 2)
    taken = await other.leases.hold("alerts")
    one.clock.advance(TERM_S + 2)
    assert await one.leases.hold("alerts") is None
    await one.hears_of("alerts", taken.revision)
    assert await one.leases.hold("alerts") is None


async def test_of_several_that_take_a_free_lease_one_has_it(world):
    """The first on the log, however many ask at once."""
    processes = [Process(await world.open()) for _ in range(4)]
    held = await asyncio.gather(*(process.leases.hold("alerts") for process in processes))
    assert sum(lease is not None for lease in held) == 1


async def test_a_released_lease_is_free_at_once_with_its_state(two):
    """A scheduler that is stopped lets the next one go on."""
    one, other = two
    await one.leases.hold("alerts", {"n": 1})
    await one.leases.release("alerts")
    await other.hears_of("alerts", 2)
    assert (await other.leases.hold("alerts")).state == {"n": 1}


async def test_another_s_lease_cannot_be_released(two):
    """Nor one that nobody has."""
    one, other = two
    lease = await one.leases.hold("alerts")
    await other.hears_of("alerts", lease.revision)
    await other.leases.release("alerts")
    await other.leases.release("unknown")
    assert one.leases.get("alerts") == lease
    assert other.leases.get("unknown") is None


async def test_a_restarted_process_is_another_owner(world):
    """It cannot know what it did before it died, so it waits as everybody does."""
    documents = await world.open()
    assert await Process(documents).leases.hold("alerts") is not None
    assert await Process(documents).leases.hold("alerts") is None


async def test_without_the_log_nobody_takes_anything(two, world):
    """The answer comes within the produce time-out."""
    one, _ = two
    lease = await one.leases.hold("alerts")
    await world.cut_off()
    one.clock.advance(TERM_S * 0.6)
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(BrokerUnavailable):
            await one.leases.hold("alerts")
    assert lease.is_held(one.clock.now_us())


async def test_a_process_that_asks_twice_at_once_has_it_once(two):
    """Its own earlier write is no rival."""
    one, _ = two
    held = await asyncio.gather(one.leases.hold("alerts"), one.leases.hold("alerts"))
    assert [lease.revision for lease in held] == [1, 1]
