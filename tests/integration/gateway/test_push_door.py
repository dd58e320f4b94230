"""The doors for records, through the real application with the twins behind it."""

import asyncio
import gzip
import hashlib
from dataclasses import replace

import orjson
import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from gateway import keys
from gateway.app import AUTO_DECOMPRESS, build
from gateway.settings import GatewaySettings
from headwater.domain.datasets import Dataset, PushKey, Resource, hash_pushkey
from headwater.runtime.clock import ManualClock
from headwater.runtime.kafka.topics import Header
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

KEY = "5a" * 28
RESOURCE = Resource(
    uid="re_1", resource_id="realtime", title="realtime", keys=(PushKey(uid="pk_1", hash=hash_pushkey(KEY)),)
)
DATASET = Dataset(uid="da_1", dataset_id="flights", title="Flights", published=True, resources=(RESOURCE,))
LIMIT = 100_000
RECORD_ID = hashlib.sha1(b"any", usedforsecurity=False).hexdigest()
BASE = "/api/push/1.0/flights/realtime"
PUSH = f"{BASE}/push/?pushkey={KEY}"
OK = b'{"status":"ok"}'


class Gateway:
    """A running gateway and what is behind it."""

    def __init__(self, client, producer, catalog):
        self.client = client
        self.producer = producer
        self.catalog = catalog

    def app(self):
        return self.client.server.app

    def raw(self):
        """Return (op, record) of everything that was sent."""
        found = []
        for message in self.producer.sent("headwater.raw"):
            records = orjson.loads(message.value)
            records = records if isinstance(records, list) else [records]
            assert int(message.header(Header.COUNT)) == len(records)
            found += [(message.header(Header.OP), record) for record in records]
        return found

    async def change(self, **changes):
        await self.catalog.write(replace(self.catalog.get("da_1"), **changes))


@pytest.fixture
async def gateway():
    settings = GatewaySettings(
        admin_key=Secret("admin"), body_limit_bytes=LIMIT, inflight_limit_bytes=1 << 20
    )
    producer, catalog = MemoryProducer(), MemoryCatalog()
    await catalog.start()
    await catalog.write(DATASET)
    app = build(
        settings,
        producer=producer,
        catalog=catalog,
        store=MemoryStore(),
        clock=ManualClock(),
        schemas=MemorySchemas(),
    )
    server = TestServer(app)
    await server.start_server(auto_decompress=AUTO_DECOMPRESS)
    async with TestClient(server) as client:
        yield Gateway(client, producer, catalog)


async def assert_ok(response):
    assert (response.status, await response.read()) == (200, OK)
    assert response.content_type == "application/json"


async def assert_refused(response, status, code):
    """Check the envelope and return it."""
    body = orjson.loads(await response.read())
    assert (response.status, body["error_code"]) == (status, code)
    assert response.content_type == "application/json"
    assert body["status"] == "error"
    assert body["error"] == body["message"] != ""
    return body


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "text/html; charset=latin-1", None],
)
async def test_content_type_does_not_matter(gateway, slash, content_type):
    """Clients send JSON under any type; the slash at the end is optional."""
    headers = {"Content-Type": content_type} if content_type else {}
    body = '{"city":"Zürich"}'.encode()
    response = await gateway.client.post(f"{BASE}/push{slash}?pushkey={KEY}", data=body, headers=headers)

    await assert_ok(response)
    assert gateway.raw() == [("upsert", {"city": "Zürich"})]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2}]',
        b'{"a":1}\n{"a":2}\n',
        b'\xef\xbb\xbf[{"a":1},{"a":2}]',
        b' {"a":1}\r\n\r\n{"a":2}',
    ],
)
async def test_every_shape_of_body_is_taken(gateway, body):
    """Array, NDJSON, with byte order mark or without."""
    await assert_ok(await gateway.client.post(PUSH, data=body))
    assert gateway.raw() == [("upsert", {"a": 1}), ("upsert", {"a": 2})]


async def test_empty_array_does_nothing(gateway):
    """An empty batch is a good batch."""
    await assert_ok(await gateway.client.post(PUSH, data=b"[]"))
    assert gateway.raw() == []


