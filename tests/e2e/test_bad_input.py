"""Bad input and what it gets, through the front door; and that afterwards every record is accounted for."""

import asyncio
import json

import pytest

from tests.assertions import assert_refused, assert_table_equals, eventually
from tests.e2e.load import Load
from tests.e2e.model import Model

LIMIT = 5 * 1024 * 1024
BROKER_AWAY_S = 10.0
RECORD = {"n": 1}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def dataset(api, unique):
    """A dataset of the test's own."""
    return await api.open_dataset(unique)


@pytest.fixture
async def stays_empty(api, dataset):
    """After the test nothing was stored: a record pushed last is the only one there is."""
    yield
    model = Model()
    assert (await api.push(dataset, {"last": True})).status == 200
    model.push({"last": True})
    await assert_table_equals(api, dataset, model)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a": 1', "line 1 column 8"),
        (b'{"a": 1,\n "b": nope}', "line 2 column 7"),
        (b'[{"a": 1},\n {"b": }]', "line 2 column 8"),
        (b'{"a": 1}\n{"a": 2}\n{"a": }\n', "line 3 column 7"),
        (b'{"a": NaN}', "line 1 column 7"),
        (b"", "line 1 column 1"),
        (b"a=1&b=2", "line 1 column 1"),
        (b'{"a": "\xff"}', "line 1 column 8"),
    ],
)
@pytest.mark.usefixtures("stays_empty")
async def test_bad_json_is_refused_with_its_place(api, dataset, body, place):
    """Line and column, so that a person finds it."""
    answer = await api.push(dataset, body)
    assert_refused(answer, 400, "invalid_json")
    assert place in answer.body["message"]


@pytest.mark.parametrize("body", [b"7", b'"text"', b"true", b"null"])
@pytest.mark.usefixtures("stays_empty")
async def test_a_body_that_is_neither_object_nor_array_is_refused(api, dataset, body):
    """A scalar holds no record."""
    assert_refused(await api.push(dataset, body), 400, "invalid_body")


@pytest.mark.parametrize("tail", ["push/", "delete/"])
@pytest.mark.usefixtures("stays_empty")
async def test_a_scalar_in_an_array_is_refused_with_its_index(api, dataset, tail):
    """All or nothing: the good records of such a request are not stored either."""
    answer = await api.push(dataset, [{"a": 1}, 7, {"a": 2}, {}, None], tail=tail)
    assert_refused(answer, 400, "invalid_record")
    assert [one["index"] for one in answer.body["errors"]] == [1, 3, 4]


async def test_an_empty_array_is_accepted_and_does_nothing(api, dataset):
    """A client with nothing to say is no mistake."""
    assert (await api.push(dataset, [])).body == {"status": "ok"}


@pytest.mark.usefixtures("stays_empty")
async def test_a_missing_or_wrong_key_is_unauthorised(api, dataset):
    """Also an API key, and a key of another dataset."""
    other = await api.open_dataset(dataset.dataset_id + "-other")
    body = json.dumps(RECORD).encode()
    bare = api.path(dataset, "push/").partition("?")[0]
    assert_refused(await api.request("POST", bare, data=body), 401, "missing_pushkey")
    for key in ("0" * 56, "short", other.pushkey, api.stack.admin_key):
        answer = await api.request("POST", api.path(dataset, "push/", key), data=body)
        assert_refused(answer, 401, "invalid_pushkey")


async def test_an_unknown_dataset_or_resource_is_not_found(api, dataset):
    """Each with a code of its own."""
    key = dataset.pushkey
    path = f"/api/push/1.0/nowhere/{dataset.resource_id}/push/?pushkey={key}"
    assert_refused(await api.request("POST", path, json=RECORD), 404, "unknown_dataset")
    path = f"/api/push/1.0/{dataset.dataset_id}/nowhere/push/?pushkey={key}"
    assert_refused(await api.request("POST", path, json=RECORD), 404, "unknown_resource")


