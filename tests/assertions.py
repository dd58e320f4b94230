"""What must be true of the whole?  Assertions in the words of the domain, with a bound on every wait."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Content = Mapping[str, Any]  # a record by field

SHOWN = 5  # examples of each kind of difference


class Table(Protocol):
    """The oracle's side: what a dataset must hold."""

    def expected(self) -> Mapping[str, Content]:
        """Return record id -> content."""
        ...


class Reader(Protocol):
    """The stack's side: what a dataset does hold."""

    async def count(self, dataset: Any) -> int:
        """Return how many records the store has."""
        ...

    async def rows(self, dataset: Any) -> Sequence[tuple[str, Content]]:
        """Return (record id, content) of every record that the store has."""
        ...

    async def total_count(self, dataset: Any) -> int:
        """Return how many records a person who searches is told of."""
        ...


async def eventually(
    check: Callable[[], Awaitable[T] | T], *, within_s: float = 10.0, every_s: float = 0.05
) -> T:
    """Return what the check returns once it stops raising AssertionError; raise its last one in the end."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            found = check()
            return await found if isinstance(found, Awaitable) else found
        except AssertionError:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(every_s)


async def assert_table_equals(
    reader: Reader, dataset: Any, model: Table, *, within_s: float = 30.0, note: str = ""
) -> None:
    """Wait until the dataset holds exactly the model's records: no more, no fewer, each as it should be."""
    expected = model.expected()

    async def same() -> None:
        if await reader.count(dataset) == len(expected):
            assert not difference(expected, await reader.rows(dataset))
        else:
            raise AssertionError(f"the table has not {len(expected)} records yet")

    try:
        await eventually(same, within_s=within_s, every_s=0.2)
    except AssertionError:
        found = difference(expected, await reader.rows(dataset))
        assert not found, f"{found}\nafter {within_s:g} s; {note}"
    assert await reader.total_count(dataset) == len(expected), "searching tells another number than the table"


class Searcher(Protocol):
    """What a person who searches sees."""

    async def records(self, dataset: Any) -> Sequence[Content]:
        """Return all records as search shows them."""
        ...


class Oracle(Table, Protocol):
    """An oracle that also knows which record a content belongs to."""

    def id_of(self, record: Content) -> str:
        """Return the record's id."""
        ...


async def assert_search_shows(
    searcher: Searcher, dataset: Any, model: Oracle, *, within_s: float = 15.0, note: str = ""
) -> None:
    """Wait until searching finds exactly the model's records; of records without moments, as they are spelt
    differently.
    """

    async def same() -> None:
        shown = [without_nulls(one) for one in await searcher.records(dataset)]
        found = difference(model.expected(), [(model.id_of(one), one) for one in shown])
        assert not found, f"{found}\n{note}"

    await eventually(same, within_s=within_s, every_s=0.1)


def without_nulls(record: Content) -> Content:
    """Return what a record has, of a record as search shows it: with every field of its dataset."""
    return {name: value for name, value in record.items() if value is not None}


def difference(expected: Mapping[str, Content], rows: Iterable[tuple[str, Content]]) -> str:
    """Return how the rows differ from what is expected; nothing when they do not."""
    rows = list(rows)
    found = dict(rows)
    missing = [record_id for record_id in expected if record_id not in found]
    unknown = [record_id for record_id in found if record_id not in expected]
    changed = [key for key, content in found.items() if key in expected and content != expected[key]]
    twice = [record_id for record_id, times in Counter(key for key, _ in rows).items() if times > 1]
    lines = [
        *_examples("missing", missing, lambda key: f"{key} {expected[key]}"),
        *_examples("unknown", unknown, lambda key: f"{key} {found[key]}"),
        *_examples("different", changed, lambda key: f"{key} has {found[key]}, should be {expected[key]}"),
        *_examples("more than once", twice, str),
    ]
    return f"{len(expected)} expected, {len(rows)} found\n" + "\n".join(lines) if lines else ""


def _examples(kind: str, keys: list[str], show: Callable[[str], str]) -> list[str]:
    if not keys:
        return []
    return [f"{len(keys)} {kind}:", *(f"    {show(key)}" for key in keys[:SHOWN])]


def assert_refused(answer: Any, status: int, code: str) -> None:
    """The answer is a failure with this status and code, in the one envelope."""
    body = answer.body
    assert (answer.status, body.get("error_code")) == (status, code), answer
    assert body["status"] == "error"
    assert body["error"] == body["message"], "clients read one or the other"
    assert body["message"]
