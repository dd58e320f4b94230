"""The push API through the whole stack: all ways to send, wait, repeat, merge, delete and sync."""

import asyncio
import gzip
import itertools
import json
import random
import time
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest

import aiohttp
import pytest
import zstandard

from tests.assertions import assert_refused, assert_search_shows, difference, eventually, without_nulls
from tests.e2e.interleaving import Interleaving, until_ok
from tests.e2e.model import Model
from tests.e2e.stack import Stack

BODY_TIMEOUT_S = 3
OK = {"status": "ok"}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A running stack that can keep secrets and has little patience with slow senders."""
    settings = {"SECRET_KEY": "a key of the tests", "GATEWAY_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S)}
    stack = Stack(tmp_path_factory.mktemp("push"), settings=settings)
    stack.start()
    yield stack
    stack.stop()


def readings(numbers, **values):
    """Return records whose key is `n`."""
    return [{"n": number, "place": f"p{number % 7}", **values} for number in numbers]


# Bodies


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
async def test_a_packed_push_is_the_same_push(api, unique, encoding, pack):
    """Any body may be packed: an array, or lines, and a deletion."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    headers = {"Content-Encoding": encoding}
    records = readings(range(500))
    for part, spelt in ((records[:300], json.dumps), (records[300:], as_lines)):
        answer = await api.ask(dataset, pack(spelt(part).encode()), headers=headers)
        assert (answer.status, answer.body) == (200, OK)
    model.push(*records)
    answer = await api.ask(dataset, pack(b'[{"n": 0}, {"n": 499}]'), tail="delete/", headers=headers)
    assert (answer.status, answer.body) == (200, OK)
    model.delete({"n": 0}, {"n": 499})
    await assert_search_shows(api, dataset, model)


def as_lines(records):
    return "".join(json.dumps(one) + "\n" for one in records)


async def test_what_cannot_be_unpacked_is_refused_and_nothing_is_stored(api, unique):
    """Cut off, of another kind, or of a kind that nobody knows."""
    dataset = await api.open_dataset(unique)
    packed = gzip.compress(json.dumps(readings(range(100))).encode())
    for body, encoding, status in (
        (packed[:-20], "gzip", 400),
        (packed, "zstd", 400),
        (b'{"n": 1}', "gzip", 400),
        (packed, "br", 415),
    ):
        answer = await api.ask(dataset, body, headers={"Content-Encoding": encoding})
        assert answer.status == status, (encoding, answer)
    answer = await api.ask(dataset, {"n": 1}, wait=True)
    assert answer.body == {"status": "ok", "visible": True}
    assert await api.total_count(dataset) == 1


async def test_a_table_and_lines_are_pushed_as_they_are(api, unique):
    """CSV by its content type, with a delimiter that is guessed or given; lines by their look."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    table = b'n;place;value;ok\n1;"Basel; Bern";1.5;true\n2;"say ""hi""";;false\n'
    csv = {"Content-Type": "text/csv; charset=utf-8"}
    assert (await api.ask(dataset, table, headers=csv)).body == OK
    assert (await api.ask(dataset, b"n:place\n3:Chur\n", headers=csv, delimiter=":")).body == OK
    lines = {"Content-Type": "application/x-ndjson"}
    assert (await api.ask(dataset, as_lines(readings([4, 5])).encode(), headers=lines)).body == OK
    model.push(
        {"n": 1, "place": "Basel; Bern", "value": 1.5, "ok": True},
        {"n": 2, "place": 'say "hi"', "value": None, "ok": False},
        {"n": 3, "place": "Chur"},
        *readings([4, 5]),
    )
    await assert_search_shows(api, dataset, model)

    answer = await api.ask(dataset, b"n,place\n6,Biel\n7,Thun,more\n", headers=csv)
    assert answer.status == 400, answer
    assert "3" in json.dumps(answer.body), "the line is named"
    await assert_search_shows(api, dataset, model)


