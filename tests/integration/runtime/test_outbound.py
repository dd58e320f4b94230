"""The outbound client against real servers on this machine: what it fetches, and what it refuses."""

import asyncio
import gzip
import socket

import pytest
from aiohttp import web

from headwater.runtime.outbound import (
    ContentTooLarge,
    ForbiddenAddress,
    HttpOutbound,
    NotFetched,
    SourceUnavailable,
)
from headwater.runtime.settings import OutboundSettings

pytestmark = pytest.mark.timeout(30)

LOCAL = ("127.0.0.1/32",)
SECRET = b"the other server's secret"


class Server:
    """A server with a path for each way to answer; notes what it was asked, and by whom."""

    def __init__(self):
        self.asked = []
        self.redirects = {}  # name -> where to
        self.url = ""

    async def file(self, _):
        return web.Response(body=b"x" * 1000, content_type="application/pdf")

    async def named(self, _):
        name = "attachment; filename=\"a.bin\"; filename*=UTF-8''caf%C3%A9.txt"
        return web.Response(
            body=b"x", headers={"Content-Disposition": name, "Content-Type": "Text/Plain; a=b"}
        )

    async def redirect(self, request):
        return web.Response(status=302, headers={"Location": self.redirects[request.match_info["name"]]})

    async def endless(self, request):
        """Send bytes without saying how many, until nobody wants them."""
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    async def bomb(self, _):
        body = gzip.compress(bytes(50_000_000))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async def packed(self, _):
        return web.Response(body=gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})

    async def odd(self, _):
        return web.Response(body=b"hello", headers={"Content-Encoding": "br"})

    async def slow(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async def status(self, request):
        return web.Response(status=int(request.match_info["status"]))

    async def cookie(self, request):
        response = web.Response(text=request.headers.get("Cookie", "none"))
        response.set_cookie("a", "b")
        return response

    @web.middleware
    async def note(self, request, handler):
        self.asked.append((request.path, dict(request.headers)))
        return await handler(request)

    def app(self):
        app = web.Application(middlewares=[self.note])
        for name in ("file", "named", "endless", "bomb", "packed", "odd", "slow", "cookie"):
            app.router.add_get(f"/{name}", getattr(self, name))
        app.router.add_get("/to/{name}", self.redirect)
        app.router.add_get("/status/{status}", self.status)
        return app


@pytest.fixture
async def server():
    server = Server()
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def private():
    """A server on an address of this machine that nobody allowed."""
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.Response(body=SECRET)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.2", 0).start()
    app_url = f"http://127.0.0.2:{runner.addresses[0][1]}"
    yield app_url, asked
    await runner.cleanup()


@pytest.fixture
async def outbound():
    outbound = HttpOutbound(OutboundSettings(allowed_networks=LOCAL, max_redirects=3))
    await outbound.start()
    yield outbound
    await outbound.close()
    await outbound.close()


def fetch(outbound, url, max_bytes=10_000, timeout_s=5.0):
    return outbound.fetch(url, max_bytes=max_bytes, timeout_s=timeout_s)


async def test_bytes_type_name_and_address_are_returned(outbound, server):
    """Without anything else to go by, the name is the end of the address."""
    found = await fetch(outbound, f"{server.url}/file?token=1")

    assert (found.content, found.content_type) == (b"x" * 1000, "application/pdf")
    assert (found.filename, found.url) == ("file", f"{server.url}/file?token=1")


async def test_the_server_may_give_the_file_a_name(outbound, server):
    """The one in UTF-8 counts; of the type, what stands before its parameters."""
    found = await fetch(outbound, f"{server.url}/named")

    assert (found.filename, found.content_type) == ("café.txt", "text/plain")


async def test_private_addresses_are_refused(outbound, private):
    """As a number and as a name; no request is ever made."""
    url, asked = private

    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.2 is not a public address"):
        await fetch(outbound, url)
    assert asked == []


@pytest.mark.parametrize("host", ["2130706434", "127.2", "0x7f000002", "[::ffff:127.0.0.2]", "0"])
async def test_other_spellings_of_a_private_address_are_refused(outbound, private, host):
    """However the number is written."""
    url, asked = private

    with pytest.raises((ForbiddenAddress, NotFetched)):
        await fetch(outbound, url.replace("127.0.0.2", host))
    assert asked == []


async def test_a_name_is_judged_by_what_it_is_connected_to(server):
    """The name localhost is no number, and leads to where nobody is allowed."""
    outbound = HttpOutbound(OutboundSettings())
    await outbound.start()
    try:
        with pytest.raises(ForbiddenAddress):
            await fetch(outbound, server.url.replace("127.0.0.1", "localhost") + "/file")
    finally:
        await outbound.close()
    assert server.asked == []


async def test_a_name_that_changes_its_meaning_is_caught(outbound, private, monkeypatch):
    """DNS rebinding: the first look-up gives an allowed address, the second a private one."""
    url, asked = private
    port = int(url.rpartition(":")[2])
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.2"])

    async def looked_up(*_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    with pytest.raises(SourceUnavailable):  # nobody listens there on the allowed address
        await fetch(outbound, f"http://rebinding.test:{port}/a")
    outbound._session.connector.clear_dns_cache()
    with pytest.raises(ForbiddenAddress):
        await fetch(outbound, f"http://rebinding.test:{port}/b")
    assert asked == []


async def test_redirects_are_followed(outbound, server):
    """Also relative ones; the address that is returned is the last one."""
    server.redirects = {"a": "/to/b", "b": f"{server.url}/file"}

    found = await fetch(outbound, f"{server.url}/to/a")

    assert found.url == f"{server.url}/file"


async def test_a_redirect_to_a_private_address_is_refused(outbound, server, private):
    """What a public server says must not open the house."""
    url, asked = private
    server.redirects = {"a": f"{url}/admin"}

    with pytest.raises(ForbiddenAddress):
        await fetch(outbound, f"{server.url}/to/a")
    assert asked == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "gopher://x"])
