"""Our Faust transport on a real broker: at least once, and never committed past what is unfinished."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from headwater.runtime.kafka.runs import Run
from headwater.runtime.kafka.transport import RunPolicy, make_app, run_topic
from headwater.runtime.settings import KafkaSettings
from tests.assertions import eventually

PARTITIONS = 4
ROUTING = frozenset({"dataset"})

pytestmark = pytest.mark.timeout(120)


class Log:
    """One topic and one group of a test, and what is known of them outside."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.topic = name
        self.group = name + "-group"
        self.ends: Counter[int] = Counter()  # by partition, of those that hold something

    async def create(self) -> None:
        async with self._admin() as admin:
            await admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])

    async def send(self, numbers, *, partition=None, dataset=None) -> None:
        """Append numbers in turn or to one partition; each its own dataset, so its own run, or all one."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            sent = []
            for number in numbers:
                name = (dataset or str(number)).encode()
                place = number % PARTITIONS if partition is None else partition
                self.ends[place] += 1
                sent.append(
                    await producer.send(
                        self.topic, b"%d" % number, partition=place, headers=[("dataset", name)]
                    )
                )
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def committed(self) -> dict[int, int]:
        """Return the group's committed offset by partition, of those that have one."""
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(self.group)
        return {place.partition: found.offset for place, found in offsets.items() if found.offset >= 0}

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


class Member:
    """One member of the group, which has runs in hand and finishes them when it is told to."""

    def __init__(self, log: Log, *, instance="", holds=0, quota=1_000_000, seed=1) -> None:
        self.holds = holds  # runs in hand before one of them, any, is finished
        self.quota = quota  # runs that are finished at most
        self.in_hand: list[Run] = []
        self.delivered: list[int] = []
        self.effects: list[int] = []  # numbers whose run was finished
        self._random = random.Random(seed)
        policy = RunPolicy(routing=ROUTING, max_messages=50)
        self._app = make_app(log.group, log.kafka, policy, instance=instance)
        self._app.agent(run_topic(self._app, log.topic), name="reader")(self._read)

    async def _read(self, stream) -> None:
        async for event in stream.noack().events():
            self.in_hand.append(event.value)
            self.delivered += numbers_of(event.value)
            while len(self.in_hand) > self.holds and len(self.effects) < self.quota:
                self.finish(self._random.choice(self.in_hand))

    def finish(self, run: Run) -> None:
        """Have the effect of a run, then say so."""
        self.in_hand.remove(run)
        self.effects += numbers_of(run)
        run.finish()

    def finish_all(self) -> None:
        """Finish what is in hand, and from now on everything at once."""
        self.holds = 0
        while self.in_hand:
            self.finish(self._random.choice(self.in_hand))

    async def __aenter__(self):
        self._app.finalize()
        async with asyncio.timeout(30):
            await self._app.start()
        return self

    async def __aexit__(self, *_):
        async with asyncio.timeout(30):
            await self._app.stop()


def numbers_of(run: Run) -> list[int]:
    return [int(message.value) for message in run.messages]


@pytest.fixture
async def log(broker, unique):
    log = Log(broker.bootstrap, unique)
    await log.create()
    return log


async def has_all(member: Member, numbers) -> None:
    await eventually(lambda: _assert_covers(member.delivered, numbers), within_s=20)


def _assert_covers(delivered, numbers):
    missing = set(numbers) - set(delivered)
    assert not missing, f"{len(missing)} not delivered, such as {sorted(missing)[:5]}"


async def commits(log: Log, expected: dict[int, int]) -> None:
    async def equal():
        assert await log.committed() == expected

    await eventually(equal, within_s=20, every_s=0.2)


async def test_what_is_finished_is_committed_to_the_end(log):
    """The ordinary case: everything delivered once, in order of its partition, and committed."""
    await log.send(range(1000), dataset="one")
    async with Member(log) as member:
        await has_all(member, range(1000))
        await commits(log, log.ends)

    assert sorted(member.delivered) == list(range(1000))
    for partition in range(PARTITIONS):
        mine = [number for number in member.delivered if number % PARTITIONS == partition]
        assert mine == sorted(mine)


