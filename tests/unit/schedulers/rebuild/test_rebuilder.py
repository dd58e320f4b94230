"""Every build is worked on by one scheduler at a time, until it ends one way or the other."""

import asyncio
from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset
from headwater.domain.leases import LEASES
from headwater.runtime.documents import MemoryDocuments, MemoryLog
from headwater.runtime.kafka.reader import PositionGone
from headwater.runtime.leases import Leases
from headwater.runtime.memory.log import MemoryReader
from schedulers.rebuild.rebuild import Pace
from schedulers.rebuild.rebuilder import Rebuilder
from tests.unit.schedulers.rebuild.world import SETTLE_S, TOPICS, Installation

PACE = Pace(ahead_records=10, settle_s=SETTLE_S)
MAX_STEPS = 20_000


class Bench:
    """An installation with a log of leases that its schedulers share."""

    def __init__(self, seed=1):
        self.installation = Installation(seed)
        self.log = MemoryLog()

    async def start(self):
        await self.installation.start()
        for _ in range(40):
            self.installation.push()
            self.installation.step()

    async def rebuilder(self, *, world=None, at_once=2):
        documents = MemoryDocuments(LEASES, self.log)
        await documents.start()
        leases = Leases(documents, self.installation.time)
        return Rebuilder(world or self.installation.world, PACE, leases=leases, at_once=at_once)

    async def until(self, condition):
        """Let everybody act until something is so."""
        for _ in range(MAX_STEPS):
            if condition():
                return
            self.installation.step()
            await asyncio.sleep(0)
        raise AssertionError(f"never so: {self.installation.dataset}")


@pytest.fixture
async def bench():
    bench = Bench()
    await bench.start()
    return bench


@pytest.fixture
async def running():
    """Run jobs in the background until the test ends."""
    tasks = []

    def run(job):
        tasks.append(asyncio.create_task(job.run()))
        return tasks[-1]

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_build_is_taken_up_when_it_is_asked_for(bench, running):
    """Also one after the other of the same dataset."""
    running(await bench.rebuilder())
    for generation in (2, 3):
        await bench.installation.request()
        await bench.until(lambda: bench.installation.dataset.build is None)

        assert bench.installation.dataset.generation == generation
    await bench.until(lambda: bench.installation.is_quiet)
    assert bench.installation.found() == bench.installation.expected()


async def test_another_scheduler_takes_over_from_one_that_died(bench, running):
    """Once the dead one's term is over."""
    await bench.installation.request()
    first = running(await bench.rebuilder())
    await bench.until(lambda: bool(bench.log.lines))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    running(await bench.rebuilder())
    await bench.until(lambda: bench.installation.dataset.build is None)
    assert bench.installation.dataset.generation == 2


async def test_an_attempt_that_misses_messages_is_followed_by_another(bench, running):
    """The archiver has gone on meanwhile, so newer positions do."""
    installation, attempts = bench.installation, []

    class Gone(MemoryReader):
        async def read(self, wait_s):  # noqa: ARG002 - the port says so
            raise PositionGone(TOPICS.raw)

    def reader():
        attempts.append(1)
        kind = Gone if len(attempts) == 1 else MemoryReader
        return kind(installation.producer, TOPICS.raw)

    await installation.request()
    running(await bench.rebuilder(world=replace(installation.world, reader=reader)))
    await bench.until(lambda: installation.dataset.build is None)

    assert len(attempts) == 2
    assert installation.dataset.generation == 2


async def test_a_build_that_cannot_succeed_is_dropped_with_a_reason(bench, running):
    """The owner reads it in the status of the dataset, and records go on as before."""
    await bench.installation.request()
    await bench.installation.catalog.write(replace(bench.installation.dataset, published=False))
    running(await bench.rebuilder())
    await bench.until(lambda: bench.installation.dataset.build is None)

    assert bench.installation.dataset.generation == 1
    assert "unpublished" in bench.installation.dataset.failure


async def test_an_aborted_build_is_forgotten(bench, running):
    """And the next one is taken up."""
    await bench.installation.request()
    running(await bench.rebuilder())
    await bench.until(lambda: bench.installation.dataset.build.state == "filling")
    await bench.installation.catalog.write(replace(bench.installation.dataset, build=None))
    await bench.installation.request()
    await bench.until(lambda: bench.installation.dataset.build is None)

    assert bench.installation.dataset.generation == 3


async def test_only_so_many_builds_are_worked_on_at_once(bench, running):
    """The others wait their turn, the oldest first."""
    await bench.installation.request()
    build = bench.installation.dataset.build
    other = Dataset(
        uid="da_2",
        dataset_id="two",
        title="Two",
        published=True,
        last_generation=2,
        build=replace(build, uid="bu_9", requested_at_us=5),
    )
    await bench.installation.catalog.write(other)
    running(await bench.rebuilder(at_once=1))
    await bench.until(lambda: bench.installation.dataset.build.state == "filling")

    assert bench.installation.catalog.get("da_2").build.state == "queued"


async def test_progress_is_told_and_taken_back(bench, running):
    """News for the status; nothing is left of it when the build is complete."""
    await bench.installation.request()
    running(await bench.rebuilder())
    await bench.until(lambda: bench.installation.dataset.build is None)
    await bench.until(lambda: bench.installation.producer.sent(TOPICS.activity)[-1].value is None)

    news = bench.installation.producer.sent(TOPICS.activity)
    assert {message.key for message in news} == {b"build/da_1"}
    assert b'"build":"bu_2"' in news[0].value