@pytest.mark.usefixtures("stays_empty")
async def test_an_unpublished_dataset_and_a_disabled_resource_refuse(api, dataset):
    """409 and 403, until the owner opens them again."""
    await api.switch(dataset, "disable")
    assert_refused(await api.push(dataset, RECORD), 403, "push_disabled")
    await api.unpublish(dataset.uid)
    assert_refused(await api.push(dataset, RECORD), 409, "dataset_not_published")
    await api.publish(dataset.uid)
    await api.switch(dataset, "enable")


@pytest.mark.usefixtures("stays_empty")
async def test_a_body_over_the_limit_is_too_large(api, dataset):
    """With and without a declared length; a client may still be sending when the answer comes."""
    record = b'{"text": "' + b"x" * LIMIT + b'"}'
    assert_refused(await api.push(dataset, record), 413, "payload_too_large")

    async def pieces():
        for start in range(0, len(record), 65536):
            yield record[start : start + 65536]

    url = api.path(dataset, "push/")
    assert_refused(await api.request("POST", url, data=pieces()), 413, "payload_too_large")


async def test_a_body_just_under_the_limit_is_stored(api, dataset):
    """The limit is for bodies, and a large record comes through all the boxes."""
    record = {"text": "x" * (LIMIT - 100)}
    assert (await api.push(dataset, record)).body == {"status": "ok"}
    model = Model()
    model.push(record)
    await assert_table_equals(api, dataset, model)


@pytest.mark.parametrize(("method", "tail"), [("GET", "push/"), ("PUT", "push/"), ("GET", "delete/")])
async def test_a_wrong_method_is_not_allowed(api, dataset, method, tail):
    """The answer names the right ones."""
    answer = await api.request(method, api.path(dataset, tail))
    assert_refused(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


async def test_what_is_no_record_id_is_refused(api, dataset):
    """40 hexadecimal characters."""
    assert_refused(await api.delete_by_id(dataset, "12345"), 400, "invalid_record_id")
    assert (await api.delete_by_id(dataset, "0" * 40)).body == {"status": "ok"}


async def test_every_record_ends_in_exactly_one_place(api, dataset):
    """What came in = stored + quarantined + refused + discarded: in records, over all processes."""
    typed = await api.open_dataset(dataset.dataset_id + "-typed", key=["n"], bootstrap={"n": 1, "value": 1.5})
    sent, refused = 0, 0
    for body in ([{"n": number} for number in range(500)], RECORD, [{"n": 1, "value": "many"}]):
        assert (await api.push(typed, body)).status == 200
        sent += len(body) if isinstance(body, list) else 1
    assert (await api.push(typed, [{"n": "no number"}] * 3)).status == 200  # no key: quarantined
    assert (await api.delete(typed, [{"n": number} for number in range(50)])).status == 200
    sent += 53
    assert_refused(await api.push(typed, [{"n": 1}, 1]), 400, "invalid_record")
    refused += 2

    async def adds_up():
        found = await api.counters()
        assert found["refused_records_total"] >= refused
        assert found["push_records_total"] >= sent
        ended = (
            found["stored_rows_total"] + found["quarantined_records_total"] + found["discarded_records_total"]
        )
        assert found["push_records_total"] == ended, dict(found)

    await eventually(adds_up, within_s=20, every_s=0.2)
    waiting = await api.quarantined(typed.uid)
    assert [json.loads(one["record"]) for one in waiting] == [{"n": "no number"}] * 3
    assert await api.count(typed) == 450


async def test_a_broker_that_does_not_answer_is_never_a_false_ok(stack, api, dataset):
    """503 within ten seconds, every time; once it answers again, everything acknowledged is there."""
    load = Load(api, dataset, Model(), 20_000)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(load.run())
    await load.reached(5_000)
    stack.pause("kafka")
    try:
        for _ in range(2):
            began = loop.time()
            answer = await api.push(dataset, {"never": "acknowledged"})
            assert loop.time() - began < BROKER_AWAY_S
            assert_refused(answer, 503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
    finally:
        stack.resume("kafka")
    await running
    # The refused pushes may or may not have been carried out; a delete that is acknowledged settles it.
    assert (await api.delete(dataset, {"never": "acknowledged"})).status == 200
    assert load.repeated
    await assert_table_equals(api, dataset, load.model, within_s=40, note=load.note)
