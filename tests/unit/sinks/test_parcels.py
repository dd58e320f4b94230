"""What came, and for which table?"""

import pytest

from headwater.domain.tables import PATCH_COLUMNS, QUARANTINE, ROW_COLUMNS, patch_type
from sinks.parcels import Unaddressed, columns_of, count_rows, quarantine_parcel, replaced, rows_parcel


@pytest.mark.parametrize(
    ("value", "rows"), [(b"", 0), (b"{}", 1), (b"{}\n", 1), (b"{}\n{}", 2), (b"{}\n{}\n", 2)]
)
def test_rows_are_counted_by_their_line_ends(value, rows):
    """The last line may lack its end."""
    assert count_rows(value) == rows


def test_run_of_rows_is_addressed_by_its_headers(log, make_row):
    """Dataset and generation name the table, the schema its columns in order; the rows stay as they are."""
    run = log.run(make_row("a") + b"," + make_row("b"), make_row("c"), dataset="da_x", generation=7)

    parcel = rows_parcel(run)

    assert parcel.table.name == "d_x_g7"
    assert (parcel.dataset, parcel.generation, parcel.rows) == ("da_x", 7, 3)
    assert parcel.columns == {"n:int": "Nullable(Int64)"}
    assert parcel.layout == (*ROW_COLUMNS, "n:int")
    assert parcel.values[0] is run.messages[0].value
    assert parcel.size_bytes == sum(len(message.value) for message in run.messages)


def test_rows_are_as_many_as_their_messages_say(log):
    """Nobody looks into a value to count."""
    assert rows_parcel(log.run(b"[1]", b"", count="18")).rows == 36


def test_layout_keeps_the_order_of_the_schema_header(log):
    """A row's values are told apart by their places alone."""
    parcel = rows_parcel(log.run(schema='{"z:text":"Nullable(String)","a:int":"Nullable(Int64)"}'))

    assert parcel.layout[len(ROW_COLUMNS) :] == ("z:text", "a:int")


def test_rows_of_tombstones_need_no_schema(log):
    """They have nothing but what every row has."""
    assert rows_parcel(log.run(schema=None)).layout == ROW_COLUMNS


@pytest.mark.parametrize(
    "headers",
    [
        {"dataset": None},
        {"dataset": ""},
        {"generation": ""},
        {"generation": "-1"},
        {"generation": "٣"},
        {"generation": "9" * 5000},
        {"schema": "{"},
        {"schema": "[]"},
        {"schema": '{"a:int":"Nullable(Int64)) ENGINE = Memory"}'},
        {"schema": '{"a:int":5}'},
        {"schema": '{"_id":"Nullable(String)"}'},
        {"count": None},
        {"count": ""},
        {"count": "-1"},
        {"count": "1.0"},
        {"count": "٣"},
        {"count": "9" * 5000},
    ],
)
def test_run_without_a_readable_address_is_unaddressed(log, make_row, headers):
    """Such rows must not be guessed into a table; a column type that no field has could be anything."""
    with pytest.raises(Unaddressed):
        rows_parcel(log.run(make_row("a"), **headers))


def test_schema_header_is_read_once():
    """Thousands of runs repeat the same header."""
    assert columns_of('{"a:int":"Nullable(Int64)"}') is columns_of('{"a:int":"Nullable(Int64)"}')
    assert columns_of("") == {}


def test_run_of_refused_records_goes_to_the_quarantine_table(log):
    """All datasets share that table; the headers say whose records these are."""
    run = log.run(b'{"dataset":"da_x"}', topic="headwater.quarantine", dataset="da_x", generation="")

    parcel = quarantine_parcel(run)

    assert (parcel.table, parcel.dataset, parcel.generation, parcel.rows) == (QUARANTINE, "da_x", 0, 1)
    assert parcel.layout == ()
    assert parcel.is_refused


def patched(kind):
    return f'{{"n:int":"SimpleAggregateFunction(max, Tuple(UInt64, {kind}))"}}'


PATCH_SCHEMA = patched("Nullable(Int64)")


def test_run_of_patches_is_for_the_patches_table(log):
    """How they begin and the types of their columns are other than those of rows."""
    parcel = rows_parcel(log.run(b"", generation=7, schema=PATCH_SCHEMA, routed={"target": "patches"}))

    assert parcel.table.name == "d_a_g7_p"
    assert parcel.layout == (*PATCH_COLUMNS, "n:int")
    assert parcel.columns == {"n:int": patch_type("Nullable(Int64)")}
    assert parcel.history is None


def test_history_goes_first(log):
    """Who can read a record as of now must find it in its history too."""
    rows = rows_parcel(log.run(b"", routed={"history": "1"}))
    patches = rows_parcel(log.run(b"", schema=PATCH_SCHEMA, routed={"history": "1", "target": "patches"}))

    assert [table.name for table in rows.tables] == ["d_a_g1_h", "d_a_g1"]
    assert [table.name for table in patches.tables] == ["d_a_g1_ph", "d_a_g1_p"]


@pytest.mark.parametrize(
    ("schema", "target"),
    [
        (None, "elsewhere"),
        (PATCH_SCHEMA, "rows"),
        ('{"n:int":"Nullable(Int64)"}', "patches"),
        (patched("Nullable(Int64)), x Array(UInt8"), "patches"),
        ('{"_patched":"SimpleAggregateFunction(max, Tuple(UInt64, Nullable(Int64)))"}', "patches"),
    ],
)
def test_types_must_be_those_of_the_target(log, schema, target):
    """A column of one kind of table in the other would refuse all rows for ever."""
    with pytest.raises(Unaddressed):
        rows_parcel(log.run(b"", schema=schema, routed={"target": target}))


def test_refused_records_are_counted_by_their_lines(log):
    """They are objects, a line each, whatever a header says."""
    parcel = quarantine_parcel(log.run(b"{}\n{}", b"{}", topic="headwater.quarantine", count=None))

    assert parcel.rows == 3


def test_replaced_parcel_finishes_the_same_run(log, make_row):
    """Other rows go in the run's place, but the run is what is finished."""
    run = log.run(make_row("a"))

    parcel = replaced(run, [b"{}", b"{}"])

    assert (parcel.table, parcel.rows, parcel.size_bytes, parcel.run) == (QUARANTINE, 2, 4, run)