async def test_with_partial_the_good_records_are_stored_and_the_others_named(api, unique):
    """All or nothing is the default; of lines and tables a broken one costs only itself."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    mixed = [{"n": 1}, 7, {"n": 2}, {}, None]
    assert_refused(await api.ask(dataset, mixed), 400, "invalid_record")
    answer = await api.ask(dataset, mixed, partial=True)
    assert (answer.status, answer.body["accepted"], answer.body["rejected"]) == (200, 2, 3)
    assert [one["index"] for one in answer.body["errors"]] == [1, 3, 4]
    assert all(one["message"] for one in answer.body["errors"])

    answer = await api.ask(dataset, b'{"n": 3}\n{"n": \n{"n": 4}\n', partial=True)
    assert (answer.body["status"], answer.body["accepted"], answer.body["rejected"]) == ("ok", 2, 1)
    csv = {"Content-Type": "text/csv"}
    answer = await api.ask(dataset, b"n,place\n5,Biel\n6,Thun,more\n", headers=csv, partial=True)
    assert (answer.body["accepted"], [one["index"] for one in answer.body["errors"]]) == (1, [1])
    model.push({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5, "place": "Biel"})
    await assert_search_shows(api, dataset, model)


async def test_unknown_fields_evolve_are_dropped_or_are_refused(api, unique):
    """As the resource says; which fields are known, its bootstrap data say."""
    kinds = {}
    for policy in ("evolve", "drop", "reject"):
        params = {"unknown_fields": policy}
        kinds[policy] = await api.open_dataset(
            f"{unique}-{policy}", key=["n"], bootstrap={"n": 1}, params=params
        )
    for policy, shown in (("evolve", {"n": 1, "more": 2}), ("drop", {"n": 1})):
        answer = await api.ask(kinds[policy], {"n": 1, "more": 2}, wait=True, timeout=20)
        assert answer.body == {"status": "ok", "visible": True}
        assert await api.records(kinds[policy]) == [shown]
    answer = await api.ask(kinds["reject"], [{"n": 1}, {"n": 2, "more": 2}])
    assert_refused(answer, 400, "invalid_record")
    assert [(one["index"], one["field"]) for one in answer.body["errors"]] == [(1, "more")]
    assert await api.total_count(kinds["reject"]) == 0


# Limits


async def test_every_limit_has_its_own_code(api, unique):
    """Nothing over a limit is stored, however small it is packed."""
    dataset = await api.open_dataset(unique)
    deep = b'{"a": ' * 70 + b"1" + b"}" * 70
    wide = {f"f{number}": number for number in range(501)}
    noise = b64encode(random.Random(1).randbytes(4 * 1024 * 1024))
    for body, packed, code in (
        (b'{"text": "' + noise + b'"}', False, "payload_too_large"),
        (b'{"text": "' + noise + b'"}', True, "payload_too_large"),
        (b'{"text": "' + b"x" * 4_000_000 + b'"}', True, "compression_ratio"),
        (b'{"a":1}\n' * 100_001, False, "too_many_records"),
        (json.dumps(wide).encode(), False, "too_many_fields"),
        (deep, False, "too_deep"),
    ):
        headers = {"Content-Encoding": "gzip"} if packed else {}
        answer = await api.ask(dataset, gzip.compress(body) if packed else body, headers=headers)
        assert_refused(answer, 413, code)
    for parameters in ({"wait": "perhaps"}, {"timeout": "-1"}, {"merge": "2"}):
        assert_refused(await api.ask(dataset, {"n": 1}, **parameters), 400, "invalid_parameter")
    assert (await api.ask(dataset, {"n": 1}, whatever="ignored", wait=True)).status == 200
    assert await api.total_count(dataset) == 1


async def test_a_body_that_does_not_come_is_not_waited_for(api, unique):
    """A sender that stands still gets 408 and keeps no memory."""
    dataset = await api.open_dataset(unique)

    async def pieces():
        yield b'[{"n": 1}'
        await asyncio.Event().wait()

    try:
        answer = await api.request("POST", api.path(dataset, "push/"), data=pieces())
    except aiohttp.ClientConnectionError:
        return  # it was answered and closed while we still had something to send
    assert answer.status == 408, answer


# Answers


async def test_who_waits_finds_the_record_at_once(api, unique):
    """Not eventually: with the very next request."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    for number in range(8):
        record = {"n": number, "text": "x"}
        answer = await api.ask(dataset, record, wait=True, timeout=20)
        assert (answer.status, answer.body) == (200, {"status": "ok", "visible": True})
        found = await api.explore(f"/{unique}/records/{model.id_of(record)}")
        assert (found.status, found.body) == (200, record)
    answer = await api.ask(dataset, {"n": 3}, tail="delete/", wait=True, timeout=20)
    assert answer.body == {"status": "ok", "visible": True}
    assert await api.total_count(dataset) == 7


