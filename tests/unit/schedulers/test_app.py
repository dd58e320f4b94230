"""The schedulers' jobs: until it is time to stop, and no crash goes unnoticed."""

import asyncio

import pytest

from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.store import MemoryStore
from schedulers.app import build, run_until
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
def test_the_canary_can_be_switched_off(enabled):
    """Without it nothing is pushed and nothing is measured."""
    jobs = build(
        SchedulerSettings(canary_enabled=enabled),
        name="schedulers",
        catalog=MemoryCatalog(),
        gateway=None,
        store=MemoryStore(),
        clock=ManualClock(),
    )

    assert len(jobs) == enabled
