"""Which pushes share a message, and who is answered when?"""

import asyncio

import orjson
import pytest

from gateway.admission import Target
from gateway.batching import Batcher, BatchPolicy
from gateway.parsing import Records
from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.clock import ManualClock, Stamper
from headwater.runtime.kafka.topics import Header, Op
from headwater.runtime.memory.producer import MemoryProducer

TOPIC = "raw"
TARGET = Target("flights", "realtime", revision=3)
POLICY = BatchPolicy(linger_s=0.02, max_bytes=1000, max_records=50)


@pytest.fixture
def producer():
    return MemoryProducer()


@pytest.fixture
def batcher(producer):
    return new_batcher(producer)


def new_batcher(producer, policy=POLICY):
    clock = ManualClock()
    return Batcher(TOPIC, policy, producer=producer, stamper=Stamper(clock), clock=clock)


def one(number):
    return Records(1, b'{"n":%d}' % number)


def sent(producer):
    """Return (version, records) of every message."""
    found = []
    for message in producer.sent(TOPIC):
        records = orjson.loads(message.value)
        found.append(
            (int(message.header(Header.VERSION)), records if isinstance(records, list) else [records])
        )
    return found


async def test_idle_lane_sends_at_once(producer, batcher):
    """A push that nobody is waiting beside does not wait for company; alone it stays an object."""
    await asyncio.wait_for(batcher.add(TARGET, Op.UPSERT, one(1)), 1)

    assert [message.value for message in producer.sent(TOPIC)] == [b'{"n":1}']


async def test_pushes_of_one_moment_share_a_message_in_order(producer, batcher):
    """The order of arrival is the order in the array, and all callers are answered by one acknowledgement."""
    answers = [batcher.add(TARGET, Op.UPSERT, one(number)) for number in range(5)]
    await asyncio.wait_for(asyncio.gather(*answers), 1)

    assert [[record["n"] for record in records] for _, records in sent(producer)] == [[0, 1, 2, 3, 4]]