async def test_who_cannot_wait_long_enough_is_told_so(stack, api, unique):
    """202: the record is safe, and not yet to be found."""
    dataset = await api.open_dataset(unique)
    assert (await api.ask(dataset, {"n": 0}, wait=True, timeout=20)).status == 200
    stack.pause("sinks")
    try:
        answer = await api.ask(dataset, {"n": 1}, wait=True, timeout=0.2)
    finally:
        stack.resume("sinks")
    assert (answer.status, answer.body) == (202, {"status": "ok", "visible": False})
    await eventually(lambda: _counts(api, dataset, 2), within_s=10)


async def _counts(api, dataset, count):
    assert await api.total_count(dataset) == count


async def test_a_repeated_key_stores_nothing_new(api, unique):
    """The same answer, also from the next gateway; what came in between stays the newest."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    old, new = {"n": 1, "text": "old"}, {"n": 1, "text": "new"}

    async def repeated(name="Idempotency-Key", body=old, tail="push/", **parameters):
        return await until_ok(
            lambda: api.ask(dataset, body, tail=tail, headers={name: f"key of {tail}"}, **parameters)
        )

    answers = await asyncio.gather(*(repeated() for _ in range(5)))
    assert [one.body for one in answers] == [OK] * 5
    assert (await api.push(dataset, new)).status == 200
    model.push(new)
    assert (await repeated()).body == OK
    assert (await repeated("webhook-id")).body == OK
    await api.kill("gateway")
    assert (await repeated()).body == OK
    answer = await api.ask(dataset, new, headers={"Idempotency-Key": "key of push/"})
    assert_refused(answer, 422, "idempotency_key_reused")

    assert (await repeated(body={"n": 1}, tail="delete/")).body == OK
    assert (await api.push(dataset, new)).status == 200
    await api.kill("gateway")
    assert (await repeated(body={"n": 1}, tail="delete/")).body == OK
    answer = await api.ask(dataset, {"n": 2}, wait=True, timeout=20)
    model.push({"n": 2})
    assert answer.body == {"status": "ok", "visible": True}
    await assert_search_shows(api, dataset, model)


async def test_a_key_outlives_a_gateway_that_dies_in_the_middle(api, unique):
    """Nobody knows whether the first attempt got through; the repetition must not undo what came since."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    records = readings(range(200), text="old")
    attempts = [
        asyncio.create_task(
            until_ok(lambda one=one: api.ask(dataset, one, headers={"Idempotency-Key": f"k{one['n']}"}))
        )
        for one in records
    ]
    await asyncio.sleep(0)
    await api.kill("gateway")
    await asyncio.gather(*attempts)
    model.push(*records)
    newer = readings(range(0, 200, 2), text="new")
    assert (await api.push(dataset, newer)).status == 200
    model.push(*newer)
    for one in records[:20]:
        answer = await api.ask(dataset, one, headers={"Idempotency-Key": f"k{one['n']}"})
        assert answer.body == OK
    await assert_search_shows(api, dataset, model)


# Merges and deletions


async def test_pushes_merges_and_deletions_in_any_order_end_as_the_model_says(api, unique):
    """A merge changes the given fields of what is there, and makes what is not; null takes a field away."""
    seed = random.SystemRandom().randrange(10**6)
    datasets = [await api.open_dataset(f"{unique}-{number}", key=["n"]) for number in range(6)]
    clients = [Interleaving(api, one, seed + at) for at, one in enumerate(datasets)]
    for at in range(3):
        await asyncio.gather(*(one.go_on(25, syncs=at == 2, truncates=at == 2) for one in clients))
        for one in clients:
            await one.assert_shown()


@pytest.mark.parametrize("name", ["processors", "sinks", "gateway"])
async def test_merges_survive_who_dies_in_the_middle(api, unique, name):
    """What is repeated changes nothing, as every field keeps its newest value."""
    client = Interleaving(
        api, await api.open_dataset(unique, key=["n"]), random.SystemRandom().randrange(10**6)
    )
    await client.go_on(15)
    async with asyncio.TaskGroup() as group:
        group.create_task(api.kill(name))
        group.create_task(client.go_on(40))
    await client.assert_shown()


