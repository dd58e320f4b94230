"""The life of a dataset through the whole stack: configured, made again, recovered, emptied, watched."""

import asyncio
import json
import random
import time
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.assertions import (
    assert_refused,
    assert_search_shows,
    assert_table_equals,
    difference,
    eventually,
    without_nulls,
)
from tests.e2e.api import Api
from tests.e2e.interleaving import Interleaving
from tests.e2e.listeners import Hook, Mailbox
from tests.e2e.load import Load
from tests.e2e.model import Model
from tests.e2e.stack import Stack

KEY = ("station", "sequence")
OK = {"detail": "ok"}
STORED, PUSHED = 100_000, 20_000
AT_ONCE = 4_000
SILENCE_MINUTES = 1
LONGEST_S = 8.0  # that any request may take while all services run
RECIPIENT = "night-shift@example.org"
SERVICES = ("gateway", "processors", "sinks", "schedulers")
MANAGE = "/api/automation/v1.0"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def mailbox():
    """A mail server."""
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def hook():
    """A place to which news are posted."""
    with Hook() as hook:
        yield hook


@pytest.fixture(scope="module")
def stack(tmp_path_factory, mailbox):
    """A running stack that can send mail, and settles soon."""
    settings = {
        "SMTP_HOST": mailbox.host,
        "SMTP_PORT": str(mailbox.port),
        "SMTP_SECURITY": "none",
        "SCHEDULER_ALERT_INTERVAL_S": "0.5",
        "SCHEDULER_REBUILD_SETTLE_S": "4",
        "PROCESSOR_CATALOG_MAX_AGE_S": "2",
    }
    stack = Stack(tmp_path_factory.mktemp("life"), settings=settings)
    stack.start()
    yield stack
    stack.stop()


# Configuration


async def test_bootstrap_data_are_shown_and_never_stored(api, unique):
    """Up to twenty rows of what is pasted, as readers would see them; a stack of fields can be tried."""
    samples = [{"name": f"n{number}", "at": "2014/01/27T04:15:00", "value": "1.5"} for number in range(30)]
    dataset = await api.open_dataset(unique, bootstrap=samples)
    path = f"/datasets/{dataset.uid}"
    shown = (await api.manage("GET", f"{path}/resources/{dataset.resource_uid}/preview/")).body
    assert [one["name"] for one in shown["fields"]] == ["name", "at", "value"]
    assert [one["name"] for one in shown["rows"]] == [f"n{number}" for number in range(20)]
    assert shown["rows"][0]["value"] == "1.5"

    tried = {"fields": [{"type": "type", "field": "value", "type_param": "double"}]}
    answer = await api.manage("POST", f"{path}/fields/preview/", tried)
    assert answer.status == 200, answer
    assert answer.body["rows"][0]["value"] == 1.5
    unsaved = {"type": "realtime", "params": {"bootstrap": {"other": 1}}}
    answer = await api.manage("POST", f"{path}/resources/preview/", unsaved)
    assert [one["other"] for one in answer.body["rows"]] == [1]
    assert await api.total_count(dataset) == 0


async def test_a_version_of_the_configuration_can_be_restored(api, unique):
    """Each change is one version; what was before comes back by its number."""
    dataset = await api.open_dataset(unique, bootstrap={"n": 1, "place": "Bern"})
    path = f"/datasets/{dataset.uid}"

    async def fields():
        return [one["name"] for one in (await api.explore(f"/{unique}")).body["fields"]]

    rename = {"type": "rename", "from_name": "place", "to_name": "town"}
    await api.make(f"{path}/fields/", rename)
    title = {"metadata": {"default": {"title": {"value": "Another"}}}}
    assert (await api.manage("PUT", f"{path}/", title)).status == 200
    assert await fields() == ["n", "town"]

    async def versions():
        found = (await api.manage("GET", f"{path}/versions/")).body["results"]
        shown = [(await api.manage("GET", f"{path}/versions/{one['uid']}/")).body for one in found]
        assert [one["title"] for one in shown][:2] == ["Another", unique.title()]
        assert all("pushkey" not in json.dumps(one) and "hash" not in json.dumps(one) for one in shown)
        return shown

    shown = await eventually(versions, within_s=15)
    before = next(one for one in shown if not one["fields"])
    answer = await api.manage("POST", f"{path}/versions/{before['uid']}/restore/")
    assert (answer.status, answer.body["title"]) == (200, unique.title())
    assert await fields() == ["n", "place"]


