"""What a push may look like, and by which key or signature it enters: through the real application."""

import asyncio
import gzip
import itertools
import zlib
from dataclasses import replace

import orjson
import pytest
import zstandard
from aiohttp.test_utils import TestClient, TestServer

from gateway import keys
from gateway.app import AUTO_DECOMPRESS, build
from gateway.settings import GatewaySettings
from gateway.signatures import make_secret, sign
from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.domain.schema import Rung, Schema
from headwater.runtime.clock import ManualClock
from headwater.runtime.kafka.topics import Header
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.producer import MemoryProducer
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.schemas import MemorySchemas
from headwater.runtime.settings import Secret

KEY, PUSH_KEY, DELETE_KEY, OLD_KEY = ("5a" * 28, "5b" * 28, "5c" * 28, "5d" * 28)
NOW_US = 1_700_000_000_000_000
RESOURCE = Resource(
    uid="re_1",
    resource_id="realtime",
    title="realtime",
    keys=(
        PushKey(uid="pk_1", hash=hash_pushkey(KEY)),
        PushKey(uid="pk_2", hash=hash_pushkey(PUSH_KEY), scopes=(Scope.PUSH,)),
        PushKey(uid="pk_3", hash=hash_pushkey(DELETE_KEY), scopes=(Scope.DELETE,)),
        PushKey(uid="pk_4", hash=hash_pushkey(OLD_KEY), expires_at_us=NOW_US + 60_000_000),
    ),
)
DATASET = Dataset(uid="da_1", dataset_id="flights", title="Flights", published=True, resources=(RESOURCE,))
LIMIT = 5 << 20
RECORD_ID = "0123456789" * 4
BASE = "/api/push/1.0/flights/realtime"
PUSH = f"{BASE}/push/?pushkey={KEY}"
SECRET = make_secret(b"0123456789abcdefghijklmn")


class Gateway:
    """A running gateway and what is behind it."""

    def __init__(self, client, producer, catalog, clock, schemas):
        self.client = client
        self.producer = producer
        self.catalog = catalog
        self.clock = clock
        self.schemas = schemas

    @property
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
        """Change the resource."""
        dataset = self.catalog.get("da_1")
        await self.catalog.write(replace(dataset, resources=(replace(dataset.resources[0], **changes),)))

    async def sign_from_now_on(self):
        await self.change(signing_secret=self.app[keys.SEALER].seal(SECRET))


async def running(**options):
    """Yield a gateway with these settings."""
    settings = GatewaySettings(admin_key=Secret("admin"), secret_key=Secret("operator's"), **options)
    producer, catalog, clock, schemas = (
        MemoryProducer(),
        MemoryCatalog(),
        ManualClock(NOW_US),
        MemorySchemas(),
    )
    await catalog.start()
    await catalog.write(DATASET)
    app = build(
        settings, producer=producer, catalog=catalog, store=MemoryStore(), clock=clock, schemas=schemas
    )
    server = TestServer(app)
    await server.start_server(auto_decompress=AUTO_DECOMPRESS)
    async with TestClient(server) as client:
        yield Gateway(client, producer, catalog, clock, schemas)
        assert app[keys.BODIES].inflight_bytes == 0  # whatever happened


@pytest.fixture
async def gateway():
    async for one in running():
        yield one


@pytest.fixture
async def strict_gateway():
    async for one in running(records_limit=3, depth_limit=4, body_timeout_s=0.2):
        yield one


async def assert_ok(response):
    assert (response.status, await response.json()) == (200, {"status": "ok"})