async def test_merges_need_a_key_and_each_record_must_have_it(api, unique):
    """Otherwise nobody knows which record is meant."""
    keyless = await api.open_dataset(unique)
    assert_refused(await api.ask(keyless, {"n": 1}, merge=True), 400, "merge_needs_key")
    keyed = await api.open_dataset(unique + "-keyed", key=["n", "m"])
    answer = await api.ask(keyed, [{"n": 1, "m": 2, "a": 1}, {"n": 1, "a": 2}], merge=True)
    assert_refused(answer, 400, "invalid_record")
    assert [(one["index"], one["field"]) for one in answer.body["errors"]] == [(1, "m")]
    answer = await api.ask(keyed, {"n": 1, "m": 2, "a": 1}, merge=True, wait=True, timeout=20)
    assert answer.body == {"status": "ok", "visible": True}
    assert await api.records(keyed) == [{"n": 1, "m": 2, "a": 1}]


@pytest.mark.parametrize("key", [(), ("n",)], ids=["whole", "keyed"])
async def test_deletions_and_pushes_of_one_record_in_any_order(api, unique, key):
    """The last one decides, whichever of the ways to delete it takes; deleting nothing is no mistake."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    dataset, model = await api.open_dataset(unique, key=key), Model(key)
    record = {"n": 1, "place": "Bern"}
    identity = model.id_of(record)
    ways = [
        ("POST", "push/", record),
        ("POST", "push/", [record]),
        ("POST", "delete/", record),
        ("DELETE", "delete/", [record]),
        ("DELETE", "push/", record),
        ("POST", "push/delete/", record),
        ("GET", f"{identity}/delete/", b""),
        ("POST", f"{identity}/delete/", b""),
        ("DELETE", f"{identity}/delete", b""),
    ]
    for turn in range(40):
        if turn % 3 == 0:
            method, tail, body = ways[turn % 2]
        else:
            method, tail, body = chance.choice(ways)
        answer = await api.ask(dataset, body, method=method, tail=tail)
        assert (answer.status, answer.body) == (200, OK), (method, tail, answer)
        if method == "POST" and tail == "push/":
            model.push(record)
        else:
            model.delete(record)
        if turn % 13 == 0:
            await assert_search_shows(api, dataset, model, note=f"seed {seed}, turn {turn}")
    await assert_search_shows(api, dataset, model, note=f"seed {seed}")


# Sync


async def test_a_sync_adds_changes_and_deletes(api, unique):
    """Its answer counts; the very next search sees the set, and a merge of what is gone begins anew."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    assert (await api.ask(dataset, readings(range(50)), wait=True, timeout=20)).status == 200
    wanted = [*readings(range(10)), *readings(range(45, 60), value=1)]
    answer = await api.ask(dataset, wanted, sync=True, timeout=20)
    assert (answer.status, answer.body) == (200, {"status": "ok", "records": 25, "deleted": 35})
    model.sync(*wanted)
    await assert_search_shows(api, dataset, model, within_s=0)

    merged = [{"n": 20, "value": 5}, {"n": 5, "value": 6}]
    assert (await api.ask(dataset, merged, merge=True, wait=True, timeout=20)).status == 200
    model.merge(*merged)
    await assert_search_shows(api, dataset, model)
    again = await api.ask(dataset, readings([5]), sync=True, timeout=20)
    assert (again.body["records"], again.body["deleted"]) == (1, 25)
    model.sync(*readings([5]))
    await assert_search_shows(api, dataset, model, within_s=0)
    assert (await api.ask(dataset, [], sync=True, timeout=20)).body["deleted"] == 1
    assert await api.total_count(dataset) == 0
    assert_refused(await api.ask(dataset, {"n": 1}, sync=True), 400, "sync_needs_array")
    answer = await api.ask(dataset, [{"n": 1}], sync=True, merge=True)
    assert_refused(answer, 400, "invalid_parameter")


@dataclass
class Other:
    """A record that others pushed: between which ticks of the clock of the test."""

    record: dict
    begun: int
    ended: int


