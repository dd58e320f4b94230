"""The tables that all datasets share, on the twin and on ClickHouse: archive, quarantine, versions."""

import orjson
import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.domain.tables import ARCHIVE, DATASET_VERSIONS, QUARANTINE
from headwater.domain.versions import Numbering
from headwater.runtime.memory.store import MemoryStore
from headwater.runtime.rowbinary import encode
from headwater.runtime.store import ArchivedMessage, RefusalQuery, Relation, RowsRefused, UnknownTable

ARCHIVE_KINDS = tuple(kind.partition(" ")[0] for kind in ARCHIVE.columns.values())
ANY_BYTES = bytes(range(256)) * 3


def message(
    version, *, resource="realtime", op="upsert", count=1, partition=0, offset=0, body=b"{}", numbering=0
):
    return ArchivedMessage(
        resource=resource,
        op=op,
        version=version,
        count=count,
        received_at_us=1_700_000_000_000_001,
        partition=partition,
        offset=offset,
        body=body,
        numbering=Numbering(numbering),
    )


async def archive(store, *messages, dataset="da_a"):
    rows = [
        (
            dataset.encode(),
            one.resource.encode(),
            one.op.encode(),
            one.version,
            one.count,
            one.received_at_us,
            one.partition,
            one.offset,
            one.numbering,
            one.body,
        )
        for one in messages
    ]
    await store.ensure_table(ARCHIVE, {})
    await store.insert_binary(ARCHIVE.name, tuple(ARCHIVE.columns), encode(ARCHIVE_KINDS, rows))


async def page(store, *, dataset="da_a", after=None, limit=100, max_bytes=10**6):
    return await store.archived(dataset, after=after, limit=limit, max_bytes=max_bytes)


async def test_archive_gives_back_what_was_put_in(store):
    """Every value and every byte, whether it is text or not; each dataset has its own."""
    one = message(2**63 + 1, op="delete", count=7, partition=3, offset=2**40, body=ANY_BYTES)
    await archive(store, one, message(5, body=b""))
    await archive(store, message(1), dataset="da_b")

    assert await page(store) == [message(5, body=b""), one]
    assert await page(store, dataset="da_c") == []


async def test_archive_is_in_the_order_of_versions_and_comes_in_pages(store):
    """By version, then by place on the log; a page goes on after the last message of the one before."""
    messages = [
        message(1, partition=1, offset=5),
        message(1, partition=2, offset=3),
        message(1, partition=2, offset=4),
        message(2),
        message(3),
    ]
    await archive(store, *messages[::-1])

    found, after = [], None
    while taken := await page(store, after=after, limit=2):
        assert len(taken) <= 2
        found += taken
        after = taken[-1].place

    assert found == messages


async def test_message_that_was_archived_twice_comes_once(store):
    """A sink that dies after its insert repeats it; pages stay as long as asked."""
    messages = [message(number) for number in range(1, 6)]
    for _ in range(3):
        await archive(store, *messages)

    assert await page(store, limit=3) == messages[:3]
    assert await page(store, after=messages[2].place) == messages[3:]
    assert await store.count_archived("da_a") == 5


async def test_page_of_the_archive_is_bounded_in_bytes(store):
    """Memory, here and in the store, is that of a page; a body over the bound comes alone."""
    messages = [message(number, body=b"x" * size) for number, size in enumerate((40, 40, 40, 500, 1), 1)]
    await archive(store, *messages)

    sizes, after = [], None
    while taken := await page(store, after=after, max_bytes=100):
        sizes.append([len(one.body) for one in taken])
        after = taken[-1].place

    assert sizes == [[40, 40], [40], [500], [1]]


async def test_archive_counts_records_and_not_messages(store):
    """A message carries many."""
    await archive(store, message(1, count=100), message(101, count=3))

    assert await store.count_archived("da_a") == 103
    assert await store.count_archived("da_b") == 0


async def test_archive_of_a_resource_is_deleted_up_to_a_version(store):
    """Others keep theirs, and what came later stays; at once, and repeatedly."""
    hostile = "o'ther`"
    await archive(store, message(1), message(2), message(3), message(1, resource=hostile, offset=1))
    await archive(store, message(1), dataset="da_b")

    for _ in range(2):
        await store.delete_archived("da_a", "realtime", 3)

    assert [(one.version, one.resource) for one in await page(store)] == [(1, hostile), (3, "realtime")]
    assert len(await page(store, dataset="da_b")) == 1
    await store.delete_archived("da_a", hostile, 2)
    assert [one.version for one in await page(store)] == [3]


