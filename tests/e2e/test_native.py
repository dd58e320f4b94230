"""Producers that write to Kafka themselves: one record a message, the same table, and each record once."""

import json

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from tests.assertions import assert_search_shows, assert_table_equals, eventually
from tests.e2e.model import Model

RAW = "headwater.raw"
KEY = ("station",)
FLUSH_S = 20

pytestmark = pytest.mark.timeout(120)


def routing(to, **changes) -> list[tuple[str, bytes]]:
    """Return the headers that such a producer sends."""
    named = {"dataset": to.dataset_id, "resource": to.resource_id, "pushkey": to.pushkey}
    return [(name, text.encode()) for name, text in {**named, **changes}.items()]


async def send_with_aiokafka(stack, records, headers):
    """Send each record as a message of its own, with the client's defaults."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.state["kafka"])
    await producer.start()
    try:
        for record in records:
            await producer.send(RAW, json.dumps(record).encode(), headers=headers)
    finally:
        await producer.stop()


def send_with_confluent(stack, records, headers):
    """Do the same through librdkafka; raises AssertionError for a message that the broker did not take."""
    failures = []
    producer = Producer({"bootstrap.servers": stack.state["kafka"]})
    for record in records:
        producer.produce(
            RAW,
            json.dumps(record).encode(),
            headers=headers,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
    assert producer.flush(FLUSH_S) == 0
    assert not failures


def readings(numbers, value):
    return [{"station": f"s{number}", "value": value, "at": "2014/01/27T04:15:00"} for number in numbers]


async def test_records_of_native_producers_and_pushes_count_once(stack, api):
    """Three ways in, overlapping keys: one row for each key, and of one sender the last one wins."""
    dataset = await api.open_dataset("native", key=KEY)
    model = Model(KEY)
    for send, numbers, value in (
        ("aiokafka", range(300), 1),
        ("confluent", range(200, 500), 2),
        ("push", range(400, 600), 3.5),
        ("aiokafka", range(550, 650), 4),
    ):
        records = readings(numbers, value)
        if send == "aiokafka":
            await send_with_aiokafka(stack, records, routing(dataset))
        elif send == "confluent":
            send_with_confluent(stack, records, routing(dataset))
        else:
            assert (await api.push(dataset, records)).status == 200
        model.push(*records)
        await assert_table_equals(api, dataset, model)


async def test_a_native_producer_can_delete(stack, api):
    """The header `op` says so: by values, or by record id."""
    dataset = await api.open_dataset("native-deletes")
    model = Model()
    records = readings(range(10), 1)
    await send_with_aiokafka(stack, records, routing(dataset))
    model.push(*records)
    await assert_table_equals(api, dataset, model)

    send_with_confluent(stack, records[:3], routing(dataset, op="delete"))
    identity = model.id_of(records[3])
    send_with_confluent(stack, [{"_id": identity}], routing(dataset, op="delete-by-id"))
    model.delete(*records[:4])
    await assert_table_equals(api, dataset, model)


async def test_a_native_producer_can_merge(stack, api):
    """Also where nobody has merged over HTTP yet: what is merged is seen."""
    dataset = await api.open_dataset("native-merges", key=KEY)
    model = Model(KEY)
    records = [{"station": f"s{number}", "value": 1, "note": "dry"} for number in range(4)]
    await send_with_aiokafka(stack, records, routing(dataset))
    model.push(*records)
    await assert_search_shows(api, dataset, model)
    merged = [{"station": "s1", "value": 2}, {"station": "s2", "note": None}, {"station": "new", "value": 3}]
    await send_with_aiokafka(stack, merged, routing(dataset, op="merge"))
    model.merge(*merged)
    await assert_search_shows(api, dataset, model)


async def test_without_the_right_key_records_wait_in_quarantine(stack, api):
    """Under nobody's name: a stranger must not fill a dataset's own quarantine."""
    dataset = await api.open_dataset("native-guarded")
    await send_with_aiokafka(stack, [{"n": 1}], routing(dataset, pushkey="00" * 28))
    send_with_confluent(stack, [{"n": 2}], routing(dataset, dataset="nowhere"))
    await send_with_aiokafka(stack, [{"n": 3}], [("dataset", b"native-guarded")])
    await send_with_aiokafka(stack, [{"n": 4}], [])

    async def quarantined():
        waiting = await api.quarantined("_unrouted")
        assert {json.loads(one["record"])["n"]: one["errors"][0]["code"] for one in waiting} == {
            1: "invalid_pushkey",
            2: "unknown_dataset",
            4: "unknown_dataset",
        }

    await eventually(quarantined, within_s=20, every_s=0.2)
    own = await eventually(lambda: _some(api.quarantined(dataset.uid)), within_s=20, every_s=0.2)
    assert [(json.loads(one["record"]), one["errors"][0]["code"]) for one in own] == [
        ({"n": 3}, "unknown_resource")
    ]
    await assert_table_equals(api, dataset, Model())


async def _some(reading):
    found = await reading
    assert found
    return found


async def test_good_records_of_a_bad_message_are_stored(stack, api):
    """A producer without an answer channel must not lose a message to one bad record in it."""
    dataset = await api.open_dataset("native-mixed")
    batch = [{"n": 1}, 7, {"n": 2}, {}]
    await send_with_aiokafka(stack, [batch], routing(dataset))
    model = Model()
    model.push({"n": 1}, {"n": 2})
    await assert_table_equals(api, dataset, model)

    waiting = await eventually(lambda: _some(api.quarantined(dataset.uid)), within_s=20, every_s=0.2)
    assert [json.loads(one["record"]) for one in waiting] == [7, {}]