async def test_packed_body_is_unpacked_and_its_unpacked_size_counts(gateway):
    """A small gzip body cannot smuggle in more than the limit."""
    headers = {"Content-Encoding": "gzip"}
    await assert_ok(await gateway.client.post(PUSH, data=gzip.compress(b'{"a":1}'), headers=headers))
    bomb = gzip.compress(b'{"a":"' + b"x" * (LIMIT * 50) + b'"}')
    assert len(bomb) < LIMIT
    await assert_refused(
        await gateway.client.post(PUSH, data=bomb, headers=headers), 413, "payload_too_large"
    )
    response = await gateway.client.post(PUSH, data=b"no gzip at all", headers=headers)
    await assert_refused(response, 400, "invalid_body")
    await assert_ok(await gateway.client.post(PUSH, data=b"[]"))

    assert gateway.raw() == [("upsert", {"a": 1})]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "delete/"),
        ("POST", "delete"),
        ("DELETE", "delete/"),
        ("DELETE", "push/"),
        ("DELETE", "push"),
        ("POST", "push/delete/"),
        ("DELETE", "push/delete"),
    ],
)
async def test_delete_by_values_has_several_names(gateway, method, path):
    """Old and mistaken spellings of the documentation work."""
    response = await gateway.client.request(method, f"{BASE}/{path}?pushkey={KEY}", data=b'[{"a":1},{"a":2}]')

    await assert_ok(response)
    assert gateway.raw() == [("delete", {"a": 1}), ("delete", {"a": 2})]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_delete_by_id_answers_to_three_verbs(gateway, method, slash):
    """The id is taken from the path, in either case of its letters."""
    path = f"{BASE}/{RECORD_ID.upper()}/delete{slash}?pushkey={KEY}"

    await assert_ok(await gateway.client.request(method, path))
    assert gateway.raw() == [("delete-by-id", {"_id": RECORD_ID})]


@pytest.mark.parametrize("record_id", ["12", "x" * 40, "5a" * 21])
async def test_record_id_must_be_one(gateway, record_id):
    """What cannot be an id is refused, not searched for."""
    response = await gateway.client.get(f"{BASE}/{record_id}/delete/?pushkey={KEY}")
    await assert_refused(response, 400, "invalid_record_id")


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": f"Bearer {KEY}"}, ""),
        ({"Authorization": f"Apikey {KEY}"}, "?apikey=other"),
        ({"Authorization": "Bearer wrong"}, f"?pushkey={KEY}"),
        ({}, f"?pushkey={KEY}&apikey=other"),
    ],
)
async def test_key_may_come_in_a_header(gateway, headers, query):
    """The query string wins; an apikey beside a pushkey is ignored."""
    await assert_ok(await gateway.client.post(f"{BASE}/push/{query}", data=b'{"a":1}', headers=headers))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", PUSH, b"", 400, "invalid_json"),
        ("POST", PUSH, b'{"a":', 400, "invalid_json"),
        ("POST", PUSH, b'{"a":NaN}', 400, "invalid_json"),
        ("POST", PUSH, b"[" * 20_000, 413, "too_deep"),
        ("POST", PUSH, b"7", 400, "invalid_body"),
        ("POST", PUSH, b"{}", 400, "invalid_record"),
        ("POST", f"{BASE}/delete/?pushkey={KEY}", b"{}", 400, "invalid_record"),
        ("POST", f"{BASE}/push/", b"{}", 401, "missing_pushkey"),
        ("POST", f"{BASE}/push/?apikey={KEY}", b"{}", 401, "missing_pushkey"),
        ("POST", f"{BASE}/push/?pushkey=admin", b"{}", 401, "invalid_pushkey"),
        ("GET", f"{BASE}/{RECORD_ID}/delete/", b"", 401, "missing_pushkey"),
        ("POST", f"/api/push/1.0/nope/realtime/push/?pushkey={KEY}", b"{}", 404, "unknown_dataset"),
        ("POST", f"/api/push/1.0/flights/nope/push/?pushkey={KEY}", b"{}", 404, "unknown_resource"),
        ("POST", "/api/push/1.0/flights/realtime/", b"{}", 404, "not_found"),
        ("POST", "/api/push/1.0/flights", b"{}", 404, "not_found"),
        ("GET", "/", b"", 404, "not_found"),
        ("GET", PUSH, b"", 405, "method_not_allowed"),
        ("PUT", f"{BASE}/delete/?pushkey={KEY}", b"{}", 405, "method_not_allowed"),
        ("PATCH", f"/api/push/1.0/nope/nope/push/?pushkey={KEY}", b"{}", 405, "method_not_allowed"),
        ("GET", f"{BASE}/push/delete/?pushkey={KEY}", b"", 405, "method_not_allowed"),
        ("PUT", f"{BASE}/{RECORD_ID}/delete/?pushkey={KEY}", b"", 405, "method_not_allowed"),
        ("POST", PUSH, b'{"a":"%s"}' % (b"x" * LIMIT), 413, "payload_too_large"),
    ],
)
async def test_refusals(gateway, method, path, body, status, code):
    """One row per refusal; nothing of a refused request is stored."""
    response = await gateway.client.request(method, path, data=body)

    answer = await assert_refused(response, status, code)
    assert gateway.raw() == []
    assert ("Allow" in response.headers) == (status == 405)
    if code == "payload_too_large":
        assert str(LIMIT) in answer["message"]


