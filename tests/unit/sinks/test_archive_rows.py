"""Which messages of topic raw are archived, and how do they look in the table?"""

from dataclasses import replace

import pytest

from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.domain.tables import ARCHIVE
from headwater.domain.versions import Numbering, stamp_at, version_of_message
from headwater.runtime import rowbinary
from sinks.archive_rows import (
    ARCHIVE_COLUMNS,
    archive_rows,
    count_records,
    is_archived,
    needs_news,
)

T_MS = 1_714_979_289_000
VERSION = stamp_at(T_MS * 1000)
KEY = PushKey(uid="pk_a", hash=hash_pushkey("k" * 56))
RESOURCE = Resource(uid="re_a", resource_id="door", title="Door", keys=(KEY,))
DATASET = Dataset(uid="da_a", dataset_id="a", title="A", published=True, resources=(RESOURCE,), revision=3)


def decoded(rows):
    """Return archive rows as the store reads them."""
    kinds = [ARCHIVE.columns[name].partition(" CODEC")[0] for name in ARCHIVE_COLUMNS]
    return list(rowbinary.decode(kinds, rows.value))


def changed(**facts):
    """Return the dataset with another resource."""
    return DATASET.with_resource(replace(RESOURCE, **facts))


def test_columns_are_those_of_the_table():
    """Every one is written, in one order."""
    assert set(ARCHIVE_COLUMNS) == set(ARCHIVE.columns)


def test_message_of_the_gateway_is_kept_as_it_lay_on_the_log(raw_run):
    """With its place, and what its headers say; any bytes may be in it."""
    body = b'{"a":1}\xff' + b"x" * 1000
    run = raw_run(body, b"{}", version=VERSION, count=7, first=40, partition=3)

    rows = archive_rows(run, DATASET)

    assert decoded(rows) == [
        (b"da_a", b"door", b"upsert", VERSION, 7, T_MS * 1000 + 5, 3, 40, 0, body),
        (b"da_a", b"door", b"upsert", VERSION, 7, T_MS * 1000 + 5, 3, 41, 0, b"{}"),
    ]
    assert rows.messages == 2


def test_native_message_gets_its_version_from_its_place(raw_run):
    """The same that the processors derive, so that a replay changes nothing."""
    run = raw_run(b'{"a":1}', b'[{"a":1},{"a":2}]', native=True, first=8)

    first, second = decoded(archive_rows(run, DATASET))

    assert first[3:6] == (version_of_message(T_MS, 8), 1, T_MS * 1000)
    assert second[3:6] == (version_of_message(T_MS, 9), 2, T_MS * 1000)


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 5000, str(stamp_at((T_MS + 120_000) * 1000))])
def test_version_that_the_processors_refuse_is_not_kept(raw_run, version):
    """The record waits in quarantine, and is no part of the dataset."""
    assert archive_rows(raw_run(b"{}", version=version), DATASET).messages == 0


def test_what_came_before_the_owner_deleted_the_archive_is_not_kept(raw_run):
    """A message that is read late does not bring back what was deleted."""
    run = raw_run(b"{}", version=VERSION)

    assert archive_rows(run, changed(archived_since=VERSION + 1)).messages == 0
    assert archive_rows(run, changed(archived_since=VERSION)).messages == 1


def test_key_that_expires_within_a_run_ends_what_is_kept(raw_run):
    """Each message is judged by its own moment."""
    key = replace(KEY, expires_at_us=(T_MS + 1) * 1000)
    run = raw_run(b"{}", b"[]", native=True, step_ms=1)

    (kept,) = decoded(archive_rows(run, changed(keys=(key,))))

    assert kept[-1] == b"{}"


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({}, True),
        ({"op": "delete"}, True),
        ({"op": "merge"}, True),
        ({"op": "explode"}, False),
        ({"origin": "schedule"}, True),
        ({"origin": "replay"}, False),
        ({"resource": "window"}, False),
        ({"native": True}, True),
        ({"native": True, "pushkey": "wrong"}, False),
        ({"native": True, "pushkey": None}, False),
        ({"native": True, "op": "explode"}, False),
    ],
)
def test_run_is_kept_when_it_is_new_and_admitted(raw_run, facts, kept):
    """Replays are there already; what is refused is no part of the dataset."""
    assert is_archived(raw_run(b"{}", **facts), DATASET) is kept


@pytest.mark.parametrize(
    ("dataset", "pushed", "native"),
    [
        (DATASET, True, True),
        (changed(params={"recovery": False}), False, False),
        (changed(params={"recovery": True}), True, True),
        (changed(enabled=False), True, False),
        (replace(DATASET, published=False), True, False),
        (changed(keys=(replace(KEY, scopes=(Scope.DELETE,)),)), True, False),
        (changed(keys=()), True, False),
    ],
)
def test_gateways_word_counts_and_producers_are_checked(raw_run, dataset, pushed, native):
    """What was acknowledged was allowed then; a native message is judged as the processors judge it."""
    assert is_archived(raw_run(b"{}"), dataset) is pushed
    assert is_archived(raw_run(b"{}", native=True), dataset) is native


def test_later_revision_than_ours_needs_news(raw_run):
    """Any message of the run may tell of one; of native ones and replays nobody knows a revision."""
    assert not needs_news(raw_run(b"{}", revision=3), DATASET)
    assert needs_news(raw_run(b"{}", revision=4), DATASET)
    assert needs_news(raw_run(b"{}", revision=1), None)
    assert not needs_news(raw_run(b"{}", revision=4, origin="replay"), DATASET)
    assert not needs_news(raw_run(b"{}", native=True, revision=4), None)


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b'{"a":1}', 1),
        (b'{\n"a":1}', 1),
        (b'{"a":1}\n{"a":2}\n\n', 2),
        (b'[{"a":1},{"a":2}]', 2),
        (b"[]", 0),
        (b"garbage", 1),
        (b"\xff", 1),
        (b"", 0),
    ],
)
def test_records_that_nobody_counted_are_counted(body, records):
    """An object, an array or NDJSON, as a native producer may send them."""
    assert count_records(body) == records


def test_small_native_messages_are_joined(raw_run):
    """Of one moment and in a row: a line each, with the versions that their places gave them."""
    run = raw_run(b'{"a":1}', b'{"a":2}', b'{"a":3}', native=True, first=8)

    rows = archive_rows(run, DATASET)

    assert rows.messages == 1
    [(*_, version, count, _, partition, offset, numbering, body)] = decoded(rows)
    assert (version, count, offset, numbering) == (version_of_message(T_MS, 8), 3, 8, Numbering.JOINED)
    assert partition == run.partition
    assert body.split(b"\n") == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


@pytest.mark.parametrize(
    "bodies", [(b'{"a":1}', b'[{"a":2}]'), (b'{"a":\n1}', b'{"a":2}'), (b" {}", b'{"a":2}'), (b"", b"{}")]
)
def test_what_is_not_one_line_is_not_joined(raw_run, bodies):
    """Arrays, and objects over several lines, would be read otherwise in a row of lines."""
    rows = archive_rows(raw_run(*bodies, native=True), DATASET)

    assert [row[-1] for row in decoded(rows)] == list(bodies)
    assert {row[-2] for row in decoded(rows)} == {Numbering.SHARED}


def test_messages_of_several_moments_are_not_joined(raw_run):
    """Their versions are not in a row."""
    assert archive_rows(raw_run(b"{}", b"{}", native=True, step_ms=1), DATASET).messages == 2
