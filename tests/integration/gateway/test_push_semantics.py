"""Waiting, repeating, merging and synchronising over HTTP, with the twins behind the real application."""

import asyncio
from dataclasses import replace

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway import keys
from gateway.app import build
from gateway.coverage import Source
from gateway.settings import GatewaySettings
from headwater.domain.datasets import Dataset, FieldItem, PushKey, Resource, hash_pushkey
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
KEYED = FieldItem(uid="df_1", type="annotate", params={"annotation": "id", "args": [], "field": "station"})
DATASET = Dataset(
    uid="da_1",
    dataset_id="levels",
    title="Levels",
    published=True,
    resources=(RESOURCE,),
    fields=(KEYED,),
)
BASE = "/api/push/1.0/levels/realtime"
RECORD_ID = "0f" * 20
OK = {"status": "ok"}
BOUND_S = 10.0


class Gateway:
    """A running gateway, and processors and sinks as the tests play them."""

    def __init__(self, client, producer, catalog):
        self.client, self.producer, self.catalog = client, producer, catalog

    async def __call__(self, path, body=None, *, headers=None, **asked):
        """Send a request; return (status, answer)."""
        query = {"pushkey": KEY, **{name: str(value).lower() for name, value in asked.items()}}
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        response = await self.client.post(f"{BASE}/{path}", params=query, data=data, headers=headers)
        return response.status, await response.json()

    async def stored_soon(self, request):
        """Run a request, and announce what it sends."""
        known = len(self.raw())
        task = asyncio.create_task(request)
        async with asyncio.timeout(BOUND_S):
            while len(self.raw()) == known and not task.done():  # noqa: ASYNC110 - it is not told
                await asyncio.sleep(0.001)
        sources = [
            Source(one.partition, one.offset, one.offset + 1) for one in self.producer.sent("headwater.raw")
        ]
        self.client.server.app[keys.WAITERS].tell(sources, ())
        return await asyncio.wait_for(task, BOUND_S)

    def raw(self):
        """Return (op, version, value) of every message."""
        return [
            (one.header(Header.OP), int(one.header(Header.VERSION)), orjson.loads(one.value))
            for one in self.producer.sent("headwater.raw")
        ]


@pytest.fixture
async def gateway():
    producer, catalog = MemoryProducer(), MemoryCatalog()
    await catalog.start()
    await catalog.write(DATASET)
    app = build(
        GatewaySettings(admin_key=Secret("admin")),
        producer=producer,
        catalog=catalog,
        store=MemoryStore(),
        clock=ManualClock(),
        schemas=MemorySchemas(),
    )
    async with TestClient(TestServer(app)) as client:
        yield Gateway(client, producer, catalog)


@pytest.mark.parametrize(
    ("path", "body"),
    [("push/", {"station": "A"}), ("delete/", [{"station": "A"}]), (f"{RECORD_ID}/delete/", None)],
)
async def test_every_door_waits_when_asked(gateway, path, body):
    """200 once it is searchable; 202 when the time is over before."""
    assert await gateway.stored_soon(gateway(path, body, wait=True)) == (200, {**OK, "visible": True})
    assert await gateway(path, body, wait=True, timeout=0.01) == (202, {**OK, "visible": False})


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id"])
@pytest.mark.parametrize(
    ("path", "body"),
    [("push/", {"station": "A"}), ("delete/", [{"station": "A"}]), (f"{RECORD_ID}/delete/", None)],
)
async def test_every_door_knows_a_repetition(gateway, header, path, body):
    """The same answer, and nothing is sent."""
    answers = [await gateway(path, body, headers={header: "msg_1"}) for _ in range(3)]

    assert answers == [(200, OK)] * 3
    assert len(gateway.raw()) == 1


