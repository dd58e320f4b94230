"""Datasets are made again when what they join has changed: after a while, and never without end."""

from dataclasses import replace

import pytest

from headwater.domain.applied import Change
from headwater.domain.builds import Design, with_build
from headwater.domain.datasets import Dataset, ProcessorItem, Resource
from headwater.domain.errors import BrokerUnavailable
from headwater.domain.leases import LEASES
from headwater.runtime.activity import MemoryActivity
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments, MemoryLog
from headwater.runtime.leases import Leases
from headwater.runtime.memory.catalog import MemoryCatalog
from schedulers.republish import Calm, Republisher, edges_of

WHOLE = Resource(uid="re_1", resource_id="r", title="r")


def joining(*remotes, republish=True):
    return tuple(
        ProcessorItem(
            uid=f"pr_{remote}",
            type="join_dataset",
            label="",
            params={"dataset": remote, "republish_all_records_upon_update": republish},
        )
        for remote in remotes
    )


def dataset(name, *remotes, **members):
    given = {
        "uid": f"da_{name}",
        "dataset_id": name,
        "title": name,
        "published": True,
        "resources": (WHOLE,),
        "processors": joining(*remotes),
    }
    return Dataset(**(given | members))


class Bench:
    """Dataset `a`, which joins `b`; schedulers that share a log of leases, and a clock that a test moves."""

    def __init__(self):
        self.clock = ManualClock()
        self.catalog, self.activity, self.log = MemoryCatalog(), MemoryActivity(), MemoryLog()

    async def start(self, *datasets):
        await self.catalog.start()
        for one in datasets or (dataset("a", "b"), dataset("b")):
            await self.catalog.write(one)
        self.republisher = await self.scheduler()
        await self.republisher.look()
        return self

    async def scheduler(self):
        documents = MemoryDocuments(LEASES, self.log)
        await documents.start()
        return Republisher(
            Calm(quiet_s=10, every_s=300),
            catalog=self.catalog,
            activity=self.activity,
            leases=Leases(documents, self.clock),
            clock=self.clock,
        )

    async def change(self, name="b", generation=1):
        """Let rows of a dataset become visible, a second before the next look."""
        self.republisher.note(Change(f"da_{name}", generation))
        await self.after(1)

    async def after(self, seconds, scheduler=None):
        self.clock.advance(seconds)
        await (scheduler or self.republisher).look()

    async def write(self, name, **members):
        await self.catalog.write(replace(self.catalog.get(f"da_{name}"), **members))

    async def finish(self, name="a"):
        """Let the build of a dataset end as builds do."""
        await self.write(name, generation=self.catalog.get(f"da_{name}").build.generation)
        await self.write(name, build=None)

    def builds(self, name="a"):
        """How many builds were asked for so far."""
        return self.catalog.get(f"da_{name}").last_generation - 1


@pytest.fixture
async def bench():
    return await Bench().start()


async def test_dataset_is_made_again_when_the_remote_one_is_quiet(bench):
    """With what is in force, as if its owner had asked."""
    await bench.change()
    await bench.after(8)
    assert bench.builds() == 0

    await bench.after(2)

    build = bench.catalog.get("da_a").build
    assert build.generation == 2
    assert build.processors == joining("b")
    assert build.uid.startswith("bu_")


async def test_one_change_is_one_build(bench):
    """Nothing more is due when it has ended."""
    await bench.change()
    await bench.after(10)
    await bench.finish()
    for _ in range(20):
        await bench.after(60)

    assert bench.builds() == 1


async def test_remote_dataset_that_never_rests_is_not_waited_for_for_ever(bench):
    """It is taken as it is, every `every_s`."""
    for second in range(1200):
        await bench.change()
        if bench.catalog.get("da_a").build:
            await bench.finish()
        if second == 290:
            assert bench.builds() == 0

    assert bench.builds() == 3


async def test_changes_soon_after_a_build_wait(bench):
    """Never more often than every `every_s`."""
    await bench.change()
    await bench.after(10)
    await bench.finish()
    await bench.change()
    await bench.after(100)
    assert bench.builds() == 1

    await bench.after(200)
    assert bench.builds() == 2


@pytest.mark.parametrize("member", ["build", "draft", "draft_processors"])
async def test_build_waits_for_what_is_going_on(bench, member):
    """Another build, or a draft that the owner has not published."""
    present = bench.catalog.get("da_a")
    going = with_build(present, Design.in_force(present), uid="bu_x", now_us=1)
    await bench.write("a", **({"build": going.build} if member == "build" else {member: ()}))
    await bench.change()
    await bench.after(20)
    assert bench.builds() == 0

    await bench.write("a", **{member: None})
    await bench.after(1)
    assert bench.builds() == 1


async def test_change_during_the_build_makes_another_one(bench):
    """Records that were made before it have the old values."""
    await bench.change()
    await bench.after(10)
    await bench.change()
    await bench.after(400)
    assert bench.builds() == 1
    await bench.finish()
    await bench.after(1)

    assert bench.builds() == 2