async def test_a_redirect_to_another_scheme_is_refused(outbound, server, location):
    """HTTP leads to HTTP."""
    server.redirects = {"a": location}

    with pytest.raises(ForbiddenAddress):
        await fetch(outbound, f"{server.url}/to/a")


@pytest.mark.parametrize("location", ["", "http://[", "http://x:99999/", "/" + "x" * 8_001])
async def test_a_redirect_to_nowhere_is_refused(outbound, server, location):
    """Nor is the other side asked again."""
    server.redirects = {"a": location}

    with pytest.raises((NotFetched, SourceUnavailable)):
        await fetch(outbound, f"{server.url}/to/a")


async def test_redirects_are_counted(outbound, server):
    """Three are allowed here: the first request and three more."""
    server.redirects = {"a": "/to/a"}

    with pytest.raises(NotFetched, match="more than 3 redirects"):
        await fetch(outbound, f"{server.url}/to/a")
    assert len(server.asked) == 4


async def test_exactly_the_limit_may_come(outbound, server):
    """The limit itself is allowed, one byte more is not."""
    assert len((await fetch(outbound, f"{server.url}/file", max_bytes=1000)).content) == 1000
    with pytest.raises(ContentTooLarge, match="more than 999 bytes"):
        await fetch(outbound, f"{server.url}/file", max_bytes=999)


async def test_what_comes_is_counted_where_no_length_is_said(outbound, server):
    """A server may send for ever."""
    with pytest.raises(ContentTooLarge):
        await fetch(outbound, f"{server.url}/endless", max_bytes=100_000)


async def test_what_is_unpacked_is_counted(outbound, server):
    """Fifty thousand bytes on the wire that would be fifty million."""
    with pytest.raises(ContentTooLarge):
        await fetch(outbound, f"{server.url}/bomb", max_bytes=1_000_000)


async def test_packed_content_is_unpacked(outbound, server):
    """Gzip is what we ask for; other encodings are refused."""
    assert (await fetch(outbound, f"{server.url}/packed")).content == b"hello"
    with pytest.raises(NotFetched, match="'br'"):
        await fetch(outbound, f"{server.url}/odd")


async def test_time_is_counted_over_everything(outbound, server):
    """A byte now and then does not keep us."""
    with pytest.raises(SourceUnavailable, match=r"within 0\.3 seconds"):
        await fetch(outbound, f"{server.url}/slow", timeout_s=0.3)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFetched),
        (403, NotFetched),
        (304, NotFetched),
        (500, SourceUnavailable),
        (503, SourceUnavailable),
        (429, SourceUnavailable),
        (408, SourceUnavailable),
    ],
)
async def test_a_status_tells_whether_to_try_again(outbound, server, status, error):
    """Whose fault it is."""
    with pytest.raises(error, match=str(status)):
        await fetch(outbound, f"{server.url}/status/{status}")


async def test_nobody_listening_may_change(outbound):
    """A server may be starting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceUnavailable, match="no answer"):
            await fetch(outbound, f"http://user:password@127.0.0.1:{taken.getsockname()[1]}/?secret=1")


async def test_sentences_hold_no_secrets(outbound, server):
    """Neither a password nor a query, which may hold a token."""
    with pytest.raises(NotFetched) as caught:
        await fetch(outbound, server.url.replace("//", "//user:password@") + "/status/404?secret=1")
    assert "password" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_no_cookies_and_no_proxy(outbound, server, monkeypatch):
    """Nothing is remembered from one address to the next, nothing taken from the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    await fetch(outbound, f"{server.url}/cookie")

    assert (await fetch(outbound, f"{server.url}/cookie")).content == b"none"
    assert server.asked[-1][1]["User-Agent"] == "Headwater"


@pytest.mark.parametrize(
    ("code", "error"), [(socket.EAI_NONAME, NotFetched), (socket.EAI_AGAIN, SourceUnavailable)]
)
async def test_an_unknown_name_is_not_waited_for(outbound, monkeypatch, code, error):
    """A typing error does not go away by waiting; a name server that is away may come back."""

    async def looked_up(*_, **__):
        raise socket.gaierror(code, "said the name server")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    with pytest.raises(error, match=r"rebinding\.test"):
        await fetch(outbound, "http://rebinding.test/x")


async def test_a_server_without_encryption_is_no_https_server(outbound, server):
    """Nor will it be one next time."""
    with pytest.raises(NotFetched):
        await fetch(outbound, server.url.replace("http", "https") + "/file")