async def test_allow_names_the_verbs(gateway):
    """A wrong verb learns the right ones."""
    push = await gateway.client.put(PUSH, data=b"{}")
    by_id = await gateway.client.put(f"{BASE}/{RECORD_ID}/delete/?pushkey={KEY}")

    assert push.headers["Allow"] == "DELETE, OPTIONS, POST"
    assert by_id.headers["Allow"] == "DELETE, GET, OPTIONS, POST"


async def test_one_bad_item_refuses_the_whole_request(gateway):
    """A batch is atomic, and the answer names the item."""
    response = await gateway.client.post(PUSH, data=b'[{"a":1}, 7, {"a":3}]')

    answer = await assert_refused(response, 400, "invalid_record")
    assert answer["errors"] == [{"index": 1, "field": None, "message": "a number, not a JSON object"}]
    assert gateway.raw() == []


async def test_state_of_the_dataset_decides_after_the_key(gateway):
    """Published comes before disabled; both refuse pushes and deletes."""
    await gateway.change(published=False, resources=(replace(RESOURCE, enabled=False),))
    await assert_refused(await gateway.client.post(PUSH, data=b"bad"), 409, "dataset_not_published")
    await gateway.change(published=True)
    await assert_refused(await gateway.client.post(PUSH, data=b"bad"), 403, "push_disabled")
    by_id = await gateway.client.get(f"{BASE}/{RECORD_ID}/delete/?pushkey={KEY}")
    await assert_refused(by_id, 403, "push_disabled")
    await gateway.change(resources=(RESOURCE,))
    await assert_ok(await gateway.client.post(PUSH, data=b'{"a":1}'))

    assert gateway.raw() == [("upsert", {"a": 1})]


async def test_large_body_is_refused_by_its_announcement(gateway):
    """Content-Length over the limit is enough; the body need not come."""
    reader, writer = await asyncio.open_connection(gateway.client.host, gateway.client.port)
    head = f"POST {PUSH} HTTP/1.1\r\nHost: h\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 2)
    writer.close()

    assert b" 413 " in answer


async def test_body_without_length_is_bounded_while_it_is_read(gateway):
    """A chunked body is cut off at the limit, and nothing of it stays counted."""

    async def endless():
        for _ in range(1000):
            yield b"x" * 10_000

    try:
        response = await gateway.client.post(PUSH, data=endless())
    except ClientError:
        pass  # the gateway may close before everything is sent
    else:
        await assert_refused(response, 413, "payload_too_large")
    assert gateway.app()[keys.BODIES].inflight_bytes == 0


async def test_too_many_bytes_in_flight(gateway):
    """Over the bound the answer is 429 with Retry-After; when acknowledgements come, there is room again."""
    gateway.producer.hold()
    body = b'{"a":"%s"}' % (b"x" * 90_000)
    waiting = [asyncio.ensure_future(gateway.client.post(PUSH, data=body)) for _ in range(11)]
    bodies = gateway.app()[keys.BODIES]
    async with asyncio.timeout(5):
        while bodies.inflight_bytes < 11 * len(body):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
    refused = await gateway.client.post(PUSH, data=body)
    await assert_refused(refused, 429, "too_many_requests")
    assert refused.headers["Retry-After"] == "1"

    gateway.producer.release()
    for response in await asyncio.gather(*waiting):
        await assert_ok(response)
    assert bodies.inflight_bytes == 0
    await assert_ok(await gateway.client.post(PUSH, data=body))


async def test_no_broker_no_ok(gateway):
    """Without an acknowledgement the answer is 503 with Retry-After, to everybody in the batch."""
    gateway.producer.available = False
    responses = await asyncio.gather(*[gateway.client.post(PUSH, data=b'{"a":1}') for _ in range(5)])

    for response in responses:
        await assert_refused(response, 503, "unavailable")
        assert response.headers["Retry-After"] == "1"


async def test_a_bug_of_ours_is_json_too(gateway, monkeypatch):
    """Anything unexpected is a 500 in the envelope; its details stay in the log."""
    monkeypatch.setattr(gateway.catalog, "find", None)

    body = await assert_refused(await gateway.client.post(PUSH, data=b"{}"), 500, "internal_error")
    assert "NoneType" not in body["message"]


async def test_concurrent_pushes_are_each_answered_once_stored(gateway):
    """Hundreds at a time share messages, and every record is there exactly once."""
    bodies = [b'{"n":%d}' % number for number in range(300)]
    responses = await asyncio.gather(*[gateway.client.post(PUSH, data=body) for body in bodies])

    for response in responses:
        await assert_ok(response)
    assert sorted(record["n"] for _, record in gateway.raw()) == list(range(300))
    assert len(gateway.producer.sent("headwater.raw")) < 300
