"""The webhook's client against a real server: what it sends, and what it makes of answers."""

import asyncio

import pytest
from aiohttp import web

from schedulers.alerts.webhook import HttpWebhook, WebhookRefused, WebhookUnavailable

pytestmark = pytest.mark.timeout(30)


class Server:
    """Answers every request in the same way and remembers it."""

    def __init__(self):
        self.status, self.hangs, self.documents = 204, False, []

    async def answer(self, request):
        self.documents.append(await request.json())
        if self.hangs:
            await asyncio.Event().wait()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def server():
    server = Server()
    app = web.Application()
    app.router.add_post("/hook", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield server
    await runner.cleanup()


@pytest.fixture
async def webhook():
    webhook = HttpWebhook(0.5)
    await webhook.start()
    yield webhook
    await webhook.close()
    await webhook.close()


async def test_a_document_is_posted(webhook, server):
    """As JSON, once."""
    await webhook.post(server.url, {"type": "alert.silence"})

    assert server.documents == [{"type": "alert.silence"}]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, WebhookUnavailable),
        (429, WebhookUnavailable),
        (404, WebhookRefused),
        (302, WebhookRefused),
    ],
)
async def test_an_answer_tells_whether_to_try_again(webhook, server, status, error):
    """Redirects are not followed: they could lead anywhere."""
    server.status = status

    with pytest.raises(error):
        await webhook.post(server.url, {})
    assert len(server.documents) == 1


async def test_waiting_is_bounded(webhook, server):
    """A server that does not answer does not hold up the other alerts for long."""
    server.hangs = True

    with pytest.raises(WebhookUnavailable):
        await webhook.post(server.url, {})


async def test_an_unusable_url_is_refused(webhook):
    """It will not become better."""
    with pytest.raises(WebhookRefused):
        await webhook.post("no url", {})
