"""Faust apps that fail at the worst moment, on stock Faust and on our transport; run as processes by a test.

    python losing_apps.py stock|ours take|plain|in-flight|in-flight-later

FAIL=1 makes the handler fail once: what it had in hand then is written to FAILED, one number a line. What
was processed is appended to EFFECTS, one number a line: the stand-in for a row that is durable in a store.
A message's value is its number.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import faust

from headwater.runtime.kafka.transport import RunPolicy, make_app, run_topic
from headwater.runtime.settings import KafkaSettings

BOOTSTRAP, GROUP, TOPIC = os.environ["BOOTSTRAP"], os.environ["GROUP"], os.environ["TOPIC"]
EFFECTS, FAILED = Path(os.environ["EFFECTS"]), Path(os.environ["FAILED"])
VICTIM = {"take": 0, "plain": 3, "in-flight": 0, "in-flight-later": 1}[sys.argv[2]]  # the message that fails

failing = os.environ["FAIL"] == "1"


def write(path: Path, numbers: Sequence[int]) -> None:
    """Append numbers to a file."""
    with path.open("a") as file:
        file.writelines(f"{number}\n" for number in numbers)


def process(numbers: Sequence[int], fails: bool) -> None:
    """Do the work on messages: their effect, or once a failure as of a store that does not answer."""
    global failing  # noqa: PLW0603 - a process's one switch
    if failing and fails:
        failing = False
        write(FAILED, numbers)
        raise ConnectionError("the store does not answer")
    write(EFFECTS, numbers)


async def process_slowly(numbers: Sequence[int], fails: bool) -> None:
    """Do the work on messages, or once wait for a store that never answers."""
    global failing  # noqa: PLW0603 - a process's one switch
    if failing and fails:
        failing = False
        write(FAILED, numbers)
        await asyncio.Event().wait()
    write(EFFECTS, numbers)


def stock_app() -> tuple[faust.App, Any]:
    """Return a Faust app as the documentation makes it, and its topic."""
    app = faust.App(
        GROUP,
        broker=f"kafka://{BOOTSTRAP}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id="one",  # so that a restart after kill -9 need not wait for the dead
        broker_commit_interval=0.2,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
    )
    return app, app.topic(TOPIC, value_type=bytes, value_serializer="raw")


async def stock_take(stream: Any) -> None:
    async for batch in stream.take(10, within=1):
        process([int(value) for value in batch], fails=b"%d" % VICTIM in batch)


async def stock_plain(stream: Any) -> None:
    async for value in stream:
        process([int(value)], fails=int(value) == VICTIM)


async def stock_in_flight(stream: Any) -> None:
    async for value in stream:
        await process_slowly([int(value)], fails=int(value) == VICTIM)


async def runs(stream: Any) -> AsyncIterator[tuple[Any, list[int]]]:
    """Yield each run with the numbers of its messages."""
    async for event in stream.events():
        yield event.value, [int(message.value) for message in event.value.messages]


async def our_run(stream: Any) -> None:
    async with aclosing(runs(stream)) as each:
        async for run, numbers in each:
            process(numbers, fails=VICTIM in numbers)
            run.finish()


async def our_in_flight(stream: Any) -> None:
    async with aclosing(runs(stream)) as each:
        async for run, numbers in each:
            await process_slowly(numbers, fails=VICTIM in numbers)
            run.finish()


HANDLERS = {
    ("stock", "take"): stock_take,
    ("stock", "plain"): stock_plain,
    ("stock", "in-flight"): stock_in_flight,
    ("stock", "in-flight-later"): stock_in_flight,
    ("ours", "take"): our_run,
    ("ours", "plain"): our_run,
    ("ours", "in-flight"): our_in_flight,
    ("ours", "in-flight-later"): our_in_flight,
}


def our_app() -> tuple[faust.App, Any]:
    """Return a Faust app on our transport, and its topic; each dataset's messages make runs of their own."""
    kafka = KafkaSettings(bootstrap=BOOTSTRAP)
    app = make_app(GROUP, kafka, RunPolicy(routing=frozenset({"dataset"})), instance="one")
    return app, run_topic(app, TOPIC)


def main() -> None:
    """Run one app until killed."""
    side, case = sys.argv[1:]
    app, topic = stock_app() if side == "stock" else our_app()
    app.conf.datadir = os.environ["DATADIR"]
    app.agent(topic, concurrency=2 if case.startswith("in-flight") else 1)(HANDLERS[side, case])
    sys.argv[1:] = ["worker", "-l", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