async def assert_refused(response, status, code):
    """Check the envelope and return it."""
    body = orjson.loads(await response.read())
    assert (response.status, body["error_code"]) == (status, code), body
    assert body["error"] == body["message"] != ""
    return body


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda text: zlib.compress(text, wbits=-15)),
        ("zstd", zstandard.compress),
        ("identity", bytes),
    ],
)
async def test_packed_bodies_are_unpacked(gateway, encoding, pack):
    """Whole or in chunks; an array of any size that fits."""
    body = pack(orjson.dumps([{"n": number} for number in range(20_000)]))

    async def chunks():
        for piece in itertools.batched(body, 1000) if hasattr(itertools, "batched") else [body]:
            yield bytes(piece)

    headers = {"Content-Encoding": encoding}
    await assert_ok(await gateway.client.post(PUSH, data=body, headers=headers))
    await assert_ok(await gateway.client.post(PUSH, data=chunks(), headers=headers))

    assert [record["n"] for _, record in gateway.raw()] == [*range(20_000), *range(20_000)]


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)]
)
async def test_bombs_are_refused(gateway, encoding, pack):
    """By the ratio; less extreme ones by the size of what comes out."""
    bomb = pack(b'{"a":"' + b"x" * (4 << 20) + b'"}')
    headers = {"Content-Encoding": encoding}

    await assert_refused(
        await gateway.client.post(PUSH, data=bomb, headers=headers), 413, "compression_ratio"
    )
    large = pack(b"".join(b"%d" % (number * 7_919) * 8 for number in range(100_000)))
    await assert_refused(
        await gateway.client.post(PUSH, data=large, headers=headers), 413, "payload_too_large"
    )
    await assert_ok(await gateway.client.post(PUSH, data=b'{"a":1}'))


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "nonsense"])
async def test_other_encodings_are_named(gateway, encoding):
    """415, and what can be sent instead."""
    response = await gateway.client.post(PUSH, data=b"x", headers={"Content-Encoding": encoding})

    assert "gzip" in (await assert_refused(response, 415, "unsupported_encoding"))["message"]


async def test_management_reads_packed_bodies_too(gateway):
    """The same door unpacks them."""
    body = gzip.compress(orjson.dumps({"dataset_id": "packed"}))
    response = await gateway.client.post(
        "/api/automation/v1.0/datasets/",
        data=body,
        headers={"Content-Encoding": "gzip", "Authorization": "Apikey admin"},
    )

    assert response.status == 201, await response.text()


async def test_a_slow_body_is_given_up(strict_gateway):
    """408 after the time for a whole body, and the connection goes: its end is not known."""
    gateway = strict_gateway
    reader, writer = await asyncio.open_connection(gateway.client.host, gateway.client.port)
    writer.write(f"POST {PUSH} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n".encode() + b'{"a":')
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
    writer.close()

    assert b" 408 " in answer
    assert b"request_timeout" in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'[{"a":1},{"a":2},{"a":3},{"a":4}]', "too_many_records"),
        (b'{"a":[[[[]]]]}', "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (orjson.dumps({f"f{n}": n for n in range(501)}), "too_many_fields"),
    ],
)
async def test_each_limit_has_its_own_code(strict_gateway, body, code):
    """All are 413; nothing of the request is stored."""
    await assert_refused(await strict_gateway.client.post(PUSH, data=body), 413, code)
    assert strict_gateway.raw() == []


async def test_tables_are_pushed_and_deleted(gateway):
    """CSV with a guessed or a given delimiter; the charset of the content type."""
    body = "ort;n\nZürich;1\nBern;\n".encode("latin-1")
    headers = {"Content-Type": "text/csv; charset=ISO-8859-1"}
    await assert_ok(await gateway.client.post(PUSH, data=body, headers=headers))
    url = f"{BASE}/delete/?pushkey={KEY}&delimiter=tab"
    await assert_ok(
        await gateway.client.post(url, data=b"ort\tn\nBern\t2\n", headers={"Content-Type": "text/csv"})
    )

    assert gateway.raw() == [
        ("upsert", {"ort": "Zürich", "n": 1}),
        ("upsert", {"ort": "Bern", "n": None}),
        ("delete", {"ort": "Bern", "n": 2}),
    ]


async def test_bad_tables_name_the_line(gateway):
    """As a whole or line by line; nothing is stored."""
    headers = {"Content-Type": "text/csv"}
    broken = await gateway.client.post(PUSH, data=b'a,b\n1,"2', headers=headers)
    assert "line 2" in (await assert_refused(broken, 400, "invalid_csv"))["message"]
    short = await gateway.client.post(PUSH, data=b"a,b\n1,2\n3\n", headers=headers)
    assert (await assert_refused(short, 400, "invalid_record"))["errors"] == [
        {"index": 1, "field": None, "message": "line 3 has 1 cells, the header has 2"}
    ]
    assert gateway.raw() == []


