"""What does a table in CSV hold?"""

import csv
import io
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.csv_records import guess, read_rows
from headwater.domain.errors import InvalidPush, OverLimit, TooLarge

NAMES = st.lists(
    st.text("abcÄ _;,", min_size=1, max_size=5).map(str.strip).filter(bool), unique=True, min_size=2
)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6).map(
    lambda text: f"x{text}"
)


def rows(body, *, charset="", delimiter="", limit_bytes=1 << 20):
    return list(read_rows(body, charset=charset, delimiter=delimiter, limit_bytes=limit_bytes))


def records(body, **options):
    return [orjson.loads(row.record) for row in rows(body, **options)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("2e3", 2000.0),
        ("true", True),
        ("FALSE", False),
        ("007", "007"),
        ("+1", "+1"),
        ("1.", "1."),
        ("1e999", "1e999"),
        ("1,5", "1,5"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("null", "null"),
        ("NaN", "NaN"),
        (" 1", " 1"),
        ("2024-01-31", "2024-01-31"),
        ('say ""hi""', 'say "hi"'),
    ],
)
def test_cells_become_values_by_their_look(cell, value):
    """Numbers as JSON spells them, truth in any case, nothing is null; all else stays text, codes too."""
    assert records(f'a;b\n"{cell}";x\n'.encode()) == [{"a": value, "b": "x"}]


@given(NAMES, st.data(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_every_table_can_be_read_back(names, data, delimiter, end):
    """Quotes, delimiters and line ends inside cells are part of them."""
    table = data.draw(
        st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=4)
    )
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([names, *table])

    found = records(out.getvalue().encode(), delimiter=delimiter)

    assert found == [dict(zip(names, cells, strict=True)) for cells in table]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a,b,c", ","), ("a;b", ";"), ("a\tb,c\td", "\t"), ("a|b", "|"), ("alone", ","), ('"x;y;z",b', ",")],
)
def test_delimiter_is_guessed_from_the_header(header, delimiter):
    """The one that is there most often, outside of quotes."""
    assert guess(f"\n{header}\n1;2;3;4\n") == delimiter


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("ort\nZürich".encode(), ""),
        (b"\xef\xbb\xbf" + "ort\nZürich".encode(), "utf-8"),
        ("ort\nZürich".encode("latin-1"), "ISO-8859-1"),
        ("ort\nZürich".encode("cp1252"), "windows-1252"),
        ("ort\nZürich".encode("utf-16"), "utf-16"),
    ],
)
def test_other_charsets_are_read_when_they_are_named(body, charset):
    """UTF-8 unless the content type says otherwise; a byte order mark is no part of the first name."""
    assert records(body, charset=charset) == [{"ort": "Zürich"}]


@pytest.mark.parametrize(
    ("body", "charset", "reason"),
    [
        (b"", "", "no header"),
        (b"\n\n", "", "no header"),
        (b"a,,c\n1,2,3", "", "column 2"),
        (b"a,b,a\n1,2,3", "", "'a' twice"),
        (b'a,b\n1,"2\n', "", "line 2"),
        (b'a,b\n1,2\n3,"4"5\n', "", "line 3"),
        (b"a,b\n1,2\n3,\xff\n", "", "line 3: not UTF-8"),
        (b"a", "ebcdic", "charset"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(body, charset, reason):
    """The sender learns where to look."""
    with pytest.raises(InvalidPush, match=reason) as caught:
        rows(body, charset=charset)

    assert caught.value.code == "invalid_csv"


def test_a_line_of_another_length_is_a_problem_of_its_own():
    """Cells that cannot be named are not guessed at; the other lines are good."""
    found = rows(b"a,b\n1,2\n3\n\n4,5,6\n7,8\n")

    assert [row.problem for row in found] == [
        "",
        "line 3 has 1 cells, the header has 2",
        "line 5 has 3 cells, the header has 2",
        "",
    ]


def test_json_of_a_table_is_bounded():
    """Long names are repeated on every line: a small table must not become a large body."""
    body = b",".join(b"%d" % n + b"x" * 5000 for n in range(400)) + b"\n" + (b"," * 399 + b"\n") * 1000

    with pytest.raises(TooLarge):
        rows(body, limit_bytes=5 << 20)


def test_fields_are_bounded():
    """As many as a record may have."""
    with pytest.raises(OverLimit):
        rows(b",".join(b"f%d" % n for n in range(501)) + b"\n")


@given(st.binary(max_size=200), st.sampled_from(["", "utf-16", "latin1"]))
def test_random_bytes_never_surprise(body, charset):
    """Either they are a table or the sender is told."""
    with suppress(InvalidPush):
        for row in rows(body, charset=charset):
            assert row.problem or orjson.loads(row.record)