async def test_an_action_in_the_wrong_state_is_refused_with_the_state(api, unique):
    """The sentence that clients of the original know; the status says what is."""
    dataset = await api.open_dataset(unique, publish=False)
    status = await api.status(dataset)
    assert (status["status"], status["is_published"]) == ("idle", False)
    for action in ("truncate", f"resources/{dataset.resource_uid}/recover"):
        answer = await api.manage("POST", f"/datasets/{dataset.uid}/{action}/")
        assert answer.status == 400
        assert answer.body["error_code"] == "invalid_dataset_status"
        assert answer.body["error_key"] == "InvalidDatasetStatusPreconditionException"
        assert "must be one of" in answer.body["message"]
    await api.publish(dataset.uid)
    assert (await api.status(dataset))["is_published"]
    answer = await api.manage("POST", f"/datasets/{dataset.uid}/abort/")
    assert answer.body["error_code"] == "invalid_dataset_status"


async def test_a_disabled_resource_keeps_what_it_has(api, unique):
    """Pushes and deletions are refused with a sentence; what is there can be read, and recovered."""
    dataset = await api.open_dataset(unique)
    assert (await api.ask(dataset, {"n": 1}, wait=True, timeout=20)).status == 200
    await api.switch(dataset, "disable")
    for tail in ("push/", "delete/"):
        answer = await api.ask(dataset, {"n": 1}, tail=tail)
        assert_refused(answer, 403, "push_disabled")
        assert unique in answer.body["message"]
    assert await api.total_count(dataset) == 1
    await api.switch(dataset, "enable")
    assert (await api.ask(dataset, {"n": 2}, wait=True, timeout=20)).status == 200
    assert await api.total_count(dataset) == 2


# Made again


