"""A stack that makes several records of one, leaves some out, deletes and refuses, while its processes die.

What must come of it is computed here, record by record, in plain Python.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.assertions import assert_table_equals, eventually
from tests.e2e.api import Api, Opened
from tests.e2e.interleaving import until_ok
from tests.e2e.model import Model
from tests.e2e.stack import Stack
from tests.e2e.test_failures import kill_together

KEY = ("n", "part")
PUSH, DELETE = "push/", "delete/"
SENDERS = 4
FIRST = 2_000  # records acknowledged before anybody is killed
LAST = 3_000  # acknowledged after the last kill
FAULTS = (
    ("processors-0", "sinks-1"),
    ("processors-1",),
    ("processors-0", "processors-1", "sinks-0", "sinks-1"),
)
PAUSE_S = 0.2  # of a sender, so that the load outlasts the faults without growing large
PARTS = range(12)
CALM = range(2, 12)  # parts that no stack of these tests refuses

Record = dict[str, Any]

pytestmark = pytest.mark.timeout(150)


@dataclass(frozen=True)
class Rules:
    """A stack, as the management API takes it and as what it does to one record."""

    old: str
    new: str
    most: int  # greater parts are left out
    refused: int  # of this part there is no ratio

    def documents(self) -> list[Record]:
        return [
            {"type": "expand_json_array", "json_array_field": "part"},
            {"type": "skip_records", "value_to_skip": f"=part > {self.most}"},
            {"type": "skip_records", "field": "state", "value_to_skip": "skip"},
            {"type": "delete_record", "field": "state", "value_to_skip": "gone"},
            {"type": "string_replace", "field": "text", "old": self.old, "new": self.new},
            {
                "type": "expression",
                "expression": f"= value / (part - {self.refused})",
                "output_field": "ratio",
            },
        ]

    def rows(self, record: Record) -> list[Record]:
        """Return what a record becomes. Raises ZeroDivisionError when all of it is refused."""
        if record.get("state") == "skip":
            return []
        return [self._row(record, part) for part in parts_of(record) if part <= self.most]

    def keys(self, record: Record) -> list[Record]:
        """Return what a deletion by this record names; one that lacks a ratio is no reason to refuse it."""
        if record.get("state") == "skip":
            return []
        return [{"n": record["n"], "part": part} for part in parts_of(record) if part <= self.most]

    def _row(self, record: Record, part: int) -> Record:
        ratio = record["value"] / (part - self.refused)
        return {**record, "part": part, "text": record["text"].replace(self.old, self.new), "ratio": ratio}


@dataclass
class Ledger:
    """All that was acknowledged, as far as the order matters."""

    entries: list[tuple[str, Sequence[Record]]] = field(default_factory=list)
    records: int = 0

    def note(self, tail: str, records: Sequence[Record]) -> None:
        self.entries.append((tail, records))
        self.records += len(records)

    def outcome(self, rules: Rules) -> "Result":
        """Return what all of it becomes with a stack."""
        result = Result()
        for tail, records in self.entries:
            for record in records:
                result.take(tail, record, rules)
        return result


@dataclass
class Result:
    """What a ledger became."""

    model: Model = field(default_factory=lambda: Model(KEY))
    refused: dict[int, Record] = field(default_factory=dict)  # by sequence number
    discarded: int = 0
    emitted: int = 0

    def take(self, tail: str, record: Record, rules: Rules) -> None:
        try:
            rows = rules.keys(record) if tail == DELETE else rules.rows(record)
        except ZeroDivisionError:
            self.refused[record["sequence"]] = record
            return
        self.discarded += not rows
        self.emitted += len({row["part"] for row in rows})
        if tail == DELETE or record.get("state") == "gone":
            self.model.delete(*rows)
        else:
            self.model.push(*rows)


def parts_of(record: Record) -> Sequence[int]:
    part: Any = record["part"]
    return part if isinstance(part, list) else [part]


class Sender:
    """Makes requests about records that nobody else touches, for ever; the same ones for the same seed."""

    def __init__(self, number: int, seed: int, parts: Sequence[int] = PARTS) -> None:
        self._number = number
        self._pick = random.Random(seed * SENDERS + number)
        self._parts = parts
        self._made = 0
        self._latest: dict[int, Record] = {}  # by n

    def requests(self) -> Iterator[tuple[str, Sequence[Record]]]:
        while True:
            if self._latest and self._pick.random() < 0.2:
                yield DELETE, [self._named() for _ in range(self._pick.randint(1, 5))]
            else:
                size = 400 if self._pick.random() < 0.1 else self._pick.randint(1, 40)
                yield PUSH, [self._record() for _ in range(size)]

    def _record(self) -> Record:
        pick = self._pick
        self._made += 1
        n = self._number * 10**6 + pick.randrange(10 + self._made // 2)  # every other one is an update
        record = {
            "n": n,
            "part": pick.choice([pick.choice(self._parts), self._some()]),
            "sequence": self._number * 10**6 + self._made,
            "text": pick.choice(["rain", "rain, then rain", "snow ☂", "dry"]),
            "value": pick.choice([pick.randint(-500, 500), pick.randint(0, 400) / 4]),
        }
        if pick.random() < 0.2:
            record["state"] = pick.choice(["skip", "gone", "gone", "here"])
        self._latest[n] = record
        return record

    def _some(self) -> list[int]:
        return [self._pick.choice(self._parts) for _ in range(self._pick.randint(1, 5))]

    def _named(self) -> Record:
        """Return a record as a deletion names it: as it was sent last, or by its key alone."""
        record = self._latest[self._pick.choice(list(self._latest))]
        whole = self._pick.random() < 0.5
        return record if whole else {"n": record["n"], "part": self._pick.choice(parts_of(record))}


@dataclass
class Load:
    """Several senders at once; `ledger` is what was acknowledged."""

    api: Api
    dataset: Opened
    ledger: Ledger
    parts: Sequence[int] = PARTS
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(10**6))
    is_over: bool = False

    @asynccontextmanager
    async def running(self) -> Any:
        """Send for as long as the block lasts."""
        self.is_over = False
        async with asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                group.create_task(self._send(Sender(number, self.seed, self.parts)))
            yield
            self.is_over = True

    async def more(self, count: int) -> None:
        """Wait until so many further records are acknowledged."""
        goal = self.ledger.records + count
        async with asyncio.timeout(60):
            while self.ledger.records < goal:  # noqa: ASYNC110 - several senders tell, nobody waits long
                await asyncio.sleep(0.02)

    async def _send(self, sender: Sender) -> None:
        for at, (tail, records) in enumerate(sender.requests()):
            if self.is_over:
                return
            headers = {"Idempotency-Key": f"{self.seed}-{records[0]['n']}-{at}"}
            await until_ok(
                lambda: self.api.ask(self.dataset, records, tail=tail, headers=headers)  # noqa: B023
            )
            self.ledger.note(tail, records)
            await asyncio.sleep(PAUSE_S)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two processors and two sinks; the schedulers of this stack settle soon."""
    settings = {"SCHEDULER_REBUILD_SETTLE_S": "4", "PROCESSOR_CATALOG_MAX_AGE_S": "2"}
    stack = Stack(tmp_path_factory.mktemp("pairs"), processors=2, sinks=2, settings=settings)
    stack.start()
    yield stack
    stack.stop()