async def test_committed_offset_stops_at_an_unfinished_run(log):
    """Whatever is finished behind it: a commit that passes it would lose it."""
    await log.send(range(10), partition=0)
    async with Member(log, holds=100) as member:
        await has_all(member, range(10))
        by_number = {numbers_of(run)[0]: run for run in member.in_hand}
        for number in (9, 5, 0, 1, 2, 4, 6, 7, 8):
            member.finish(by_number[number])
        await commits(log, {0: 3})
        await prove_commits_went_on(log, member)
        assert (await log.committed())[0] == 3

        member.finish(by_number[3])
        await commits(log, log.ends)


async def prove_commits_went_on(log: Log, member: Member) -> None:
    """Return after a whole round of commits: a marker on another partition is committed."""
    await log.send([999], partition=1)
    await has_all(member, [999])
    member.finish(next(run for run in member.in_hand if 999 in numbers_of(run)))

    async def marked():
        assert (await log.committed()).get(1) == 1

    await eventually(marked, within_s=20, every_s=0.2)


async def test_nothing_is_committed_until_the_first_run_is_finished(log):
    """Runs finished backwards: no offset at all, and then the end at once."""
    await log.send(range(10), partition=0)
    async with Member(log, holds=100) as member:
        await has_all(member, range(10))
        first, *others = sorted(member.in_hand, key=lambda run: run.first)
        for run in reversed(others):
            member.finish(run)
        await prove_commits_went_on(log, member)
        assert 0 not in await log.committed()

        member.finish(first)
        await commits(log, log.ends)


@pytest.mark.parametrize("instance", ["", "member-0"])
async def test_unfinished_runs_are_delivered_again_after_a_restart(log, instance):
    """With them comes what was finished behind them: at least once. Static membership changes nothing."""
    await log.send(range(40))
    async with Member(log, holds=100, instance=instance) as member:
        await has_all(member, range(40))
        for run in list(member.in_hand):
            if numbers_of(run)[0] not in (12, 13, 39):
                member.finish(run)
        await commits(log, {0: 3, 1: 3, 2: 10, 3: 9})

    async with Member(log, instance=instance) as successor:
        await has_all(successor, [12, 13, 39])
        await commits(log, log.ends)

    assert min(number for number in successor.delivered if number % PARTITIONS == 0) == 12
    assert not [number for number in successor.delivered if number % PARTITIONS == 2]


async def test_every_message_is_delivered_over_many_restarts(log):
    """A worker that never gets further than a few runs before it dies still loses nothing."""
    everything = range(400)
    await log.send(everything)
    effects: set[int] = set()
    for attempt in range(4):
        async with Member(log, holds=20, quota=60, seed=attempt) as member:
            await eventually(lambda member=member: _assert_effects(member, 60), within_s=20)
        effects.update(member.effects)

    async with Member(log) as last:
        await eventually(lambda: _assert_covers(effects | set(last.effects), everything), within_s=20)
        await commits(log, log.ends)


def _assert_effects(member, at_least):
    assert len(member.effects) >= at_least


async def test_a_member_that_joins_and_leaves_loses_nothing(log):
    """A rebalance takes runs out of both members' hands; each must come again, to whoever has it then."""
    effects: set[int] = set()
    async with Member(log, holds=10) as stays:
        await log.send(range(400))
        await eventually(lambda: _assert_effects(stays, 100), within_s=20)
        async with Member(log, holds=10, seed=2) as visitor:
            await asyncio.gather(
                log.send(range(400, 800)),
                eventually(lambda: _assert_effects(visitor, 1), within_s=30),
            )
        effects.update(visitor.effects)
        await log.send(range(800, 1000))
        stays.finish_all()
        await eventually(lambda: _assert_covers(effects | set(stays.effects), range(1000)), within_s=30)
        await commits(log, log.ends)