async def test_records_are_made_again_while_pushes_go_on(api, unique):
    """A key for what had none: the result is what the model says, and readers never see less than before."""
    dataset = await api.open_dataset(unique)
    model = Model(KEY)
    for start in range(0, STORED, AT_ONCE):
        records = [reading(number) for number in range(start, start + AT_ONCE)]
        assert (await api.push(dataset, records)).status == 200
        model.push(*records)
    assert (await api.delete(dataset, [reading(number) for number in range(50)])).status == 200
    model.delete(*(reading(number) for number in range(50)))
    await eventually(lambda: counts(api, dataset, STORED - 50), within_s=60, every_s=0.2)

    for name in KEY:
        annotation = {"type": "annotate", "field": name, "annotation": "id"}
        await api.make(f"/datasets/{dataset.uid}/fields/", annotation)
    assert (await api.status(dataset))["params"]["has_draft"]
    assert await api.total_count(dataset) == STORED - 50, "a draft changes nothing yet"
    least = len(model)  # the load below has records of its own
    load = Load(api, dataset, model, PUSHED)
    loading = asyncio.create_task(load.run())
    await load.reached(PUSHED // 20)
    answer = await api.act(dataset, "publish")
    assert answer.body == OK
    seen = {(await api.status(dataset))["status"]}
    watching = asyncio.create_task(api.built(dataset, within_s=120))
    while not watching.done():
        assert await api.total_count(dataset) >= least, "readers see one generation or the other"
        await asyncio.sleep(0.2)
    await watching
    await loading
    assert seen <= {"queued", "processing"}
    await assert_table_equals(api, dataset, model, within_s=60, note=load.note)
    assert not (await api.status(dataset))["params"]["has_draft"]


def reading(number):
    """Return a record; two thirds of them share their key with others."""
    return {"station": f"old{number % 3}", "sequence": number // 3 % (STORED // 9), "value": number / 4}


async def counts(api, dataset, count):
    assert await api.total_count(dataset) == count


async def written(api, dataset, model, *, count=300):
    """Push, overwrite, merge, delete and synchronise, and wait until it can be found."""
    records = [{"n": number, "place": f"p{number % 7}", "value": number} for number in range(count)]
    changed = [{"n": number, "value": -number} for number in range(0, count, 3)]
    gone = [{"n": number} for number in range(0, count, 10)]
    whole = [{"n": number, "place": "set", "value": 1} for number in range(count // 2, count)]
    late = [{"n": number, "place": "late"} for number in range(0, count, 20)]
    for body, tail, parameters in (
        (records, "push/", {}),
        (changed, "push/", {"merge": True}),
        (gone, "delete/", {}),
        (whole, "push/", {"sync": True}),
        (changed[-9:], "push/", {"merge": True}),
        (late, "push/", {}),
    ):
        waits = {} if "sync" in parameters else {"wait": True}
        answer = await api.ask(dataset, body, tail=tail, timeout=20, **waits, **parameters)
        assert (answer.status, answer.body.get("visible")) == (200, waits.get("wait")), answer
    model.push(*records)
    model.merge(*changed)
    model.delete(*gone)
    model.sync(*whole)
    model.merge(*changed[-9:])
    model.push(*late)
    await assert_search_shows(api, dataset, model)


async def test_what_unpublishing_dropped_is_recovered(api, unique):
    """Pushes, merges and deletions, in their order; and what came in since the publication."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    await written(api, dataset, model)
    await api.unpublish(dataset.uid)
    await api.publish(dataset.uid)
    assert await api.total_count(dataset) == 0
    newer = [{"n": 1, "place": "new"}, {"n": 5000, "place": "new"}]
    assert (await api.ask(dataset, newer, wait=True, timeout=20)).status == 200
    await api.act_on_resource(dataset, "recover")
    model.push(*newer)
    await api.built(dataset)
    await assert_search_shows(api, dataset, model)


async def test_recovery_survives_whoever_dies(api, unique):
    """Each service once, at any moment of a recovery, while others push: nothing is lost or undone."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    order = chance.sample(SERVICES, len(SERVICES))
    dataset, model = await api.open_dataset(unique, key=KEY), Model(KEY)
    load = Load(api, dataset, model, 10_000, seed=seed)
    await load.run()
    await assert_table_equals(api, dataset, model, note=load.note)
    await api.unpublish(dataset.uid)
    await api.publish(dataset.uid)
    for victims in (order[:2], order[2:]):
        await api.act_on_resource(dataset, "recover")
        seed += 1
        load = Load(api, dataset, model, 3_000, seed=seed)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            group.create_task(api.built(dataset, within_s=90))
            for name in victims:
                await asyncio.sleep(chance.uniform(0, 1.5))
                await api.kill(name)
        await assert_table_equals(api, dataset, model, within_s=60, note=f"{victims}; {load.note}")


async def test_requests_of_every_kind_while_records_are_made_again(api, unique):
    """Merges, syncs and deletions during a recovery, answered soon; what was truncated before comes back."""
    seed = random.SystemRandom().randrange(10**6)
    datasets = [await api.open_dataset(f"{unique}-{number}", key=["n"]) for number in range(2)]
    clients = [Interleaving(api, one, seed + at) for at, one in enumerate(datasets)]
    for client in clients:
        await client.go_on(20, truncates=True)
        await client.sync()
        await client.go_on(20)
        await api.act_on_resource(client.dataset, "recover")
        client.model = deepcopy(client.archive)

    async def until_built(client):
        building = asyncio.create_task(api.built(client.dataset))
        while not building.done():
            async with asyncio.timeout(LONGEST_S):
                await client.go_on(1, syncs=True)
            await asyncio.sleep(0.02)
        await building

    await asyncio.gather(*map(until_built, clients))
    for client in clients:
        await client.assert_shown()


async def test_a_deleted_archive_brings_nothing_back(api, unique):
    """Only what came in since it was deleted; what readers see stays."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    await written(api, dataset, model, count=60)
    await api.act_on_resource(dataset, "delete_recover_data")
    await assert_search_shows(api, dataset, model)
    later = [{"n": 1, "place": "since"}]
    assert (await api.ask(dataset, later, wait=True, timeout=20)).status == 200
    assert "warning" in (await api.act(dataset, "unpublish")).body, "not all can be recovered"
    await api.publish(dataset.uid)
    await api.act_on_resource(dataset, "recover")
    await api.built(dataset)
    kept = Model(["n"])
    kept.push(*later)
    await assert_search_shows(api, dataset, kept)


async def test_truncating_empties_and_recovery_fills_again(api, unique):
    """Pushes go on at once, and a merge of what was there begins anew."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    await written(api, dataset, model, count=60)
    assert (await api.act(dataset, "truncate")).body == OK
    assert await api.total_count(dataset) == 0
    empty = Model(["n"])
    merged = [{"n": 1, "value": 7}]
    answer = await api.ask(dataset, merged, merge=True, wait=True, timeout=20)
    assert answer.body["visible"]
    empty.merge(*merged)
    await assert_search_shows(api, dataset, empty)
    await api.act_on_resource(dataset, "recover")
    model.merge(*merged)
    await api.built(dataset)
    await assert_search_shows(api, dataset, model)


async def test_without_an_archive_the_owner_is_warned(api, unique):
    """Unpublishing says what is lost; making records again is refused unless the loss is accepted."""
    dataset = await api.open_dataset(unique, key=["n"], params={"recovery": False})
    assert (await api.ask(dataset, [{"n": 1, "m": 1}], wait=True, timeout=20)).status == 200
    annotation = {"type": "annotate", "field": "m", "annotation": "id"}
    await api.make(f"/datasets/{dataset.uid}/fields/", annotation)
    answer = await api.manage("POST", f"/datasets/{dataset.uid}/publish/")
    assert answer.status == 409, answer
    assert "accept_loss" in answer.body["message"]
    answer = await api.act(dataset, "unpublish")
    assert answer.body["detail"] == "ok"
    assert dataset.resource_id in answer.body["warning"]
    await api.publish(dataset.uid)
    assert await api.total_count(dataset) == 0


async def test_recovering_one_resource_leaves_what_the_others_hold(api, unique):
    """One without an archive keeps its records; one with an archive gets none of an earlier life back."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    path = f"/datasets/{dataset.uid}/resources/"
    others = []
    for recovery in (True, False):
        made = await api.make(path, {"type": "realtime", "params": {"recovery": recovery}})
        others.append(
            replace(dataset, **{name: made[name] for name in ("resource_id", "pushkey", "push_url")})
        )
    for at, one in enumerate((dataset, *others)):
        records = [{"n": number, "place": "before"} for number in range(at * 10, at * 10 + 5)]
        assert (await api.ask(one, records, wait=True, timeout=20)).status == 200
        if one is dataset:
            model.push(*records)
    assert others[1].resource_id in (await api.act(dataset, "unpublish")).body["warning"]
    await api.publish(dataset.uid)
    for at, one in enumerate((dataset, *others)):
        records = [{"n": 100 + at, "place": "since"}]
        assert (await api.ask(one, records, wait=True, timeout=20)).status == 200
        model.push(*records)
    await api.act_on_resource(dataset, "recover")
    await api.built(dataset)
    await assert_search_shows(api, dataset, model)


# History


async def test_a_dataset_with_history_is_read_as_of_any_moment(api, unique):
    """Every version is kept: pushes, merges, deletions, syncs; without the option the past is not told."""
    settings = {"history": True}
    dataset, model = await api.open_dataset(unique, key=["n"], settings=settings), Model(["n"])
    moments = []
    steps = (
        ({"n": 1, "place": "Bern", "value": 1}, "push/", {}),
        ([{"n": 1, "value": 2}, {"n": 2, "value": 5}], "push/", {"merge": True}),
        ({"n": 1}, "delete/", {}),
        ({"n": 1, "place": "Chur"}, "push/", {}),
        ([{"n": 3}, {"n": 2, "place": "Thun"}], "push/", {"sync": True}),
        ({"n": 3, "value": 9}, "push/", {"merge": True}),
        ([{"n": 4}], "push/", {"sync": True}),
    )
    seen = []
    for body, tail, parameters in steps:
        waits = {} if "sync" in parameters else {"wait": True}
        answer = await api.ask(dataset, body, tail=tail, timeout=20, **waits, **parameters)
        assert (answer.status, answer.body.get("visible")) == (200, waits.get("wait")), answer
        await asyncio.sleep(0.02)  # two clocks that may differ by little: the gateway's and ours
        moments.append(datetime.now(UTC).isoformat())
        await asyncio.sleep(0.02)
        seen.append(await past(api, dataset))
    assert seen == [
        [{"n": 1, "place": "Bern", "value": 1}],
        [{"n": 1, "place": "Bern", "value": 2}, {"n": 2, "value": 5}],
        [{"n": 2, "value": 5}],
        [{"n": 1, "place": "Chur"}, {"n": 2, "value": 5}],
        [{"n": 2, "place": "Thun"}, {"n": 3}],
        [{"n": 2, "place": "Thun"}, {"n": 3, "value": 9}],
        [{"n": 4}],
    ]
    for moment, expected in zip(moments, seen, strict=True):
        assert await past(api, dataset, as_of=moment) == expected
    assert await past(api, dataset, as_of="2014-01-27T04:15:00Z") == []
    one = await api.explore(f"/{unique}/records/{model.id_of({'n': 1})}", as_of=moments[0])
    assert one.body == {"n": 1, "place": "Bern", "value": 1}
    plain = await api.open_dataset(unique + "-plain")
    answer = await api.explore(f"/{plain.dataset_id}/records", as_of=moments[0])
    assert answer.status == 400, answer


async def test_the_past_is_the_same_after_records_were_made_again(api, unique):
    """Every moment that a reader saw, in any order of requests; a recovery repeats each version as it was."""
    dataset = await api.open_dataset(unique, key=["n"], settings={"history": True})
    client = Interleaving(api, dataset, random.SystemRandom().randrange(10**6))
    for _ in range(15):
        await client.go_on(3, syncs=True)
        await client.remember()

    async def assert_past():
        for moment, model in client.moments:
            shown = [(model.id_of(one), one) for one in await past(api, dataset, as_of=moment)]
            found = difference(model.expected(), shown)
            assert not found, f"as of {moment}: {found}\n{client.note}"

    await assert_past()
    await api.act_on_resource(dataset, "recover")
    await client.go_on(10)
    await api.built(dataset)
    await client.assert_shown()
    await assert_past()


async def past(api, dataset, **parameters):
    """Return the records, in order, without nulls."""
    answer = await api.explore(f"/{dataset.dataset_id}/records", order_by="n", limit=100, **parameters)
    assert answer.status == 200, answer
    assert answer.body["total_count"] == len(answer.body["results"])
    return [without_nulls(one) for one in answer.body["results"]]


async def test_history_can_be_switched_on_later(api, unique):
    """The records are made again with all that is archived of them."""
    dataset, model = await api.open_dataset(unique, key=["n"]), Model(["n"])
    await written(api, dataset, model, count=60)
    answer = await api.manage("PUT", f"/datasets/{dataset.uid}/", {"history": True})
    assert answer.status == 200, answer
    await api.built(dataset)
    await assert_search_shows(api, dataset, model)
    moment = datetime.now(UTC).isoformat()
    assert (await api.ask(dataset, {"n": 1, "place": "new"}, wait=True, timeout=20)).status == 200
    assert len(await past(api, dataset, as_of=moment)) == len(model)
    assert {"n": 1, "place": "new"} in await past(api, dataset)
    assert {"n": 1, "place": "new"} not in await past(api, dataset, as_of=moment)


# Quarantine


async def test_refused_records_are_listed_mended_and_replayed(api, unique):
    """One by one, or all; the status counts them, and what was pushed since still wins."""
    dataset = await api.open_dataset(
        unique, key=["n"], bootstrap={"n": 1, "value": 1}, settings={"on_error": "quarantine"}
    )
    path = f"/datasets/{dataset.uid}/quarantine/"
    bad = [{"n": number, "value": f"bad{number}"} for number in range(1, 6)]
    answer = await api.ask(dataset, [{"n": 0, "value": 7}, *bad], wait=True, timeout=20)
    assert answer.body["visible"]

    async def listed(count, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        found = (await api.manage("GET", f"{path}?{query}")).body
        assert found["total_count"] == count, found
        return found["results"]

    entries = await eventually(lambda: listed(5), within_s=15)
    assert sorted(one["record"]["n"] for one in entries) == [1, 2, 3, 4, 5]
    assert {one["errors"][0]["field"] for one in entries} == {"value"}
    await listed(5, code=entries[0]["code"], field="value", resource=dataset.resource_id)
    await listed(0, code="no_such_code")
    status = await api.status(dataset)
    assert status["params"]["errors_count"] == 5
    assert len(status["records_errors"]) == 5

    by_number = {one["record"]["n"]: one["id"] for one in entries}
    mended = {"record": {"n": 1, "value": 11}}
    answer = await api.manage("POST", f"{path}{by_number[1]}/replay/", mended)
    assert (answer.status, answer.body["replayed"]) == (200, 1)
    await eventually(lambda: shows(api, dataset, [{"n": 0, "value": 7}, {"n": 1, "value": 11}]), within_s=10)
    answer = await api.manage("POST", f"{path}{by_number[2]}/replay/")
    assert answer.status == 200
    again = await eventually(lambda: replayed(listed), within_s=10)
    assert (again["record"], again["replays"]) == (bad[1], 1)

    assert (await api.manage("DELETE", f"{path}{by_number[3]}/")).status == 204
    assert (await api.ask(dataset, {"n": 4, "value": 44}, wait=True, timeout=20)).status == 200
    await eventually(lambda: listed(3), within_s=10)
    assert (await api.manage("PUT", f"/datasets/{dataset.uid}/", {"on_error": "null"})).status == 200
    answer = await api.manage("POST", f"{path}replay/", {"all": True})
    assert (answer.status, answer.body["replayed"]) == (200, 3)
    expected = [{"n": 0, "value": 7}, {"n": 1, "value": 11}, {"n": 2}, {"n": 4, "value": 44}, {"n": 5}]
    await eventually(lambda: shows(api, dataset, expected), within_s=10)
    await listed(0)


async def shows(api, dataset, expected):
    assert await past(api, dataset) == expected


async def replayed(listed):
    """Return the one entry that was refused again."""
    found = [one for one in await listed(4) if one["replays"]]
    assert len(found) == 1
    return found[0]


# Keys


async def test_a_key_is_renewed_although_the_gateway_dies(api, unique):
    """A key that was shown opens the resource; the old one does for its grace, or nothing was renewed."""
    dataset = await api.open_dataset(unique)
    keys, old = [dataset.pushkey], dataset.pushkey
    path = f"/datasets/{dataset.uid}/resources/{dataset.resource_uid}/renew_api_key/"
    for delay_s in (0, 0.005, 0.02):
        renewing = asyncio.create_task(api.manage("POST", path, {"grace_seconds": 60}))
        await asyncio.sleep(delay_s)
        await api.kill("gateway")
        (answer,) = await asyncio.gather(renewing, return_exceptions=True)
        if not isinstance(answer, BaseException):
            assert answer.status == 200, answer
            keys.append(answer.body["pushkey"])
        for number, key in enumerate(keys):
            assert (await api.ask(dataset, {"n": number}, pushkey=key)).status == 200
    answer = await api.manage("POST", path, {"grace_seconds": 0})
    newest = answer.body["pushkey"]
    await api.kill("gateway")
    assert (await api.ask(dataset, {"n": 1}, pushkey=newest)).status == 200
    for key in (old, *keys):
        assert_refused(await api.ask(dataset, {"n": 1}, pushkey=key), 401, "invalid_pushkey")


async def test_a_restricted_dataset_asks_readers_for_a_key(api, unique):
    """401 to strangers, 403 to those whose key is for others; pushing needs no such key."""
    dataset = await api.open_dataset(unique, settings={"is_restricted": True})
    other = await api.open_dataset(unique + "-other")
    assert (await api.ask(dataset, {"n": 1}, wait=True, timeout=20)).status == 200
    records = f"/api/explore/v2.1/catalog/datasets/{unique}/records"
    own = (await api.make("/apikeys/", {"scopes": ["read"], "datasets": [dataset.uid]}))["apikey"]
    foreign = (await api.make("/apikeys/", {"scopes": ["read"], "datasets": [other.uid]}))["apikey"]
    for key, status in ((None, 401), ("0" * 56, 401), (foreign, 403), (own, 200)):
        headers = {} if key is None else {"Authorization": f"apikey {key}"}
        answer = await api.request("GET", records, headers=headers)
        assert answer.status == status, (key, answer)
    answer = await api.request("GET", f"{records}?apikey={own}")
    assert answer.body["total_count"] == 1
    answer = await api.request("GET", f"{MANAGE}/datasets/", headers={"Authorization": f"apikey {own}"})
    assert answer.status in (401, 403) or not answer.body["results"]


# Silence


@pytest.fixture(scope="module", autouse=True)
def silent(stack, hook):
    """A dataset whose owner wants to know of a minute's silence; it is silent from the first test on."""
    return asyncio.run(_fall_silent(stack, hook))


async def _fall_silent(stack, hook):
    api = Api(stack)
    try:
        params = {
            "alert": True,
            "alert_inactivity_minutes": SILENCE_MINUTES,
            "alert_emails": [RECIPIENT],
            "alert_webhook": hook.url,
        }
        dataset = await api.open_dataset("silent", params=params)
        assert (await api.push(dataset, {"n": 1})).status == 200
        return dataset, time.monotonic()
    finally:
        await api.close()


async def test_an_owner_hears_of_a_silence_once_and_of_its_end(api, silent, mailbox, hook):
    """One mail and one call when nothing came for a minute, and one of each when records come again."""
    dataset, since = silent
    left_s = max(0, SILENCE_MINUTES * 60 - (time.monotonic() - since))
    await eventually(lambda: heard(mailbox, hook, 1), within_s=left_s + 20, every_s=0.2)
    first = mailbox.messages[0]
    assert RECIPIENT in first["To"]
    assert "Silent" in first["Subject"]
    assert "No data received since" in first.get_content() if not first.is_multipart() else True
    assert time.monotonic() - since >= SILENCE_MINUTES * 60 - 1

    assert (await api.push(dataset, {"n": 2})).status == 200
    await eventually(lambda: heard(mailbox, hook, 2), within_s=20, every_s=0.2)


def heard(mailbox, hook, count):
    assert (len(mailbox.messages), len(hook.posted)) == (count, count)