async def test_binary_rows_that_cannot_be_read_are_refused_whole(store):
    """A cut row, or a column that the table has not."""
    await store.ensure_table(ARCHIVE, {})
    good = encode(("String", "UInt64"), [(b"da_a", 1)])

    for columns, rows in (
        (("dataset", "_version"), good + good[:-1]),
        (("dataset", "height"), good),
    ):
        with pytest.raises(RowsRefused):
            await store.insert_binary(ARCHIVE.name, columns, rows)
    assert await store.count_archived("da_a") == 0
    assert await page(store) == []


async def test_binary_rows_for_no_table_find_none(store):
    """Writers take it as something to make; no rows are no insert."""
    with pytest.raises(UnknownTable):
        await store.insert_binary("nowhere", ("a",), encode(("UInt8",), [(1,)]))

    await store.ensure_table(ARCHIVE, {})
    await store.insert_binary(ARCHIVE.name, tuple(ARCHIVE.columns), b"")
    assert await store.count(Relation(table=ARCHIVE.name)) == 0


def refused(version, position=0, *, step=0, deleted=0, code="bad", field="f", resource="realtime", at="07"):
    errors = [
        {"processor": "type", "field": "z", "code": code, "message": "m"},
        {"field": field, "code": "x"},
    ]
    return {
        "dataset": "da_a",
        "_version": version,
        "position": position,
        "resource": resource,
        "op": "upsert",
        "_received_at": f"2024-05-06 {at}:08:09.000010",
        "record": '{"a": "ü"}',
        "errors": orjson.dumps(errors).decode(),
        "code": code,
        "step": step,
        "_deleted": deleted,
    }


async def quarantine(store, *rows):
    await store.ensure_table(QUARANTINE, {})
    await store.insert(QUARANTINE.name, b"\n".join(map(orjson.dumps, rows)))


async def keys(store, **options):
    query = RefusalQuery(dataset="da_a", **options)
    found = await store.refusals(query)
    if "limit" not in options and "offset" not in options:
        assert await store.refusals_total(query) == len(found)
    return [(one.version, one.position) for one in found]


async def test_refused_record_comes_back_with_its_reasons(store):
    """As it was sent, with every error and the moment of its arrival."""
    await quarantine(store, refused(5, 2, step=4))

    (found,) = await store.refusals(RefusalQuery(dataset="da_a"))

    assert (found.dataset, found.version, found.position, found.step) == ("da_a", 5, 2, 4)
    assert (found.resource, found.op, found.code) == ("realtime", "upsert", "bad")
    assert found.record == '{"a": "ü"}'
    assert [one["field"] for one in found.errors] == ["z", "f"]
    assert found.received_at == "2024-05-06 07:08:09.000010"
    assert found.received_at_us == 1714979289000010


async def test_refusals_come_newest_first_in_pages(store):
    """By version downwards; those of one version in the order of their request."""
    await quarantine(store, refused(1), refused(3, 1), refused(3, 0), refused(2))

    assert await keys(store) == [(3, 0), (3, 1), (2, 0), (1, 0)]
    assert await keys(store, limit=2, offset=1) == [(3, 1), (2, 0)]
    assert await store.refusals_total(RefusalQuery(dataset="da_a", limit=1, offset=9)) == 4
    assert await store.refusals(RefusalQuery(dataset="da_b")) == []


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        ({"code": "worse"}, [2]),
        ({"field": "q'`"}, [3]),
        ({"field": "z"}, [4, 3, 2, 1]),
        ({"resource": "other"}, [4]),
        ({"since_us": 1714986489000010}, [4]),
        ({"until_us": 1714986489000010}, [3, 2, 1]),
        ({"keys": ((1, 0), (3, 0), (3, 7))}, [3, 1]),
        ({"keys": ((1, 0), (2, 0)), "code": "worse"}, [2]),
        ({"code": "nothing"}, []),
    ],
)
async def test_refusals_are_filtered_by_all_that_is_given(store, options, versions):
    """The code is that of the first error, the field may be of any."""
    await quarantine(
        store,
        refused(1),
        refused(2, code="worse"),
        refused(3, field="q'`"),
        refused(4, resource="other", at="09"),
    )

    assert [version for version, _ in await keys(store, **options)] == versions


