"""What came, and for which table?"""

import pytest

from headwater.domain.tables import QUARANTINE
from sinks.parcels import Unaddressed, columns_of, count_rows, quarantine_parcel, replaced, rows_parcel


@pytest.mark.parametrize(
    ("value", "rows"), [(b"", 0), (b"{}", 1), (b"{}\n", 1), (b"{}\n{}", 2), (b"{}\n{}\n", 2)]
)
def test_rows_are_counted_by_their_line_ends(value, rows):
    """The last line may lack its end."""
    assert count_rows(value) == rows


def test_run_of_rows_is_addressed_by_its_headers(log, make_row):
    """Dataset and generation name the table, the schema its columns; the rows stay as they are."""
    run = log.run(make_row("a") + b"\n" + make_row("b"), make_row("c"), dataset="da_x", generation=7)

    parcel = rows_parcel(run)

    assert parcel.table.name == "d_x_g7"
    assert (parcel.dataset, parcel.generation, parcel.rows) == ("da_x", 7, 3)
    assert parcel.columns == {"n:int": "Nullable(Int64)"}
    assert parcel.values[0] is run.messages[0].value
    assert parcel.size_bytes == sum(len(message.value) for message in run.messages)


@pytest.mark.parametrize(
    "headers",
    [
        {"dataset": None},
        {"dataset": ""},
        {"generation": ""},
        {"generation": "-1"},
        {"generation": "٣"},
        {"schema": b"{"},
        {"schema": b"[]"},
        {"schema": b'{"a:int":"Nullable(Int64)) ENGINE = Memory"}'},
        {"schema": b'{"a:int":5}'},
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
    """All datasets share that table."""
    parcel = quarantine_parcel(log.run(b'{"dataset":"da_x"}', topic="headwater.quarantine"))

    assert (parcel.table, parcel.dataset, parcel.rows) == (QUARANTINE, "", 1)


def test_replaced_parcel_finishes_the_same_run(log, make_row):
    """Other rows go in the run's place, but the run is what is finished."""
    run = log.run(make_row("a"))

    parcel = replaced(run, [b"{}", b"{}"])

    assert (parcel.table, parcel.rows, parcel.size_bytes, parcel.run) == (QUARANTINE, 2, 4, run)