FORMER = Rules(old="rain", new="snow", most=8, refused=0)
LATTER = Rules(old="snow", new="hail", most=10, refused=1)


@pytest.fixture(scope="module")
def ledger():
    """What the tests of this module sent to their one dataset."""
    return Ledger()


@pytest.fixture(scope="module")
def made():
    """The dataset of this module, once it is there."""
    return {}


async def test_every_record_meets_its_end_whoever_dies(pairs, api, ledger, made):
    """The table is the model's, and exactly the refused records wait in quarantine, each once."""
    dataset = made["dataset"] = await opened(api)
    load = Load(api, dataset, ledger)
    async with load.running():
        await load.more(FIRST)
        for victims in FAULTS:
            await kill_together(pairs, *victims)
        await load.more(LAST)

    result = ledger.outcome(FORMER)
    assert result.refused
    assert result.discarded
    await assert_table_equals(api, dataset, result.model, within_s=40, note=f"seed {load.seed}")
    await eventually(lambda: waits(api, dataset, result.refused), within_s=10, every_s=0.2)
    reasons = {
        (reason["field"], reason["code"], reason["message"])
        for one in await api.quarantined(dataset.uid)
        for reason in one["errors"]
    }
    assert reasons == {("ratio", "processor_error", "expression: division by zero")}


