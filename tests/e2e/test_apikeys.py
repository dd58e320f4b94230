"""API keys through the whole stack: they open restricted datasets and outlive the gateway that made them."""

import aiohttp
import pytest

from tests.assertions import assert_refused, eventually

pytestmark = pytest.mark.timeout(120)

EXPLORE = "/api/explore/v2.1/catalog/datasets"
MANAGE = "/api/automation/v1.0"
RESTART_S = 30.0


async def send(api, method, path, key=None, **options):
    """Send a request with an API key, or anonymously."""
    headers = {} if key is None else {"Authorization": f"Apikey {key}"}
    return await api.request(method, path, headers=headers, **options)


async def test_a_restricted_dataset_is_read_with_a_key_until_it_is_deleted(stack, api):
    """401 without a key, 403 with another's; neither keys nor their deletion are lost with a process."""
    shut, other = await api.open_dataset("shut"), await api.open_dataset("other")
    path = f"/datasets/{shut.uid}/"
    assert (await api.manage("PUT", path, {"is_restricted": True})).status == 200
    own = await api.make("/apikeys/", {"scopes": ["read"], "datasets": [shut.uid]})
    foreign = await api.make("/apikeys/", {"scopes": ["publish"], "datasets": [other.uid]})
    assert (await api.push(shut, {"a": 1})).status == 200

    async def opens_as_made():
        records = f"{EXPLORE}/shut/records"
        answer = await send(api, "GET", records, own["apikey"])
        assert (answer.status, answer.body["total_count"]) == (200, 1)
        assert_refused(await send(api, "GET", records), 401, "UnauthorizedAccess")
        assert_refused(await send(api, "GET", records, foreign["apikey"]), 403, "ForbiddenAccess")
        answer = await send(api, "GET", f"{MANAGE}/datasets/{other.uid}/", foreign["apikey"])
        assert answer.status == 200
        assert_refused(await send(api, "GET", MANAGE + path, foreign["apikey"]), 403, "forbidden")

    await eventually(opens_as_made, within_s=5)
    await _kill_gateway(stack, api)
    await eventually(opens_as_made, within_s=5)
    assert (await api.manage("DELETE", f"/apikeys/{own['uid']}/")).status == 204
    for _ in range(2):
        answer = await send(api, "GET", f"{EXPLORE}/shut/records", own["apikey"])
        assert_refused(answer, 401, "UnauthorizedAccess")
        await _kill_gateway(stack, api)


async def _kill_gateway(stack, api):
    """Kill it, and wait until the next one answers."""
    pid = stack.kill("gateway")
    await stack.restarted("gateway", pid)

    async def answers():
        try:
            answer = await send(api, "GET", EXPLORE)
        except aiohttp.ClientError as error:
            raise AssertionError("nobody listens yet") from error
        assert answer.status == 200

    await eventually(answers, within_s=RESTART_S)