async def test_partial_takes_the_good_and_reports_the_others(gateway):
    """The answer says how many, and why by index; good records travel as they were sent."""
    response = await gateway.client.post(f"{PUSH}&partial=true", data=b'[{"a":1},7,{"a":1.50},{}]')

    assert response.status == 200
    assert await response.json() == {
        "status": "ok",
        "accepted": 2,
        "rejected": 2,
        "errors": [
            {"index": 1, "field": None, "message": "a number, not a JSON object"},
            {"index": 3, "field": None, "message": "an empty object"},
        ],
    }
    assert gateway.raw() == [("upsert", {"a": 1}), ("upsert", {"a": 1.5})]
    assert b"1.50" in gateway.producer.sent("headwater.raw")[0].value


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-ndjson", b'{"a":\n{"a":1}\n{"a":2}\nnothing\n'),
        ("text/plain", b'{"a":1}\n{"a":2}\n{"b"\n[]\n'),
        ("text/csv", b"a\n1\n1,2\n2\n3,4\n"),
    ],
)
async def test_partial_takes_lines_one_by_one(gateway, content_type, body):
    """A line that is no JSON, or of another length, is one bad record."""
    headers = {"Content-Type": content_type}
    response = await gateway.client.post(f"{PUSH}&partial=true", data=body, headers=headers)

    answer = await response.json()
    assert (response.status, answer["accepted"], answer["rejected"]) == (200, 2, 2)
    assert gateway.raw() == [("upsert", {"a": 1}), ("upsert", {"a": 2})]


async def test_partial_of_a_body_that_is_no_json_is_refused(gateway):
    """There are no records to tell apart."""
    await assert_refused(
        await gateway.client.post(f"{PUSH}&partial=true", data=b'[{"a":1},'), 400, "invalid_json"
    )


async def test_large_partial_push_is_sorted_beside_the_event_loop(gateway):
    """The result is the same."""
    records = [{"n": number} if number % 3 else number for number in range(30_000)]
    response = await gateway.client.post(f"{PUSH}&partial=true", data=orjson.dumps(records))

    answer = await response.json()
    assert (answer["accepted"], answer["rejected"], len(answer["errors"])) == (20_000, 10_000, 100)
    assert len(gateway.raw()) == 20_000


async def test_unknown_fields_can_be_rejected(gateway):
    """Declared and seen fields are known; a deletion may say what it likes."""
    await gateway.change(params={"unknown_fields": "reject", "bootstrap": {"a": 1}})
    await gateway.schemas.grow("da_1", Schema({"b": {Rung.INT}}))
    await assert_ok(await gateway.client.post(PUSH, data=b'{"a":1,"b":2}'))
    refused = await gateway.client.post(PUSH, data=b'[{"a":1},{"a":1,"c":2}]')

    answer = await assert_refused(refused, 400, "invalid_record")
    assert answer["errors"] == [{"index": 1, "field": "c", "message": "unknown field"}]
    await assert_ok(await gateway.client.post(f"{BASE}/delete/?pushkey={KEY}", data=b'{"c":1}'))
    await gateway.schemas.grow("da_1", Schema({"c": {Rung.INT}}))
    await assert_ok(await gateway.client.post(PUSH, data=b'{"c":2}'))


@pytest.mark.parametrize("parameter", ["wait=maybe", "timeout=-1", "partial=", "delimiter=ab"])
async def test_bad_parameters_are_refused_and_unknown_ones_ignored(gateway, parameter):
    """The key is checked first."""
    await assert_refused(
        await gateway.client.post(f"{PUSH}&{parameter}", data=b'{"a":1}'), 400, "invalid_parameter"
    )
    await assert_refused(
        await gateway.client.post(f"{BASE}/push/?{parameter}", data=b'{"a":1}'), 401, "missing_pushkey"
    )
    await assert_ok(await gateway.client.post(f"{PUSH}&x{parameter}&a=b", data=b'{"a":1}'))