@pytest.mark.usefixtures("pairs")
async def test_what_came_in_is_what_ended(api, ledger, made):
    """In counters, since everybody is alive: records in, rows out, refused and discarded ones."""
    dataset = made["dataset"]
    before = await quiet(api)
    own = Ledger()
    sender = Sender(SENDERS, 7)
    for _, (tail, records) in zip(range(40), sender.requests(), strict=False):
        assert (await api.push(dataset, records, tail=tail)).status == 200
        own.note(tail, records)
        ledger.note(tail, records)
    result = own.outcome(FORMER)

    async def adds_up():
        grown = (await api.counters()) - before
        processed = grown["processed_records_total"]
        assert grown["push_records_total"] == processed >= own.records
        canaries = processed - own.records
        assert grown["emitted_rows_total"] == grown["stored_rows_total"] == result.emitted + canaries
        assert grown["quarantined_records_total"] == len(result.refused)
        assert grown["discarded_records_total"] == result.discarded

    await eventually(adds_up, within_s=20, every_s=0.2)


async def test_a_changed_stack_makes_all_of_it_again(pairs, api, ledger, made):
    """Out of the archive, while records come in and processes die: the model's, with the new stack."""
    dataset = made["dataset"]
    refused = {**ledger.outcome(FORMER).refused, **ledger.outcome(LATTER).refused}
    document = {"processors": LATTER.documents()}
    answer = await api.manage("PUT", f"/datasets/{dataset.uid}/processors/", document)
    assert answer.status == 200, answer
    load = Load(api, dataset, ledger, CALM)
    async with load.running():
        await load.more(100)
        await api.publish(dataset.uid)
        await kill_together(pairs, "processors-1", "sinks-0")
        await api.built(dataset)

    result = ledger.outcome(LATTER)
    await assert_table_equals(api, dataset, result.model, within_s=40, note=f"seed {load.seed}")
    await eventually(lambda: waits(api, dataset, refused), within_s=10, every_s=0.2)


async def opened(api: Api) -> Opened:
    dataset = await api.open_dataset("many-parts", key=KEY, publish=False)
    for document in FORMER.documents():
        await api.make(f"/datasets/{dataset.uid}/processors/", document)
    await api.publish(dataset.uid)
    return dataset


async def waits(api: Api, dataset: Opened, refused: dict[int, Record]) -> None:
    """Exactly these records wait in quarantine, as they were sent."""
    entries = [json.loads(one["record"]) for one in await api.quarantined(dataset.uid)]
    times = Counter(one["sequence"] for one in entries)
    assert not times - Counter(refused.keys()), "there too often, or not refused at all"
    assert not Counter(refused.keys()) - times, "missing"
    assert all(one == refused[one["sequence"]] for one in entries)


async def quiet(api: Api) -> Counter[str]:
    """Return the counters once everything that came in has left."""

    async def settled() -> Counter[str]:
        first = await api.counters()
        await asyncio.sleep(0.5)
        second = await api.counters()
        names = ("processed_records_total", "emitted_rows_total", "stored_rows_total", "push_records_total")
        assert all(first[name] == second[name] for name in names)
        return second

    return await eventually(settled, within_s=20, every_s=0.1)