async def test_busy_lane_gathers_until_the_oldest_has_waited_long_enough(producer, batcher):
    """While a message is under way others gather, and go without waiting for its acknowledgement."""
    producer.hold()
    first = batcher.add(TARGET, Op.UPSERT, one(1))
    await asyncio.sleep(0)  # the idle lane's flush
    later = [batcher.add(TARGET, Op.UPSERT, one(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    assert len(batcher._sending) == 1

    await asyncio.wait(later, timeout=10 * POLICY.linger_s)
    assert len(batcher._sending) == 2
    producer.release()
    await asyncio.wait_for(asyncio.gather(first, *later), 1)
    assert [len(records) for _, records in sent(producer)] == [1, 2]


async def test_message_says_what_it_holds(producer, batcher):
    """The headers are the contract with the processors; the key is the dataset."""
    await batcher.add(TARGET, Op.DELETE, Records(2, b'{"n":1},{"n":2}'))

    [message] = producer.sent(TOPIC)
    assert message.key == b"flights"
    assert {name: value.decode() for name, value in message.headers} == {
        "dataset": "flights",
        "resource": "realtime",
        "op": "delete",
        "version": str(1_700_000_000_000_000 << 12),
        "count": "2",
        "received-at": "1700000000000000",
        "origin": "push",
        "revision": "3",
    }


async def test_lanes_do_not_mix(producer, batcher):
    """Another resource, operation or revision of the dataset never shares a message."""
    lanes = [
        (TARGET, Op.UPSERT),
        (TARGET, Op.DELETE),
        (Target("flights", "other", 3), Op.UPSERT),
        (Target("flights", "realtime", 4), Op.UPSERT),
    ]
    answers = [batcher.add(target, op, one(number)) for number, (target, op) in enumerate(lanes)]
    await asyncio.gather(*answers)

    assert [len(records) for _, records in sent(producer)] == [1, 1, 1, 1]


async def test_versions_rise_in_the_order_of_acceptance(producer, batcher):
    """Also around a push that is too large to share a message, and although the clock stands still."""
    sizes = [1, 2, 300, 1, 60, 1, 1]
    answers = []
    for number, count in enumerate(sizes):
        spliced = b",".join([b'{"push":%d}' % number] * count)
        answers.append(batcher.add(TARGET, Op.UPSERT, Records(count, spliced)))
    await asyncio.gather(*answers)

    stamped = sorted(
        (version + position, record["push"])
        for version, records in sent(producer)
        for position, record in enumerate(records)
    )
    versions = [version for version, _ in stamped]
    assert [push for _, push in stamped] == [
        number for number, count in enumerate(sizes) for _ in range(count)
    ]
    assert len(set(versions)) == len(versions)


async def test_shared_messages_are_bounded_in_bytes_and_records(producer, batcher):
    """No message grows past the policy by sharing; a larger push travels alone."""
    bodies = [one(number) for number in range(120)] + [Records(1, b'{"n":"%s"}' % (b"x" * 600))] * 3
    await asyncio.gather(*[batcher.add(TARGET, Op.UPSERT, records) for records in bodies])

    messages = producer.sent(TOPIC)
    assert all(len(message.value) <= POLICY.max_bytes + 2 for message in messages)
    assert all(int(message.header(Header.COUNT)) <= POLICY.max_records for message in messages)
    assert sum(int(message.header(Header.COUNT)) for message in messages) == 123


async def test_failure_is_everybodys_failure(producer, batcher):
    """Nobody whose record was in the message gets an ok; the next push is on its own."""
    producer.available = False
    answers = [batcher.add(TARGET, Op.UPSERT, one(number)) for number in range(3)]
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(result) for result in results] == [BrokerUnavailable] * 3

    producer.available = True
    await asyncio.wait_for(batcher.add(TARGET, Op.UPSERT, one(9)), 1)
    assert [records for _, records in sent(producer)] == [[{"n": 9}]]


async def test_caller_that_left_does_not_disturb_the_others(producer, batcher):
    """A cancelled request's record is sent, as its fate was already out of its hands."""
    gone, stays = (batcher.add(TARGET, Op.UPSERT, one(number)) for number in (1, 2))
    gone.cancel()
    await asyncio.wait_for(stays, 1)

    assert [records for _, records in sent(producer)] == [[{"n": 1}, {"n": 2}]]


async def test_nobody_is_answered_before_the_acknowledgement(producer, batcher):
    """An ok means durable."""
    producer.hold()
    answer = batcher.add(TARGET, Op.UPSERT, one(1))
    done, _ = await asyncio.wait([answer], timeout=0.05)
    assert not done

    producer.release()
    await asyncio.wait_for(answer, 1)


async def test_stamped_push_travels_alone_with_its_version_and_moment(producer, batcher):
    """Whenever it is repeated it is the same message; the versions of other pushes are their own."""
    version = (1_600_000_000_000_000 << 12) + 5
    others = [batcher.add(TARGET, Op.UPSERT, one(number)) for number in (1, 2)]
    stamped = [batcher.add_stamped(TARGET, Op.UPSERT, one(3), version) for _ in range(2)]
    positions = await asyncio.wait_for(asyncio.gather(*others, *stamped), 1)

    messages = producer.sent(TOPIC)
    first, second = (one for one in messages if one.header(Header.VERSION) == str(version))
    assert first.headers == second.headers
    assert first.header(Header.RECEIVED_AT) == "1600000000000000"
    assert [(one.partition, one.offset) for one in (first, second)] == [
        (one.partition, one.offset) for one in positions[2:]
    ]
    assert positions[0] == positions[1]
    assert not batcher._under_way


async def test_closing_sends_what_is_open(producer):
    """A stop answers everybody who was let in; nothing waits for its linger."""
    batcher = new_batcher(producer, BatchPolicy(linger_s=60, max_bytes=1000, max_records=50))
    producer.hold()
    first = batcher.add(TARGET, Op.UPSERT, one(1))
    await asyncio.sleep(0)
    second = batcher.add(TARGET, Op.UPSERT, one(2))
    closing = asyncio.ensure_future(batcher.close())
    await asyncio.sleep(0)
    producer.release()
    await asyncio.wait_for(asyncio.gather(closing, first, second), 1)

    assert not batcher._open
    assert not batcher._under_way
    await batcher.close()


async def test_a_message_of_few_records_is_given_longer(producer):
    """It costs its readers as much as one of many, and while others are in flight more will come."""
    patient = BatchPolicy(
        linger_s=0.01, longest_linger_s=60, worthwhile_records=3, max_bytes=1000, max_records=50
    )
    batcher = new_batcher(producer, patient)
    producer.hold()
    batcher.add(TARGET, Op.UPSERT, one(1))
    await asyncio.sleep(0)  # the idle lane's flush
    small = batcher.add(TARGET, Op.UPSERT, one(2))
    await asyncio.wait({small}, timeout=10 * patient.linger_s)
    assert len(batcher._sending) == 1

    batcher.add(TARGET, Op.UPSERT, one(3))
    producer.release()
    await batcher.close()
    assert [len(records) for _, records in sent(producer)] == [1, 2]


async def test_a_worthwhile_message_goes_after_the_short_time(producer):
    """Whoever pushes much does not wait for more."""
    policy = BatchPolicy(
        linger_s=0.01, longest_linger_s=60, worthwhile_records=3, max_bytes=1000, max_records=50
    )
    batcher = new_batcher(producer, policy)
    producer.hold()
    batcher.add(TARGET, Op.UPSERT, one(1))
    await asyncio.sleep(0)
    many = [batcher.add(TARGET, Op.UPSERT, one(number)) for number in range(3)]
    producer.release()
    await asyncio.wait_for(asyncio.gather(*many), 5)
    assert [len(records) for _, records in sent(producer)] == [1, 3]