async def test_a_key_may_do_what_its_scopes_say(gateway):
    """403, and which it lacks; by id is a deletion, too."""
    push, delete = f"{BASE}/push/?pushkey=", f"{BASE}/delete/?pushkey="
    by_id = f"{BASE}/{RECORD_ID}/delete/?pushkey="
    await assert_ok(await gateway.client.post(push + PUSH_KEY, data=b'{"a":1}'))
    await assert_ok(await gateway.client.post(delete + DELETE_KEY, data=b'{"a":1}'))
    await assert_ok(await gateway.client.get(by_id + DELETE_KEY))
    for url in (push + DELETE_KEY, delete + PUSH_KEY, by_id + PUSH_KEY):
        await assert_refused(await gateway.client.post(url, data=b'{"a":1}'), 403, "insufficient_scope")


async def test_an_expired_key_opens_nothing(gateway):
    """Until its moment it is a key like the others."""
    url = f"{BASE}/push/?pushkey={OLD_KEY}"
    await assert_ok(await gateway.client.post(url, data=b'{"a":1}'))
    gateway.clock.advance(60)
    await assert_refused(await gateway.client.post(url, data=b'{"a":1}'), 401, "invalid_pushkey")


def signed(body, *, webhook_id="msg_1", moment_s=NOW_US // 1_000_000, secret=SECRET):
    signature = sign(secret, webhook_id, str(moment_s), body)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(moment_s),
        "webhook-signature": f"v1,{signature}",
    }


async def test_a_signed_resource_takes_signed_pushes_only(gateway):
    """No pushkey is needed then, and none helps."""
    await gateway.sign_from_now_on()
    url, body = f"{BASE}/push/", b'{"a":1}'
    await assert_ok(await gateway.client.post(url, data=body, headers=signed(body)))
    await assert_refused(await gateway.client.post(PUSH, data=body), 401, "missing_signature")
    for headers in (
        signed(b'{"a":2}'),
        signed(body, moment_s=1),
        signed(body, secret=make_secret(b"k" * 24)),
    ):
        await assert_refused(
            await gateway.client.post(PUSH, data=body, headers=headers), 401, "invalid_signature"
        )

    assert gateway.raw() == [("upsert", {"a": 1})]


async def test_signature_is_of_the_body_as_it_is_sent(gateway):
    """Packed bytes are signed, not what is in them; deletions are signed alike."""
    await gateway.sign_from_now_on()
    packed = gzip.compress(b'{"a":1}')
    headers = {**signed(packed, webhook_id="m1"), "Content-Encoding": "gzip"}
    await assert_ok(await gateway.client.post(f"{BASE}/push/", data=packed, headers=headers))
    body = b'{"a":1}'
    await assert_ok(
        await gateway.client.delete(f"{BASE}/delete/", data=body, headers=signed(body, webhook_id="m2"))
    )
    await assert_ok(
        await gateway.client.get(f"{BASE}/{RECORD_ID}/delete/", headers=signed(b"", webhook_id="m3"))
    )
    await assert_refused(
        await gateway.client.get(f"{BASE}/{RECORD_ID}/delete/?pushkey={KEY}"), 401, "missing_signature"
    )

    assert [op for op, _ in gateway.raw()] == ["upsert", "delete", "delete-by-id"]


async def test_a_stranger_learns_nothing_of_a_signed_resource(gateway):
    """Whether it is enabled is told to who signs."""
    await gateway.sign_from_now_on()
    await gateway.change(enabled=False)
    url, body = f"{BASE}/push/", b'{"a":1}'
    wrong = signed(b"other")
    await assert_refused(await gateway.client.post(url, data=body, headers=wrong), 401, "invalid_signature")
    await assert_refused(
        await gateway.client.post(url, data=body, headers=signed(body)), 403, "push_disabled"
    )


