"""A rebuild loses nothing: whatever the order, wherever it is killed, the result equals the model."""

import asyncio
import sys
from dataclasses import replace

import pytest

from headwater.domain.datasets import BuildState
from headwater.domain.errors import BrokerUnavailable, Conflict
from schedulers.rebuild.plan import Abandoned, BuildFailed, StartOver
from schedulers.rebuild.rebuild import Pace, Rebuild, give_up
from tests.unit.schedulers.rebuild.world import OLD, SETTLE_S, Installation

PACE = Pace(ahead_records=10, settle_s=SETTLE_S)
MAX_STEPS = 20_000


async def rebuild(installation):
    """Attempt the build until it is over, as the rebuilder does."""
    while (build := installation.dataset.build) is not None:
        try:
            await Rebuild(installation.world, PACE, build, "da_1", may_act=lambda: None).run()
        except (StartOver, BrokerUnavailable, Conflict):
            await installation.time.pause(0.1)


async def live(installation, *, kills=0, outages=0.0, edits=0.0):
    """Let everybody act until the build is over and nothing is under way."""
    chance = installation.random
    after = 30
    working = asyncio.create_task(rebuild(installation))
    try:
        for _ in range(MAX_STEPS):
            await asyncio.sleep(0)
            if chance.random() < 0.05 and after:  # pushes go on until the build is over, and then some
                installation.push()
                after -= working.done()
            if chance.random() < outages:
                installation.producer.available = not installation.producer.available
            if chance.random() < edits:
                await installation.catalog.write(
                    replace(installation.dataset, title=str(installation.dataset.revision))
                )
            if kills and chance.random() < (1 / 400 if is_filling(installation) else 1 / 60):
                kills -= 1
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                working = asyncio.create_task(rebuild(installation))
            installation.step()
            if working.done() and not after and installation.is_quiet:
                return working.result()
        raise AssertionError(f"not over after {MAX_STEPS} steps: {installation.dataset.build}")
    finally:
        installation.producer.available = True
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def is_filling(installation):
    build = installation.dataset.build
    return build is not None and build.state is not BuildState.SETTLING


async def started(seed, before=60, **kinds):
    """Return an installation that holds records already, whose owner asks for a build now."""
    installation = Installation(seed, **kinds)
    await installation.start()
    for number in range(before * 4):
        if number % 4 == 0:
            installation.push()
        installation.step()
    await installation.request()
    return installation


@pytest.mark.parametrize("seed", range(12))
async def test_pushes_during_a_build_are_all_in_the_new_generation(seed):
    """Processors may be as stale as their bound allows, readers of the log as late as they like."""
    installation = await started(seed)

    await live(
        installation,
    )

    assert installation.dataset.generation == 2
    assert installation.dataset.fields == installation.new
    assert installation.found() == installation.expected()


@pytest.mark.parametrize("seed", range(12))
async def test_a_build_survives_being_killed_anywhere(seed):
    """Nothing is remembered but the document: each new attempt does what is left, or all of it again."""
    installation = await started(seed + 100)

    await live(installation, kills=8, edits=0.01)

    assert installation.dataset.build is None
    assert installation.dataset.generation == 2
    assert installation.found() == installation.expected()


@pytest.mark.parametrize("seed", range(4))
async def test_a_build_outlives_outages_of_the_broker(seed):
    """What was not acknowledged is sent again, or the attempt begins anew."""
    installation = await started(seed + 500)

    await live(installation, outages=0.005)

    assert installation.dataset.generation == 2
    assert installation.found() == installation.expected()


async def test_without_settling_records_are_lost(monkeypatch):
    """The one wait that cannot be left out; and these tests would notice."""
    monkeypatch.setattr(sys.modules[__name__], "PACE", Pace(ahead_records=10, settle_s=0.0))
    lost = 0
    for seed in range(8):
        installation = await started(seed + 600)
        await live(installation)
        lost += installation.found() != installation.expected()

    assert lost


@pytest.mark.parametrize("seed", range(6))
async def test_a_recovery_keeps_what_is_not_archived(seed):
    """Of resources without recovery the rows are copied, deletions too."""
    installation = await started(
        seed + 200, recovers="re_r", new=OLD, resources=("r", "s"), unarchived=("u",)
    )

    await live(installation, kills=4)

    assert installation.dataset.generation == 2
    assert installation.found() == installation.expected()


async def test_two_rebuilders_at_once_do_no_harm():
    """A lease only saves work; the document decides."""
    installation = await started(300)
    second = asyncio.create_task(rebuild(installation))

    await live(
        installation,
    )
    await asyncio.wait_for(second, 10)

    assert installation.dataset.build is None
    assert installation.found() == installation.expected()


async def test_an_aborted_build_is_left_alone():
    """Readers keep the generation that they see, and the attempt ends."""
    installation = await started(400)
    build = installation.dataset.build
    attempt = asyncio.create_task(
        Rebuild(installation.world, PACE, build, "da_1", may_act=lambda: None).run()
    )
    await asyncio.sleep(0)
    await installation.catalog.write(replace(installation.dataset, build=None))

    with pytest.raises(Abandoned):
        await live_until_done(installation, attempt)
    assert installation.dataset.generation == 1


async def test_a_dataset_that_is_unpublished_fails_its_build():
    """The owner reads why in the document; the generation stays."""
    installation = await started(401)
    build = installation.dataset.build
    await installation.catalog.write(replace(installation.dataset, published=False))

    with pytest.raises(BuildFailed) as failure:
        await Rebuild(installation.world, PACE, build, "da_1", may_act=lambda: None).run()
    await give_up(installation.catalog, "da_1", build, str(failure.value))

    assert installation.dataset.build is None
    assert "unpublished" in installation.dataset.failure


async def test_a_build_that_is_aborted_after_the_switch_is_completed_all_the_same():
    """Readers see it already; to stop would lose what took the old way."""
    installation = await started(402)
    attempt = asyncio.create_task(rebuild(installation))
    while installation.dataset.build.state is not BuildState.SETTLING:
        installation.step()
        await asyncio.sleep(0)
    for _ in range(20):
        installation.push()
    await installation.catalog.write(replace(installation.dataset, build=None))

    await live_until_done(installation, attempt)
    while not installation.is_quiet:
        installation.step()

    assert installation.found() == installation.expected()


async def live_until_done(installation, task):
    """Let everybody act until a task is done, and return what it does."""
    for _ in range(MAX_STEPS):
        if task.done():
            return task.result()
        installation.step()
        await asyncio.sleep(0)
    raise AssertionError("the task does not end")
