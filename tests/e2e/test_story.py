"""The story that the project was created from, told with the requests that curl would send."""

import asyncio
import json

import pytest

from tests.assertions import assert_refused, assert_table_equals, eventually
from tests.e2e.api import FORM, Api
from tests.e2e.model import Model

BOOTSTRAP = {"identifier": "ab1", "timestamp": "2014/01/27T04:15:00", "parameter": "speed", "value": 1.5}
PUSHED = '{"identifier": "230361", "timestamp": "2014/01/27T04:15:00", "parameter": "speed", "value": 150}'
RECORD = json.loads(PUSHED)
SHOWN = {**RECORD, "timestamp": "2014-01-27T04:15:00+00:00"}
PATH = "/api/push/1.0/realtime_dataset/realtime_resource"
SEARCHABLE_S = 2.0
OK = {"status": "ok"}

pytestmark = pytest.mark.timeout(150)


async def curl(api, path, pushkey, body=None):
    """Send what `curl -d <body>` sends, or a GET without a body."""
    method = "GET" if body is None else "POST"
    headers = {"Content-Type": FORM, "User-Agent": "curl/8.5.0", "Accept": "*/*"}
    return await api.request(method, f"{path}?pushkey={pushkey}", data=body, headers=headers)


async def push(api, dataset):
    answer = await curl(api, f"{PATH}/push/", dataset.pushkey, PUSHED)
    assert (answer.status, answer.body) == (200, OK)


async def searchable(api, expected, within_s=SEARCHABLE_S):
    """Wait until search shows exactly these records."""

    async def shown():
        answer = await api.explore("/realtime_dataset/records")
        assert (answer.status, answer.body) == (200, {"total_count": len(expected), "results": expected})

    await eventually(shown, within_s=within_s, every_s=0.02)


async def test_the_story_of_the_first_page(stack, api):
    """Create with bootstrap data, push, search, delete both ways, disable, unpublish, publish, restart."""
    dataset = await api.open_dataset(
        "realtime_dataset", title="Realtime resource", bootstrap=BOOTSTRAP, publish=False
    )
    await opens_as_documented(api, dataset)
    await a_pushed_record_is_searchable(api, dataset)
    await a_record_is_deleted_by_its_exact_json(api, dataset)
    await a_record_is_deleted_by_its_id(api, dataset)
    await a_disabled_resource_refuses(api, dataset)
    await publishing_again_starts_empty(api, dataset)
    await a_restart_finds_the_data(stack, dataset)


async def opens_as_documented(api, dataset):
    """The resource's id is the slug of its title; before it is published a dataset takes nothing."""
    assert dataset.resource_id == "realtime_resource"
    assert dataset.push_url == f"{api.origin}{PATH}/push/?pushkey={dataset.pushkey}"
    assert len(dataset.pushkey) == 56
    assert_refused(await curl(api, f"{PATH}/push/", dataset.pushkey, PUSHED), 409, "dataset_not_published")
    await api.publish(dataset.uid)

    answer = await api.explore("/realtime_dataset")
    types = {one["name"]: one["type"] for one in answer.body["fields"]}
    assert types == {"identifier": "text", "timestamp": "datetime", "parameter": "text", "value": "double"}


async def a_pushed_record_is_searchable(api, dataset):
    """Within two seconds, and pushed twice it is there once."""
    await push(api, dataset)
    await searchable(api, [SHOWN])
    await push(api, dataset)
    model = Model()
    model.push(RECORD)
    await assert_table_equals(api, dataset, model)
    answer = await api.explore(f"/realtime_dataset/records/{model.id_of(RECORD)}")
    assert (answer.status, answer.body) == (200, SHOWN)


async def a_record_is_deleted_by_its_exact_json(api, dataset):
    answer = await curl(api, f"{PATH}/delete/", dataset.pushkey, PUSHED)
    assert (answer.status, answer.body) == (200, OK)
    await searchable(api, [])


async def a_record_is_deleted_by_its_id(api, dataset):
    """The id is that of the record wherever it is spelt."""
    await push(api, dataset)
    await searchable(api, [SHOWN])
    answer = await curl(api, f"{PATH}/{Model().id_of(RECORD)}/delete/", dataset.pushkey)
    assert (answer.status, answer.body) == (200, OK)
    await searchable(api, [])


async def a_disabled_resource_refuses(api, dataset):
    """Until it is enabled again."""
    await api.switch(dataset, "disable")
    assert_refused(await curl(api, f"{PATH}/push/", dataset.pushkey, PUSHED), 403, "push_disabled")
    await api.switch(dataset, "enable")
    await push(api, dataset)
    await searchable(api, [SHOWN])


async def publishing_again_starts_empty(api, dataset):
    """Without recovery, all data of an unpublished dataset are lost."""
    await api.unpublish(dataset.uid)
    assert_refused(await curl(api, f"{PATH}/push/", dataset.pushkey, PUSHED), 409, "dataset_not_published")
    assert_refused(await api.explore("/realtime_dataset/records"), 404, "NotFoundResource")

    await api.publish(dataset.uid)
    await searchable(api, [])
    await push(api, dataset)
    await searchable(api, [SHOWN])


async def a_restart_finds_the_data(stack, dataset):
    """Records, datasets and keys; and the first push after it is as fast as any."""
    await asyncio.to_thread(stack.stop)
    stack.start()
    api = Api(stack)
    try:
        await searchable(api, [SHOWN], within_s=10)
        answer = await curl(api, f"{PATH}/push/", dataset.pushkey, PUSHED.replace("230361", "230362"))
        assert (answer.status, answer.body) == (200, OK)
        await eventually(lambda: _two_records(api), within_s=SEARCHABLE_S, every_s=0.02)
    finally:
        await api.close()


async def _two_records(api):
    answer = await api.explore("/realtime_dataset/records")
    assert answer.body["total_count"] == 2
