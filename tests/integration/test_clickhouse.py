"""How does the store's client take a server that fails?  Against a small server that fails on command.

What the client asks to get to know the server is passed on to a real one.
"""

import asyncio
from base64 import b64encode

import aiohttp
import pytest
from aiohttp import web

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import rows_table
from headwater.domain.types import FieldType
from headwater.runtime.clickhouse import ClickHouseStore
from headwater.runtime.clickhouse_server import ROWS_REFUSED_CODES
from headwater.runtime.settings import Secret, StoreSettings
from headwater.runtime.store import ReadField, Relation, RowsRefused, Select, UnknownTable

TABLE = rows_table("da_a", 1)


class Server:
    """Answers each statement with the next of its answers; then with nothing and 200."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.answers = []
        self.requests = []
        self.url = ""
        self.ending = asyncio.Event()

    async def handle(self, request):
        body = await request.read()
        if is_greeting(request.query.get("query", "").encode() + body):
            return await self.greet(request, body)
        self.requests.append((dict(request.query), dict(request.headers), body))
        answer = self.answers.pop(0) if self.answers else web.Response()
        if answer == "hang up":
            request.transport.close()
            return web.Response()
        if answer == "hang":
            await self.ending.wait()
            return web.Response()
        return answer

    async def greet(self, request, body):
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.upstream, params=request.query, data=body) as response,
        ):
            passed = {
                name: text for name, text in response.headers.items() if name.startswith("X-ClickHouse")
            }
            return web.Response(body=await response.read(), status=response.status, headers=passed)


def is_greeting(statement):
    """Tell whether the client asks for itself: our statements name our database or our format."""
    return b"`d`" not in statement and b"FORMAT JSONCompactEachRow" not in statement


def failure(code, status=500, text="DB::Exception: something", *, header=True):
    headers = {"X-ClickHouse-Exception-Code": str(code)} if header else {}
    return web.Response(status=status, text=f"Code: {code}. {text}", headers=headers)


@pytest.fixture
async def server(clickhouse):
    server = Server(clickhouse.url)
    app = web.Application()
    app.router.add_route("*", "/", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    server.ending.set()
    await runner.cleanup()


@pytest.fixture
async def store(server):
    settings = StoreSettings(url=server.url, user="me", password=Secret("pw"), database="d")
    store = ClickHouseStore(settings)
    await store.start()
    yield store
    await store.close()


@pytest.mark.parametrize("code", sorted(ROWS_REFUSED_CODES))
async def test_codes_of_bad_rows_refuse_the_rows(server, store, code):
    """The error keeps ClickHouse's number and its words."""
    server.answers = [failure(code, 400)]

    with pytest.raises(RowsRefused, match=rf"Code: {code}") as refused:
        await store.insert("t", b"{}")

    assert refused.value.code == code


@pytest.mark.parametrize("code", [252, 241, 159, 164, 242, 202, 236, 319, 999, 62, 115, 516, 0])
async def test_every_other_code_is_temporary(server, store, code):
    """Too many parts, memory, time, read-only, a mistake of ours: rows wait, they are not lost."""
    server.answers = [failure(code), failure(code)]

    with pytest.raises(StoreUnavailable):
        await store.insert("t", b"{}")
    with pytest.raises(StoreUnavailable):
        await store.count(Relation(table="t"))


@pytest.mark.parametrize("code", [60, 81])
async def test_missing_table_or_database_is_an_unknown_table(server, store, code):
    """Both mean: nothing was stored there yet."""
    server.answers = [failure(code, 404), failure(code, 404)]

    with pytest.raises(UnknownTable):
        await store.insert("t", b"{}")
    with pytest.raises(UnknownTable):
        await store.count(Relation(table="t"))


async def test_code_is_read_from_the_text_when_no_header_names_it(server, store):
    """Proxies drop headers."""
    server.answers = [failure(27, 400, header=False)]

    with pytest.raises(RowsRefused):
        await store.insert("t", b"{}")


@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 502, "text": "<html>"}])
async def test_proxy_without_a_server_behind_it_is_unavailable(server, store, answer):
    """Not every answer is ClickHouse's."""
    server.answers = [web.Response(**answer)]

    with pytest.raises(StoreUnavailable):
        await store.insert("t", b"{}")


async def test_cut_answer_is_unavailable(server, store):
    """Half a page must not be taken for a whole one."""
    server.answers = [web.Response(text='["a",1,"2024')]

    with pytest.raises(StoreUnavailable):
        await store.select(Select(relation=Relation(table="t"), fields=()))


