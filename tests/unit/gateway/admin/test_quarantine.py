"""How refused records are named, shown and sent again."""

import orjson
import pytest

from gateway.admin.quarantine import as_record, entry_answer, entry_id, parse_id
from gateway.admin.replay import end_line, replay_headers
from headwater.domain.datasets import Dataset
from headwater.domain.errors import NotFound
from headwater.domain.tables import QUARANTINE
from headwater.runtime.store import QuarantinedRecord

DATASET = Dataset(uid="da_1", dataset_id="flights", title="F", revision=4)


def entry(record='{"a":1}', step=0):
    return QuarantinedRecord(
        dataset="da_1",
        version=2**63 + 5,
        position=3,
        resource="realtime",
        op="upsert",
        received_at="2024-05-26 10:00:00.000001",
        record=record,
        errors=[{"processor": "type", "field": "a", "code": "invalid_value", "message": "no"}],
        code="invalid_value",
        step=step,
    )


def test_id_names_version_and_position():
    """Versions have 64 bits."""
    assert entry_id(entry()) == "9223372036854775813-3"
    assert parse_id(entry_id(entry())) == (2**63 + 5, 3)


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "a-1", "1-x", f"{2**64}-0", f"0-{2**32}", "1-2-3", "²-1"]
)
def test_nothing_else_is_an_id(text):
    """No entry can be called that."""
    with pytest.raises(NotFound):
        parse_id(text)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "1", '{"a": "cut'])
def test_what_is_no_object_is_shown_as_text(text):
    """It can be replayed only when it is mended."""
    assert as_record(entry(text)) is None
    assert entry_answer(entry(text))["record"] == text
    assert entry_answer(entry())["record"] == {"a": 1}


@pytest.mark.parametrize(("step", "attempt"), [(0, b"1"), (2, b"2"), (4, b"3")])
def test_replay_is_the_record_that_was_refused(step, attempt):
    """Its version and its moment, so that later pushes still win; and how often it was tried."""
    headers = dict(replay_headers(DATASET, entry(step=step)))
    assert headers["version"] == b"9223372036854775813"
    assert headers["received-at"] == b"1716717600000001"
    assert (headers["attempt"], headers["position"], headers["count"]) == (attempt, b"3", b"1")
    assert (headers["dataset"], headers["resource"], headers["op"]) == (b"flights", b"realtime", b"upsert")
    assert (headers["origin"], headers["revision"]) == (b"push", b"4")


def test_end_of_an_entry_hides_it_until_a_later_refusal():
    """The step after the one that it has; the whole row, as the table replaces rows."""
    line = orjson.loads(end_line(entry(step=2)))
    assert set(line) == set(QUARANTINE.columns)
    assert (line["step"], line["_deleted"]) == (3, 1)
    assert line["_received_at"] == "2024-05-26 10:00:00.000001"