async def test_a_signed_push_that_comes_again_stores_nothing_new(gateway):
    """Its id is an idempotency key."""
    await gateway.sign_from_now_on()
    for _ in range(2):
        body = b'{"a":1}'
        await assert_ok(await gateway.client.post(f"{BASE}/push/", data=body, headers=signed(body)))
    other = b'{"a":2}'
    await assert_refused(
        await gateway.client.post(f"{BASE}/push/", data=other, headers=signed(other)),
        422,
        "idempotency_key_reused",
    )

    assert gateway.raw() == [("upsert", {"a": 1})]


async def test_a_secret_that_cannot_be_opened_is_ours(gateway):
    """503 and a sentence for the operator: no push is let in unchecked."""
    await gateway.change(signing_secret="gAAAAA")  # noqa: S106 - none
    body = b'{"a":1}'
    response = await gateway.client.post(f"{BASE}/push/", data=body, headers=signed(body))

    assert "HEADWATER_SECRET_KEY" in (await assert_refused(response, 503, "secrets_unusable"))["message"]


async def test_a_limited_key_is_told_its_allowance(gateway):
    """On every answer, refusals too; then 429 and when to come again; each key has its own."""
    await gateway.change(params={"rate_limit_per_minute": 3})
    answers = [await gateway.client.post(PUSH, data=body) for body in (b'{"a":1}', b"bad", b'{"a":2}', b"[]")]

    assert [one.status for one in answers] == [200, 400, 200, 429]
    assert [one.headers["X-RateLimit-Remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert {one.headers["X-RateLimit-Limit"] for one in answers} == {"3"}
    assert answers[3].headers["X-RateLimit-Reset"] == "2023-11-14 22:14:20+00:00"
    assert answers[3].headers["Retry-After"] == "20"
    await assert_refused(answers[3], 429, "too_many_requests")
    await assert_ok(await gateway.client.post(f"{BASE}/push/?pushkey={PUSH_KEY}", data=b'{"a":3}'))
    gateway.clock.advance(20)
    await assert_ok(await gateway.client.post(PUSH, data=b'{"a":4}'))
    by_id = await gateway.client.get(f"{BASE}/{RECORD_ID}/delete/?pushkey={KEY}")
    assert by_id.status == 429


async def test_without_a_limit_nothing_is_said_about_one(gateway):
    """The usual answer has no such headers, nor those for browsers."""
    response = await gateway.client.post(PUSH, data=b'{"a":1}', headers={"Origin": "https://example.org"})

    await assert_ok(response)
    assert not [name for name in response.headers if name.startswith(("X-RateLimit", "Access-Control"))]


PAGE = "https://example.org"


@pytest.mark.parametrize("path", ["push/", "push", "delete/", "push/delete/", f"{RECORD_ID}/delete/"])
async def test_browsers_are_told_before_they_push(gateway, path):
    """On every path of both doors; a key is not asked for, for a browser sends none."""
    await gateway.change(params={"cors_origins": [PAGE]})
    ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    response = await gateway.client.options(f"{BASE}/{path}", headers=ask)
    assert (response.status, await response.read()) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
    other = await gateway.client.options(f"{BASE}/{path}", headers={**ask, "Origin": "https://evil.org"})

    assert other.status == 204
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_answers_to_allowed_origins_can_be_read(gateway):
    """Refusals too: a page that may push may know why it failed."""
    await gateway.change(params={"cors_origins": [PAGE]})
    good = await gateway.client.post(PUSH, data=b'{"a":1}', headers={"Origin": PAGE})
    bad = await gateway.client.post(f"{BASE}/push/", data=b'{"a":1}', headers={"Origin": PAGE})
    foreign = await gateway.client.post(PUSH, data=b'{"a":1}', headers={"Origin": "https://evil.org"})

    assert (good.status, bad.status, foreign.status) == (200, 401, 200)
    for response in (good, bad):
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in foreign.headers


async def test_preflight_of_nothing_is_not_found(gateway):
    """As every other verb."""
    response = await gateway.client.options("/api/push/1.0/nope/realtime/push/")
    await assert_refused(response, 404, "unknown_dataset")
    assert (await gateway.client.post(f"{BASE}/nothing/", data=b"{}")).status == 404