@dataclass
class Others:
    """Somebody who goes on pushing new records, one after the other."""

    api: object
    dataset: object
    ticks: itertools.count
    pushed: list[Other] = field(default_factory=list)
    stopping: bool = False

    async def run(self, first):
        number = first
        while not self.stopping:
            record = {"n": number, "by": "others"}
            begun = next(self.ticks)
            await until_ok(lambda record=record: self.api.push(self.dataset, record))
            self.pushed.append(Other(record, begun, next(self.ticks)))
            number += 1
            await asyncio.sleep(0.01)


async def test_syncs_while_others_push_and_processes_die(api, unique):
    """After a sync its set is there, what was pushed before is gone, and what was pushed after stays."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    ticks = itertools.count()
    others = Others(api, dataset, ticks)
    begun = ended = 0
    wanted = []

    async def sync(body):
        nonlocal begun
        begun = next(ticks)
        return await api.ask(dataset, body, sync=True, timeout=25)

    async with asyncio.TaskGroup() as group:
        for first in (100_000, 200_000):
            group.create_task(others.run(first))
        for victims in (("processors",), ("sinks",), ("gateway",), ("processors", "sinks"), ()):
            wanted = readings(chance.sample(range(600), 300), value=chance.randint(0, 9))
            syncing = asyncio.create_task(until_ok(lambda body=wanted: sync(body)))
            await asyncio.sleep(chance.choice([0, 0.02, 0.1]))
            if victims:
                await api.kill(*victims)
            answer = await syncing
            ended = next(ticks)
            assert answer.body["records"] == 300, answer
        others.stopping = True

    model.push(*wanted)
    stays = [one.record for one in others.pushed if one.begun > ended]
    may_stay = [one.record for one in others.pushed if one.begun < ended and one.ended > begun]
    assert any(one.ended < begun for one in others.pushed)

    async def as_the_model_says():
        shown = [without_nulls(one) for one in await api.records(dataset)]
        expected = Model(["n"])
        expected.push(*wanted, *stays, *(one for one in may_stay if one in shown))
        found = difference(expected.expected(), [(expected.id_of(one), one) for one in shown])
        assert not found, f"{found}\nseed {seed}"

    await eventually(as_the_model_says, within_s=20, every_s=0.2)


# Keys


async def test_a_renewed_key_leaves_the_old_one_its_grace(api, unique):
    """Both open the resource for so long; then the new one alone."""
    dataset = await api.open_dataset(unique)
    renewed = (await api.act_on_resource(dataset, "renew_api_key", {"grace_seconds": 3})).body["pushkey"]
    deadline = time.monotonic() + 3
    for key in (dataset.pushkey, renewed):
        assert (await api.ask(dataset, {"n": 1}, pushkey=key)).status == 200
    assert renewed != dataset.pushkey

    async def over():
        assert_refused(await api.ask(dataset, {"n": 1}), 401, "invalid_pushkey")

    await eventually(over, within_s=6)
    assert time.monotonic() > deadline - 0.5
    newest = (await api.act_on_resource(dataset, "renew_api_key")).body["pushkey"]
    assert_refused(await api.ask(dataset, {"n": 1}, pushkey=renewed), 401, "invalid_pushkey")
    assert (await api.ask(dataset, {"n": 1}, pushkey=newest)).status == 200


async def test_keys_have_scopes_and_an_end(api, unique):
    """A sensor's key need not be able to delete; a guest's ends by itself, or is taken away."""
    dataset = await api.open_dataset(unique)
    path = f"/datasets/{dataset.uid}/resources/{dataset.resource_uid}/keys/"
    sensor = await api.make(path, {"scopes": ["push"], "label": "sensor"})
    cleaner = await api.make(path, {"scopes": ["delete"]})
    soon = datetime.now(UTC) + timedelta(seconds=2)
    guest = await api.make(path, {"expires_at": soon.isoformat()})
    record = {"n": 1}
    for key, push, delete in ((sensor, 200, 403), (cleaner, 403, 200), (guest, 200, 200)):
        answer = await api.ask(dataset, record, pushkey=key["pushkey"])
        assert answer.status == push, answer
        answer = await api.ask(dataset, record, tail="delete/", pushkey=key["pushkey"])
        assert answer.status == delete, answer
    refused = await api.ask(dataset, record, tail="delete/", pushkey=sensor["pushkey"])
    assert_refused(refused, 403, "insufficient_scope")

    listed = (await api.manage("GET", path)).body["results"]
    assert len(listed) == 4
    assert not any("pushkey" in one or "hash" in one for one in listed), "a key is shown once"

    async def over():
        refused = await api.ask(dataset, record, pushkey=guest["pushkey"])
        assert_refused(refused, 401, "invalid_pushkey")

    await eventually(over, within_s=6)
    assert (await api.manage("DELETE", f"{path}{sensor['uid']}/")).status == 204
    assert_refused(await api.ask(dataset, record, pushkey=sensor["pushkey"]), 401, "invalid_pushkey")
    assert (await api.ask(dataset, record)).status == 200


def signed(secret, body, *, moment=None, name="msg_1"):
    """Return the headers that Standard Webhooks prescribes."""
    moment = int(time.time()) if moment is None else moment
    content = f"{name}.{moment}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    signature = b64encode(digest(key, content, sha256)).decode()
    return {"webhook-id": name, "webhook-timestamp": str(moment), "webhook-signature": f"v1,{signature}"}


async def test_a_resource_with_a_secret_takes_signed_pushes_only(api, unique):
    """Of the body as it is sent, not long ago; the pushkey alone is not enough then, and not needed."""
    dataset = await api.open_dataset(unique)
    path = f"/datasets/{dataset.uid}/resources/{dataset.resource_uid}/signing_secret/"
    secret = (await api.make(path, None))["signing_secret"]
    url = api.path(dataset, "push/").partition("?")[0]
    body = gzip.compress(b'{"n": 1}')

    async def send(headers, sent=body):
        return await api.request("POST", url, data=sent, headers={**headers, "Content-Encoding": "gzip"})

    assert (await send(signed(secret, body))).body == OK
    assert_refused(await api.push(dataset, {"n": 2}), 401, "missing_signature")
    other = gzip.compress(b'{"n": 3}')
    assert_refused(await send(signed(secret, body, name="msg_2"), other), 401, "invalid_signature")
    old = signed(secret, body, moment=int(time.time()) - 600, name="msg_3")
    assert_refused(await send(old), 401, "invalid_signature")
    await api.kill("gateway")
    assert (await send(signed(secret, other, name="msg_4"), other)).body == OK
    await eventually(lambda: _counts(api, dataset, 2), within_s=10)

    assert (await api.manage("DELETE", path)).status == 204
    assert (await api.push(dataset, {"n": 2})).status == 200


async def test_a_key_over_its_rate_is_told_when_to_come_again(api, unique):
    """Each key has its own allowance, and every answer says what is left of it."""
    dataset = await api.open_dataset(unique, params={"rate_limit_per_minute": 3})
    left = []
    for _ in range(3):
        answer = await api.ask(dataset, {"n": 1})
        assert (answer.status, answer.headers["X-RateLimit-Limit"]) == (200, "3")
        left.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert left == [2, 1, 0]
    answer = await api.ask(dataset, {"n": 2})
    assert_refused(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    path = f"/datasets/{dataset.uid}/resources/{dataset.resource_uid}/keys/"
    other = (await api.make(path, {}))["pushkey"]
    assert (await api.ask(dataset, {"n": 3}, pushkey=other)).status == 200


async def test_pages_of_allowed_origins_may_push(api, unique):
    """The preflight names what is allowed; an answer, a refusal too, may be read by the page."""
    page, stranger = "https://forms.example.org", "https://elsewhere.example.org"
    dataset = await api.open_dataset(unique, params={"cors_origins": [page]})
    url = api.path(dataset, "push/")

    async def preflight(origin):
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        return await api.request("OPTIONS", url, headers={"Origin": origin, **asked})

    answer = await preflight(page)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, page)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
    for body, status in (({"n": 1}, 200), (b"no json", 400)):
        answer = await api.ask(dataset, body, headers={"Origin": page})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, page)
    answer = await preflight(stranger)
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await api.ask(dataset, {"n": 2}, headers={"Origin": stranger})
    assert "Access-Control-Allow-Origin" not in answer.headers
