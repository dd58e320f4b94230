"""What came in lately: counts that only grow, told only when they changed, in bounded memory."""

import asyncio

import orjson
from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.clock import ManualClock
from headwater.runtime.memory.producer import MemoryProducer
from processors.activity import Activity, Ledger
from tests.assertions import eventually

NOTES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9), st.integers(0, 99)))


def note(ledger, resource, records=1, quarantined=0, at_us=0, now_us=0):
    ledger.note("da_1", resource, records=records, quarantined=quarantined, at_us=at_us, now_us=now_us)


@given(NOTES)
def test_counts_are_the_sums_of_what_was_noted(notes):
    """And the arrival is the newest one, whatever the order."""
    ledger = Ledger(10)
    for resource, records, quarantined, at_us in notes:
        note(ledger, resource, records, quarantined, at_us)
    for (_, resource), intake in ledger.changed().items():
        own = [one for one in notes if one[0] == resource]
        assert intake.records == sum(records for _, records, _, _ in own)
        assert intake.quarantined == sum(quarantined for _, _, quarantined, _ in own)
        assert intake.at_us == max(at_us for _, _, _, at_us in own)


def test_only_what_changed_is_told():
    """Silence costs nothing."""
    ledger = Ledger(10)
    note(ledger, "a")
    note(ledger, "b")
    assert list(ledger.changed()) == [("da_1", "a"), ("da_1", "b")]
    note(ledger, "b")
    assert list(ledger.changed()) == [("da_1", "b")]
    assert not ledger.changed()


def test_the_ledger_forgets_what_was_silent_longest():
    """Its count then begins anew, and says since when."""
    ledger = Ledger(2)
    for now_us, resource in enumerate("abac"):
        note(ledger, resource, now_us=now_us)
    assert [resource for _, resource in ledger.changed()] == ["a", "c"]
    note(ledger, "b", now_us=9)
    [(_, intake)] = ledger.changed().items()
    assert (intake.started_at_us, intake.records) == (9, 1)


def activity(producer):
    clock = ManualClock(5)
    return Activity(producer, "activity", clock=clock, instance="p-1", limit=10)


async def test_what_could_not_be_told_is_told_later():
    """The broker was away; the counts are not lost."""
    producer = MemoryProducer()
    told = activity(producer)
    producer.available = False
    told.note("da_1", "r", records=2, quarantined=1, at_us=3)
    await told.tell()
    producer.available = True
    await told.tell()
    [message] = producer.sent("activity")
    assert (message.key, message.partition) == (b"in/da_1/r/p-1", 0)
    assert orjson.loads(message.value) == {"started_at_us": 5, "at_us": 3, "records": 2, "quarantined": 1}


async def test_the_rest_is_told_at_the_end(monkeypatch):
    """And from time to time before; closing twice is harmless."""
    monkeypatch.setattr("processors.activity.TELL_EVERY_S", 0.01)
    producer = MemoryProducer()
    told = activity(producer)
    await told.start()
    told.note("da_1", "r", records=1, quarantined=0, at_us=3)

    def one_line():
        assert len(producer.sent("activity")) == 1

    await eventually(one_line, within_s=5)
    told.note("da_1", "r", records=1, quarantined=0, at_us=4)
    await asyncio.gather(told.close(), told.close())
    assert [orjson.loads(one.value)["records"] for one in producer.sent("activity")] == [1, 2]