@pytest.mark.parametrize("order", [1, -1])
async def test_step_decides_whether_a_record_is_in_quarantine(store, order):
    """Gone into a replay, back from it refused again: in any order of arrival."""
    rows = [refused(1), refused(1, step=1, deleted=1), refused(1, step=2, code="again"), refused(2)]
    rows.append(refused(2, step=1, deleted=1))
    for one in rows[::order]:
        await quarantine(store, one)

    assert await keys(store) == [(1, 0)]
    assert await store.count_refusals("da_a") == {"again": 1}


async def test_refusals_are_counted_by_code(store):
    """Of one dataset."""
    await quarantine(store, refused(1), refused(2), refused(3, code="worse"), {**refused(4), "dataset": "x"})

    assert await store.count_refusals("da_a") == {"bad": 2, "worse": 1}
    assert await store.count_refusals("da_b") == {}


async def save(store, dataset, revision, document):
    await store.ensure_table(DATASET_VERSIONS, {})
    saved = {
        "dataset": dataset,
        "revision": revision,
        "saved_at": f"2024-05-06 07:08:09.{revision:06}",
        "document": orjson.dumps(document).decode(),
    }
    await store.insert(DATASET_VERSIONS.name, orjson.dumps(saved))


async def test_saved_configurations_are_listed_and_read(store):
    """The newest first; a revision that is saved by several sinks is one."""
    for revision in (3, 1, 2, 2):
        await save(store, "da_a", revision, {"title": f"ü{revision}"})
    await save(store, "da_b", 9, {})

    assert await store.dataset_versions("da_a", 2, 0) == [
        (3, "2024-05-06 07:08:09.000003"),
        (2, "2024-05-06 07:08:09.000002"),
    ]
    assert [revision for revision, _ in await store.dataset_versions("da_a", 2, 2)] == [1]
    assert await store.count_dataset_versions("da_a") == 3
    assert await store.dataset_version("da_a", 2) == {"title": "ü2"}
    assert await store.dataset_version("da_a", 9) is None


async def test_forgotten_dataset_leaves_nothing_and_others_all(store):
    """A dataset that is deleted takes its archive, its refusals and its versions along."""
    for dataset in ("da_a", "da_b"):
        await archive(store, message(1), dataset=dataset)
        await quarantine(store, {**refused(1), "dataset": dataset})
        await save(store, dataset, 1, {})

    for _ in range(2):
        await store.forget("da_a")

    counts = [
        (
            await store.count_archived(dataset),
            await store.count_refusals(dataset),
            await store.count_dataset_versions(dataset),
        )
        for dataset in ("da_a", "da_b")
    ]
    assert counts == [(0, {}, 0), (1, {"bad": 1}, 1)]


async def test_shared_tables_that_do_not_exist_yet_are_empty(store):
    """Nobody was archived, refused or saved."""
    assert await page(store) == []
    assert await store.count_archived("da_a") == 0
    assert await keys(store) == []
    assert await store.count_refusals("da_a") == {}
    assert await store.dataset_versions("da_a", 10, 0) == []
    assert await store.count_dataset_versions("da_a") == 0
    assert await store.dataset_version("da_a", 1) is None
    await store.delete_archived("da_a", "realtime", 1)
    await store.forget("da_a")


async def test_twin_that_is_away_is_unavailable_for_shared_tables_too():
    """It can be told to be; each call then fails as the real one's would."""
    store = MemoryStore()
    store.available = False

    for call in (
        page(store),
        store.count_archived("d"),
        store.delete_archived("d", "r", 1),
        store.refusals(RefusalQuery(dataset="d")),
        store.refusals_total(RefusalQuery(dataset="d")),
        store.count_refusals("d"),
        store.dataset_versions("d", 1, 0),
        store.count_dataset_versions("d"),
        store.dataset_version("d", 1),
        store.forget("d"),
        store.copy_rows("a", "b", ("r",)),
        store.delete_rows_before("a", 1),
        store.insert_binary("a", ("b",), b""),
    ):
        with pytest.raises(StoreUnavailable):
            await call