async def test_key_with_another_body_is_refused(gateway):
    """The sender learns that the key is taken."""
    key = {"Idempotency-Key": "k"}
    await gateway("push/", {"station": "A"}, headers=key)
    status, answer = await gateway("push/", {"station": "B"}, headers=key)
    assert (status, answer["error_code"]) == (422, "idempotency_key_reused")
    status, answer = await gateway("delete/", {"station": "A"}, headers=key)
    assert (status, answer["error_code"]) == (422, "idempotency_key_reused")

    assert len(gateway.raw()) == 1


async def test_partial_push_is_repeated_with_its_report(gateway):
    """The report belongs to the answer."""
    body, key = [{"station": "A"}, {}], {"Idempotency-Key": "k"}
    answers = [await gateway("push/", body, headers=key, partial=True) for _ in range(2)]

    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["accepted"], answers[0][1]["rejected"]) == (200, 1, 1)
    assert len(gateway.raw()) == 1


async def test_merge_sends_patches(gateway):
    """All or nothing, unless partial; the dataset says that it has patches."""
    body = [{"station": "A", "level": 1}, {"level": 2}]
    status, answer = await gateway("push/", body, merge=True)
    assert (status, answer["error_code"]) == (400, "invalid_record")
    assert [(one["index"], one["field"]) for one in answer["errors"]] == [(1, "station")]
    assert gateway.raw() == []
    status, answer = await gateway("push/", body, merge=True, partial=True)

    assert (status, answer["accepted"], answer["rejected"]) == (200, 1, 1)
    assert [(op, value) for op, _, value in gateway.raw()] == [("merge", body[0])]
    assert gateway.catalog.get("da_1").patched


async def test_merge_without_a_key_is_refused(gateway):
    """The sentence says what to do."""
    await gateway.catalog.write(replace(gateway.catalog.get("da_1"), fields=()))
    status, answer = await gateway("push/", {"station": "A"}, merge=True)

    assert (status, answer["error_code"]) == (400, "merge_needs_key")
    assert gateway.raw() == []


@pytest.mark.parametrize("body", [[{"station": "A"}], b'{"station":"A"}\n{"station":"B"}'])
async def test_sync_answers_what_it_did(gateway, body):
    """Array or NDJSON; the floor is raised to the first record's version."""
    status, answer = await gateway.stored_soon(gateway("push/", body, sync=True))

    (_, version, value), mark = gateway.raw()
    count = len(value) if isinstance(value, list) else 1
    assert (status, answer) == (200, {**OK, "records": count, "deleted": 0})
    assert mark[:2] == ("delete-by-id", version), "the history learns of it"
    assert gateway.catalog.get("da_1").sync_version == version


async def test_sync_of_an_empty_array_empties_the_dataset(gateway):
    """The set may be empty."""
    assert await gateway("push/", [], sync=True) == (200, {**OK, "records": 0, "deleted": 0})
    assert gateway.catalog.get("da_1").sync_version > 0


async def test_sync_that_runs_out_of_time_says_so(gateway):
    """503 with Retry-After: sending it again is safe."""
    status, answer = await gateway("push/", [{"station": "A"}], sync=True, timeout=0.01)

    assert (status, answer["error_code"]) == (503, "sync_unfinished")
    assert gateway.catalog.get("da_1").sync_version == 0


@pytest.mark.parametrize(
    ("path", "body", "asked", "code"),
    [
        ("push/", {"station": "A"}, {"sync": True}, "sync_needs_array"),
        ("push/", [{"station": "A"}], {"sync": True, "partial": True}, "invalid_parameter"),
        ("push/", [{"station": "A"}], {"sync": True, "merge": True}, "invalid_parameter"),
        ("delete/", [{"station": "A"}], {"sync": True}, "invalid_parameter"),
        ("delete/", [{"station": "A"}], {"merge": True}, "invalid_parameter"),
        (f"{RECORD_ID}/delete/", None, {"merge": True}, "invalid_parameter"),
    ],
)
async def test_what_does_not_go_together_is_refused(gateway, path, body, asked, code):
    """Nothing is sent when it is not clear what is meant."""
    status, answer = await gateway(path, body, **asked)

    assert (status, answer["error_code"]) == (400, code)
    assert gateway.raw() == []