async def test_rows_that_nobody_sees_yet_change_nothing(bench):
    """Those of a build of the remote dataset; its end does."""
    await bench.change(generation=2)
    await bench.after(20)
    assert bench.builds() == 0

    await bench.write("b", generation=2)
    await bench.after(1)
    await bench.after(10)
    assert bench.builds() == 1


async def test_sync_of_the_remote_dataset_is_a_change(bench):
    """Records that it did not send are gone."""
    await bench.write("b", sync_version=5)
    await bench.after(1)
    await bench.after(10)

    assert bench.builds() == 1


async def test_unpublishing_the_remote_dataset_is_none(bench):
    """Records keep what was joined into them."""
    await bench.write("b", published=False, generation=2)
    await bench.after(1)
    await bench.after(20)

    assert bench.builds() == 0


async def test_only_joins_that_want_it_make_records_again():
    """And only of datasets that are published; all that join the same one do."""
    bench = await Bench().start(
        dataset("a", "b"),
        dataset("c", "x", "b"),
        dataset("d", processors=joining("b", republish=False)),
        dataset("e", "b", published=False),
        dataset("f", processors=(ProcessorItem(uid="pr_1", type="file", label="", params={"dataset": "b"}),)),
        dataset("b"),
    )
    await bench.change()
    await bench.after(10)

    assert [bench.builds(name) for name in "abcdef"] == [1, 0, 1, 0, 0, 0]


async def test_chain_of_joins_follows_build_by_build():
    """What joins a dataset that was made again is made again as well."""
    bench = await Bench().start(dataset("a", "b"), dataset("b", "c"), dataset("c"))
    await bench.change("c")
    await bench.after(10)
    assert (bench.builds("a"), bench.builds("b")) == (0, 1)

    await bench.finish("b")
    await bench.after(1)
    await bench.after(10)
    assert (bench.builds("a"), bench.builds("b")) == (1, 1)


async def test_circles_of_joins_do_not_turn():
    """They would make each other again for ever; what only leads into them follows."""
    bench = await Bench().start(dataset("a", "b"), dataset("b", "a"), dataset("c", "c"), dataset("d", "a"))
    for name in "abc":
        await bench.change(name)
    await bench.after(400)

    assert [bench.builds(name) for name in "abcd"] == [0, 0, 0, 1]
    assert edges_of(bench.catalog.all()) == {"da_a": frozenset({"da_d"})}


async def test_build_that_would_lose_records_is_left_out(bench):
    """An archive with gaps; a resource without one keeps its rows."""
    await bench.write("a", resources=(replace(WHOLE, archived_since=5),))
    await bench.change()
    await bench.after(10)
    assert bench.builds() == 0

    await bench.write("a", resources=(replace(WHOLE, params={"recovery": False}),))
    await bench.change()
    await bench.after(400)
    assert bench.builds() == 1


async def test_only_one_scheduler_asks(bench):
    """The other one takes over what the first had not served, and repeats nothing."""
    other = await bench.scheduler()
    bench.activity.write("in/da_b/r/p1", {"at_us": bench.clock.now_us() + 1, "records": 1, "quarantined": 0})
    await bench.change()
    await bench.after(9, other)
    assert bench.builds() == 0

    await bench.after(20, other)
    await bench.after(10, other)
    assert bench.builds() == 1
    await bench.finish()
    third = await bench.scheduler()
    for _ in range(10):
        await bench.after(100, third)
    assert bench.builds() == 1


async def test_what_changed_while_no_scheduler_ran_is_found(bench):
    """By what came into the remote dataset meanwhile."""
    bench.clock.advance(3600)
    bench.activity.write("in/da_b/r/p1", {"at_us": bench.clock.now_us(), "records": 1, "quarantined": 0})
    other = await bench.scheduler()
    await bench.after(60, other)
    await bench.after(10, other)

    assert bench.builds() == 1


async def test_first_scheduler_of_all_makes_nothing_again():
    """What came in before anybody looked is joined already."""
    fresh = Bench()
    fresh.activity.write("in/da_b/r/p1", {"at_us": fresh.clock.now_us(), "records": 1, "quarantined": 0})
    await fresh.start()
    await fresh.after(400)

    assert fresh.builds() == 0


async def test_write_that_loses_is_made_by_the_next_look(bench):
    """Somebody else may change the document at the same moment."""
    await bench.change()
    writing = bench.catalog.write

    async def first(document):
        bench.catalog.write = writing
        await bench.write("a", title="another")
        return await writing(document)

    bench.catalog.write = first
    await bench.after(10)
    assert bench.builds() == 0
    await bench.after(1)
    assert bench.builds() == 1


async def test_without_kafka_it_waits(bench):
    """Changes are served when it is back."""
    await bench.change()
    bench.log.available = False
    bench.clock.advance(10)
    with pytest.raises(BrokerUnavailable):
        await bench.republisher.look()
    bench.log.available = True
    await bench.after(10)

    assert bench.builds() == 1


async def test_datasets_that_are_gone_are_forgotten(bench):
    """So are those that join nothing any more."""
    await bench.change()
    await bench.write("a", processors=())
    await bench.after(400)
    assert bench.builds() == 0

    await bench.catalog.delete(bench.catalog.get("da_a"))
    bench.republisher.note(Change("da_gone", 1))
    await bench.after(1)