async def test_connection_that_was_closed_while_idle_is_not_a_failure(server, store):
    """Every statement may be repeated, so it is, once."""
    server.answers = ["hang up"]

    await store.insert("t", b"{}")

    assert len(server.requests) == 2


async def test_server_that_hangs_up_again_is_unavailable(server, store):
    """One repeat is for idle connections; more would hide a server that dies."""
    server.answers = ["hang up"] * 2

    with pytest.raises(StoreUnavailable):
        await store.insert("t", b"{}")


async def test_server_that_does_not_answer_is_unavailable_in_bounded_time(server):
    """A reader waits no longer than its time limit and a little."""
    store = ClickHouseStore(StoreSettings(url=server.url, query_timeout_s=0.1))
    await store.start()
    server.answers = ["hang"]
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailable):
            await store.count(Relation(table="t"))
    await store.close()


async def test_nobody_listening_is_unavailable():
    """A process may start before its store."""
    store = ClickHouseStore(StoreSettings(url="http://127.0.0.1:9"))
    await store.start()
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.ping()


async def test_rows_travel_as_they_are(server, store):
    """The body is the rows' bytes; what is not allowed is refused by settings; we say who we are."""
    rows = b'{"_id":"\xc3\xbc"}'
    await store.insert("t`x", rows)

    ((query, headers, body),) = server.requests
    statement, _, sent = body.partition(b"\n")
    assert sent == rows
    assert statement.split() == [b"INSERT", b"INTO", b"`d`.`t\\`x`", b"FORMAT", b"JSONEachRow"]
    assert (query["async_insert"], query["input_format_skip_unknown_fields"]) == ("0", "0")
    assert headers["Authorization"] == "Basic " + b64encode(b"me:pw").decode()


async def test_arrays_travel_as_they_are_behind_their_columns(server, store):
    """The names are quoted by us, once; a name that looks quoted is a name."""
    rows = b'["\xc3\xbc",1],["b",2]\n["c",3]'
    await store.insert("t", rows, ("_id", "a`b:int", "`q`"))

    ((query, _, body),) = server.requests
    statement, _, sent = body.partition(b"\n")
    assert sent == rows
    assert statement.split(b"FORMAT") == [
        b"INSERT INTO `d`.`t` (`_id`, `a\\`b:int`, `\\`q\\``) ",
        b" JSONCompactEachRow",
    ]
    assert (query["async_insert"], query["input_format_null_as_default"]) == ("0", "1")


async def test_reads_are_read_only_and_limited(server, store):
    """No reader can write, run for ever or take all memory."""
    server.answers = [web.Response(text="[7]\n")]

    assert await store.count(Relation(table="t")) == 7

    ((_, _, body),) = server.requests
    assert b"readonly=1, max_execution_time=10.0, max_memory_usage=" in body


async def test_record_id_is_bound(server, store):
    """What a person wrote is never part of a statement's text."""
    await store.select(Select(relation=Relation(table="t"), fields=(), record_id="' OR 1 --"))

    ((query, _, body),) = server.requests
    assert bytes.fromhex(query["param_record_id"]).decode() == "' OR 1 --"
    assert b"OR 1" not in body


async def test_table_that_is_replaced_while_it_is_read_is_unavailable(server, store):
    """Columns that vanish twice in a row are a matter of a moment."""
    columns = web.Response(text='["t","n:int","Nullable(Int64)"]\n')
    server.answers = [failure(47, 404), columns, failure(47, 404)]
    field = ReadField("n", FieldType.INT, ("n:int",))

    with pytest.raises(StoreUnavailable):
        await store.select(Select(relation=Relation(table="t"), fields=(field,)))


async def test_missing_database_is_made_with_the_first_table(server, store):
    """Nobody has to prepare a fresh server."""
    server.answers = [failure(81, 404)]

    await store.ensure_table(TABLE, {"n:int": "Nullable(Int64)"})

    words = [body.split(b" IF NOT", 1)[0].split(b" `d`", 1)[0] for _, _, body in server.requests]
    assert words == [b"CREATE TABLE", b"CREATE DATABASE", b"CREATE TABLE", b"ALTER TABLE"]


async def test_column_type_that_no_field_has_never_reaches_the_server(server, store):
    """A type cannot be quoted, so only known ones may pass."""
    with pytest.raises(ValueError, match="which no field has"):
        await store.ensure_table(TABLE, {"n:int": "Int64) ENGINE = Memory --"})

    assert server.requests == []
