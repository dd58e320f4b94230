"""The gateway's client against a real server: the push as devices send it, and bounded waiting."""

import asyncio

import pytest
from aiohttp import web

from schedulers.gateway import GatewayUnavailable, HttpGateway, PushRefused

pytestmark = pytest.mark.timeout(30)


class Server:
    """Answers every request in the same way and remembers it."""

    def __init__(self):
        self.status, self.body, self.hangs = 200, {"status": "ok"}, False
        self.requests = []

    async def answer(self, request):
        self.requests.append((request.path, request.headers.get("Authorization"), await request.json()))
        if self.hangs:
            await asyncio.Event().wait()
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    server.stop = runner.cleanup
    yield server
    await runner.cleanup()


@pytest.fixture
async def gateway(server):
    gateway = HttpGateway(server.url + "/", timeout_s=0.5)
    await gateway.start()
    yield gateway
    await gateway.close()
    await gateway.close()


async def push(gateway):
    await gateway.push("_canary", "schedulers", "secret", {"pushed_at_us": 1})


async def test_a_push_goes_the_same_road_as_everybodys(gateway, server):
    """Same path, same key, same body; the key is not in the URL, where logs would keep it."""
    await push(gateway)

    assert server.requests == [
        ("/api/push/1.0/_canary/schedulers/push/", "Bearer secret", {"pushed_at_us": 1})
    ]


async def test_a_refusal_says_why(gateway, server):
    """The error code is the gateway's."""
    server.status, server.body = 401, {"error_code": "invalid_pushkey"}

    with pytest.raises(PushRefused, match="401 invalid_pushkey"):
        await push(gateway)


async def test_a_gateway_that_does_not_answer_is_unavailable_in_time(gateway, server):
    """Waiting is bounded."""
    server.hangs = True

    with pytest.raises(GatewayUnavailable):
        await push(gateway)


async def test_a_gateway_that_is_down_is_unavailable(gateway, server):
    """And comes back without a new client."""
    await server.stop()

    with pytest.raises(GatewayUnavailable):
        await push(gateway)
