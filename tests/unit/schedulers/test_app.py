"""The schedulers' jobs: until it is time to stop, and no crash goes unnoticed."""

import asyncio

import pytest

from headwater.domain.leases import LEASES
from headwater.runtime.activity import MemoryActivity
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments
from headwater.runtime.leases import Leases
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.log import MemoryOffsets, MemoryReader
from headwater.runtime.memory.mail import MemoryMailer
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from schedulers.app import Parts, build, run_until
from schedulers.settings import SchedulerSettings

pytestmark = pytest.mark.timeout(20)


class Job:
    """Runs for ever, or fails at once."""

    def __init__(self, failure=None):
        self.failure = failure
        self.ended = asyncio.Event()

    async def run(self):
        try:
            if self.failure:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_stopping_ends_all_jobs():
    """None may go on pushing after the process said goodbye."""
    stopping, jobs = asyncio.Event(), [Job(), Job()]
    running = asyncio.create_task(run_until(stopping, jobs))
    await asyncio.sleep(0)
    stopping.set()
    await running

    assert all(job.ended.is_set() for job in jobs)


async def test_a_job_that_crashes_takes_the_process_with_it():
    """The supervisor restarts it; a scheduler that silently does nothing would not be noticed."""
    others = Job()

    with pytest.raises(RuntimeError, match="broken"):
        await run_until(asyncio.Event(), [others, Job(RuntimeError("broken"))])

    assert others.ended.is_set()


@pytest.mark.parametrize("enabled", [True, False])
def test_each_job_can_be_switched_off(enabled):
    """Several schedulers may share the work in any way."""
    switches = ("canary", "rebuild", "republish", "alerts")
    settings = SchedulerSettings(**{f"{name}_enabled": enabled for name in switches})

    jobs = build(settings, name="schedulers", parts=parts())

    assert [type(job).__name__ for job in jobs] == ["Canary", "Rebuilder", "Republisher", "Alerter"] * enabled


def parts():
    """Return parts that need nothing outside this process."""
    clock, producer, catalog = ManualClock(), MemoryProducer(), MemoryCatalog()
    return Parts(
        catalog=catalog,
        gateway=None,
        store=MemoryStore(),
        schemas=MemorySchemas(),
        producer=producer,
        offsets=MemoryOffsets(producer),
        reader=lambda: MemoryReader(producer, "raw"),
        leases=Leases(MemoryDocuments(LEASES), clock),
        activity=MemoryActivity(),
        mailer=MemoryMailer(),
        webhook=None,
        clock=clock,
    )
