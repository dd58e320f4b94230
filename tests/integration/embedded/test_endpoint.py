"""The endpoint, spoken to as clients speak to a ClickHouse server."""

import asyncio
import gzip

import aiohttp
import clickhouse_connect
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError

LINES = b'{"a":1,"b":"x"}\n{"a":2,"b":"it\'s"}'


@pytest.fixture
async def http(clickhouse):
    async with aiohttp.ClientSession(base_url=clickhouse.url) as session:
        yield session


@pytest.fixture
async def run(http, unique):
    """Runs one statement in a database of its own; answers (status, code, text)."""

    async def run(query=None, body=None, method="POST", headers=None, **params):
        params = {"database": unique, **params, **({"query": query} if query else {})}
        async with http.request(method, "/", params=params, data=body, headers=headers) as response:
            return response.status, response.headers.get("X-ClickHouse-Exception-Code"), await response.text()

    assert (await run(f"CREATE DATABASE {unique}", database="default"))[0] == 200
    assert (await run("CREATE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a"))[0] == 200
    yield run
    await run(f"DROP DATABASE {unique}", database="default")


async def test_ping_answers_as_a_server_does(http):
    """Load balancers and clients ask it."""
    for path in ("/ping", "/"):
        async with http.get(path) as response:
            assert (response.status, await response.text()) == (200, "Ok.\n")


@pytest.mark.parametrize("pack", [None, ("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_insert_and_read_back(run, pack):
    """Rows in the body, plain or packed; the format in the statement."""
    headers, body = ({"Content-Encoding": pack[0]}, pack[1](LINES)) if pack else (None, LINES)
    query = "INSERT INTO t SETTINGS async_insert=0 FORMAT JSONEachRow"
    assert await run(query, body, headers=headers) == (200, None, "")
    assert await run(body="SELECT a, b FROM t ORDER BY a FORMAT CSV") == (200, None, '1,"x"\n2,"it\'s"\n')


async def test_parameters_are_bound_and_settings_apply_to_one_statement(run):
    """A value is never text of the query; a setting does not reach the next request."""
    query = "SELECT {x:String}, {n:UInt8}, getSetting('max_threads')"
    assert await run(query, param_x="'; DROP", param_n="4", max_threads="1") == (
        200,
        None,
        "\\'; DROP\t4\t1\n",
    )
    assert (await run("SELECT getSetting('max_threads') FORMAT TSV"))[2] != "1\n"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT * FROM nowhere", 404, "60"),
        ("SELECT nothing FROM t", 404, "47"),
        ("SELECT 1 x y", 400, "62"),
        ("SELECT 1; SELECT 2", 400, "62"),
        ("SELECT throwIf(1)", 500, "395"),
    ],
)
async def test_failures_have_clickhouse_s_code_and_status(run, query, status, code):
    """Clients decide by them whether to try again."""
    answer = await run(query)
    assert (status, code) == answer[:2]
    assert answer[2].startswith(f"Code: {code}. DB::Exception: ")


@pytest.mark.parametrize("how", [{"method": "GET"}, {"readonly": "1"}])
async def test_reads_cannot_write(run, how):
    """Neither a GET nor a statement under readonly=1, whatever it says itself."""
    for query in ("DROP TABLE t", "INSERT INTO t VALUES (1, 'x')", "SET readonly = 0"):
        assert (await run(query, **how))[:2] == (500, "164")
    assert (await run("SELECT count() FROM t"))[2] == "0\n"


async def test_bad_row_stores_none_of_its_insert(run):
    """Also when it is far behind good ones."""
    body = b"\n".join(b'{"a":%d,"b":"x"}' % number for number in range(50_000)) + b'\n{"a":"x"}\n'
    status, code, _ = await run("INSERT INTO t FORMAT JSONEachRow", body)
    assert (status, code) == (400, "27")
    assert (await run("SELECT count() FROM t"))[2] == "0\n"


async def test_unknown_field_is_refused_when_asked(run):
    """A sink must learn that a column is missing."""
    setting = {"input_format_skip_unknown_fields": "0"}
    answer = await run("INSERT INTO t FORMAT JSONEachRow", b'{"a":1,"z":2}', **setting)
    assert answer[:2] == (400, "117")


async def test_failure_in_the_middle_of_a_result_breaks_it(run):
    """Half a result must not look like a whole one."""
    with pytest.raises(aiohttp.ClientPayloadError):
        await run("SELECT number, throwIf(number = 2900000) FROM numbers(3000000)", max_threads="1")


async def test_reader_that_goes_away_harms_nobody(http, run):
    """The rest of its result is given up."""
    query = {"query": "SELECT number FROM numbers(100000000) FORMAT JSONEachRow"}
    async with http.get("/", params=query) as response:
        await response.content.read(10)
    assert (await run("SELECT 1"))[2] == "1\n"


async def test_reads_pass_running_inserts(run):
    """Inserts that fill all their threads leave the readers' free."""
    slow = (
        "INSERT INTO t SELECT sleepEachRow(0.5), '' FROM numbers(4) SETTINGS max_block_size=1, max_threads=1"
    )
    inserts = [asyncio.create_task(run(slow)) for _ in range(4)]
    async with asyncio.timeout(2):
        assert (await run("SELECT 1"))[2] == "1\n"
    assert not any(insert.done() for insert in inserts)
    await asyncio.gather(*inserts)


async def test_web_pages_are_refused(run):
    """Any page in a browser on this machine could post SQL to a loopback port."""
    for headers in ({"Origin": "http://example.org"}, {"Host": "example.org"}):
        assert (await run("SELECT 1", headers=headers))[0] == 403


@pytest.mark.usefixtures("run")
async def test_clickhouse_connect_works_unchanged(clickhouse, unique):
    """Its async client: insert, raw insert, query with parameters, streaming, errors."""
    port = int(clickhouse.url.rpartition(":")[2])
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=port, database=unique)
    await client.insert("t", [[1, "ö"], [2, "it's"]], column_names=["a", "b"])
    await client.raw_insert(
        "t", insert_block=b'{"a":3,"b":"r"}', fmt="JSONEachRow", settings={"async_insert": 0}
    )
    found = await client.query("SELECT b FROM t WHERE a >= {low:Int64} ORDER BY a", parameters={"low": 2})
    assert found.result_rows == [("it's",), ("r",)]
    async with await client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum([len(block) async for block in stream]) == 300_000
    with pytest.raises(DatabaseError, match="code: 60"):
        await client.query("SELECT * FROM nowhere")
    await client.close()
