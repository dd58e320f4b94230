"""Why the transport is our own: ways in which stock Faust loses messages, and ours does not.

Each case plays the same story twice on the real broker: ten messages arrive, the handler fails at the worst
moment, commits go on, the process is killed and started again in good health. What was in the handler's
hands when it failed must be processed in the end.

The stories are told by losing_apps.py. Partition 0 carries the messages; partition 1 carries a marker whose
commit proves that a round of commits ran after the failure.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

APPS = Path(__file__).with_name("losing_apps.py")
CASES = ("take", "plain", "in-flight", "in-flight-later")
MESSAGES = range(10)
MARKER, LAST = 100, 101
WITHIN_S = 30.0

pytestmark = pytest.mark.timeout(90)


class Story:
    """One topic, one consumer group, and the process that reads them."""

    def __init__(self, bootstrap: str, folder: Path, side: str, case: str) -> None:
        self.bootstrap = bootstrap
        self.side = side
        self.case = case
        self.topic = f"losing-{uuid4().hex[:8]}"
        self.group = f"{self.topic}-group"
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None

    async def send(self, *numbers: int, partition: int = 0) -> None:
        """Produce messages; only `take` wants them in one run of ours, so there they share a dataset."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for number in numbers:
                dataset = b"all" if self.case == "take" else b"%d" % number
                await producer.send_and_wait(
                    self.topic, b"%d" % number, partition=partition, headers=[("dataset", dataset)]
                )
        finally:
            await producer.stop()

    async def start(self, *, failing: bool) -> None:
        """Start the process that reads the topic."""
        environment = {
            **os.environ,
            "BOOTSTRAP": self.bootstrap,
            "GROUP": self.group,
            "TOPIC": self.topic,
            "EFFECTS": str(self.folder / "effects"),
            "FAILED": str(self.folder / "failed"),
            "DATADIR": str(self.folder / "faust"),
            "FAIL": str(int(failing)),
            "PYTHONPATH": str(APPS.parents[2]),
        }
        command = (sys.executable, str(APPS), self.side, self.case)
        log = (self.folder / "log").open("ab")
        with log:
            self.process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """End the process as a power cut would."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def processed(self) -> set[int]:
        return self._numbers("effects")

    def failed(self) -> set[int]:
        """What the handler had in hand when it failed."""
        return self._numbers("failed")

    async def committed(self, partition: int) -> int:
        """Return the group's committed offset, 0 when it never committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.group)
        finally:
            await admin.close()
        found = offsets.get(TopicPartition(self.topic, partition))
        return max(found.offset, 0) if found is not None else 0

    def log(self) -> str:
        """What the processes said last."""
        return (self.folder / "log").read_text()[-3000:]

    def _numbers(self, name: str) -> set[int]:
        path = self.folder / name
        return {int(line) for line in path.read_text().split()} if path.exists() else set()


@asynccontextmanager
async def story(bootstrap: str, folder: Path, side: str, case: str) -> AsyncIterator[Story]:
    """Make the topic; end the process whatever happens."""
    told = Story(bootstrap, folder, side, case)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(told.topic, 2, 1)])
    finally:
        await admin.close()
    try:
        yield told
    finally:
        await told.kill()


async def until(holds: Callable[[], Any], told: Story, what: str) -> None:
    """Wait until it holds; fails with the process's log when it does not in time."""
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await _value(holds):
                assert told.process is None or told.process.returncode is None, told.log()
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not in {WITHIN_S:.0f} s: {what}\n{told.log()}")


async def _value(holds: Callable[[], Any]) -> Any:
    found = holds()
    return await found if asyncio.iscoroutine(found) else found


async def lost(told: Story) -> set[int]:
    """Play the story to its end; return the messages that no handler ever processed."""
    await told.start(failing=True)
    if told.case == "in-flight-later":
        await told.send(0)
        await until(lambda: committed_to(told, 0, 1), told, "the first message is committed")
        await told.send(*MESSAGES[1:])
    else:
        await told.send(*MESSAGES)
    await until(told.failed, told, "the handler fails")
    await until(lambda: told.processed() | told.failed() == set(MESSAGES), told, "the others are processed")
    await told.send(MARKER, partition=1)
    await until(lambda: committed_to(told, 1, 1), told, "a round of commits after the failure")
    await told.kill()

    await told.start(failing=False)
    await told.send(LAST)
    await until(lambda: committed_to(told, 0, len(MESSAGES) + 1), told, "everything is committed")
    return set(MESSAGES) - told.processed()


async def committed_to(told: Story, partition: int, offset: int) -> bool:
    return await told.committed(partition) == offset


@pytest.mark.parametrize("case", CASES)
async def test_stock_faust_loses_what_its_handler_had_in_hand(broker, tmp_path, case):
    """Stock Faust commits past what was never processed.

    take: a batch whose handler raised is acknowledged all the same. plain: so is an event in `async for`.
    in-flight: before a group's first commit, a later message that is done commits past an earlier one that
    is still being worked on. in-flight-later: after a commit too, if that earlier one is the very next.
    """
    async with story(broker.bootstrap, tmp_path, "stock", case) as told:
        missing = await lost(told)

        assert missing == told.failed()
        assert missing


@pytest.mark.parametrize("case", CASES)
async def test_our_transport_loses_nothing_in_the_same_story(broker, tmp_path, case):
    """Only `Run.finish` lets the committed offset pass, so after the restart the failed are read again."""
    async with story(broker.bootstrap, tmp_path, "ours", case) as told:
        missing = await lost(told)

        assert told.failed()
        assert missing == set()
