"""What a server would read in a statement, our parser reads too."""

import pytest

from headwater.embedded.endpoint.statement import InvalidStatement, parse_statement


@pytest.mark.parametrize(
    ("query", "sql", "format_"),
    [
        (b"SELECT 1", "SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON"),
        (b"select 1 format JSONEachRow;", "select 1 ", "JSONEachRow"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "SELECT 1  SETTINGS max_threads = 1", "CSV"),
        (b"SELECT 1\n-- FORMAT JSON\n", "SELECT 1\n-- FORMAT JSON\n", None),
        (b"SELECT 'FORMAT JSON'", "SELECT 'FORMAT JSON'", None),
        (b"SELECT format FROM t", "SELECT format FROM t", None),
        (b"SELECT (SELECT 1 FORMAT JSON)", "SELECT (SELECT 1 FORMAT JSON)", None),
        (b"SELECT 'a;b'; ", "SELECT 'a;b'", None),
    ],
)
def test_format_clause_is_taken_off_where_it_is_one(query, sql, format_):
    """Only a FORMAT at the end of the statement, outside strings, comments and brackets, is the format."""
    statement = parse_statement(query)
    assert (sql, format_) == (statement.sql, statement.format)
    assert statement.data is None
    assert statement.reads


@pytest.mark.parametrize("query", [b"", b"  ", b"-- nothing", b"SELECT 1; DROP TABLE t", b"SELECT 1; ; "])
def test_anything_but_one_statement_is_refused(query):
    """A server refuses several statements; the engine would run them all."""
    with pytest.raises(InvalidStatement):
        parse_statement(query)


@pytest.mark.parametrize(
    ("query", "body", "sql", "format_", "data"),
    [
        (b"INSERT INTO t FORMAT JSONEachRow", b'{"a":1}', "INSERT INTO t ", "JSONEachRow", b'{"a":1}'),
        (b"", b'INSERT INTO t FORMAT CSV\n1,"FORMAT x;"\n', "INSERT INTO t ", "CSV", b'1,"FORMAT x;"\n'),
        (
            b"INSERT INTO t (a, b) SETTINGS x=1 FORMAT TSV",
            b"1",
            "INSERT INTO t (a, b) SETTINGS x=1 ",
            "TSV",
            b"1",
        ),
        (b"", b"INSERT INTO t VALUES (1), (2)", "INSERT INTO t ", "Values", b"(1), (2)"),
        (b"INSERT INTO t", b"(1)", "INSERT INTO t", "Values", b"(1)"),
        (b"INSERT INTO t FORMAT Native", b"\xff\x00", "INSERT INTO t ", "Native", b"\xff\x00"),
        (b"INSERT INTO `FORMAT x` FORMAT CSV", b"1", "INSERT INTO `FORMAT x` ", "CSV", b"1"),
    ],
)
def test_insert_is_split_from_its_data(query, body, sql, format_, data):
    """What follows FORMAT or VALUES is data, whatever it looks like, and need not be text."""
    statement = parse_statement(query, body)
    assert (sql, format_, data) == (statement.sql, statement.format, statement.data)


def test_insert_select_has_no_data():
    """Its rows come from the SELECT."""
    assert parse_statement(b"INSERT INTO t SELECT 1").data is None


def test_body_continues_the_query_of_the_url():
    """As ClickHouse does: the URL's part, then the body."""
    assert parse_statement(b"SELECT *", b"FROM t").sql == "SELECT *\nFROM t"


def test_query_that_is_not_text_is_refused():
    """Only data may be bytes of any kind."""
    with pytest.raises(InvalidStatement):
        parse_statement(b"SELECT '\xff'")
