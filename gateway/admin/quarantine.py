"""Which records were refused, and what becomes of them?  /datasets/{uid}/quarantine/.

An entry is named by the version of the record and its position among those that share it. It is replayed as
the record that it was: with its version and moment, so that what was pushed after it still wins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from aiohttp import web

from gateway.admin.answers import iso_moment
from gateway.admin.datasets import dataset_of
from gateway.admin.members import Members
from gateway.admin.pages import Page, parse_page
from gateway.admin.replay import dismiss, replay
from gateway.admin.replies import page_reply, read_options, reply
from gateway.admin.states import check_published
from gateway.keys import STORE
from headwater.domain.datasets import Dataset
from headwater.domain.errors import Conflict, InvalidDocument, NotFound
from headwater.runtime.store import QuarantinedRecord, RefusalQuery

MAX_PAGE = 100  # a record may have a megabyte
MAX_AT_ONCE = 10_000  # entries of one bulk request
FILTERS = ("code", "field", "resource", "since", "until")

Key = tuple[int, int]
Move = Callable[[web.Application, Dataset, Sequence[QuarantinedRecord]], Awaitable[int]]


async def list_entries(request: web.Request) -> web.Response:
    """Answer one page of the refused records that match the filters, the newest first."""
    dataset, page = dataset_of(request), parse_page(request.query)
    page = Page(min(page.limit, MAX_PAGE), page.offset)
    wanted = query_of(dataset, Members(request.query), limit=page.limit, offset=page.offset)
    store = request.app[STORE]
    total, entries = await asyncio.gather(store.refusals_total(wanted), store.refusals(wanted))
    return page_reply(request, page, [entry_answer(one) for one in entries], total)


async def get_entry(request: web.Request) -> web.Response:
    """Answer one refused record."""
    return reply(entry_answer(await _entry(request)))


async def replay_entry(request: web.Request) -> web.Response:
    """Send one refused record through the stack again, mended when the body has a `record`."""
    options = await read_options(request)
    options.check_names({"record"})
    entry, dataset = await _entry(request), dataset_of(request)
    check_published(dataset)
    if not is_of_this_life(dataset, entry):
        raise Conflict("the record came before the dataset was published or emptied last; push it again")
    record = _mended(options) if "record" in options else as_record(entry)
    if record is None:
        raise InvalidDocument("record", "the entry is no JSON object; send the mended record")
    await replay(request.app, dataset, [(entry, record)])
    return reply({"detail": "ok", "replayed": 1})


async def replay_entries(request: web.Request) -> web.Response:
    """Send many refused records through the stack again: those with these ids, or all that match."""
    check_published(dataset_of(request))
    replayed, skipped, more = await _each(request, _replay_whole)
    return reply({"detail": "ok", "replayed": replayed, "skipped": skipped, "more": more})


async def dismiss_entries(request: web.Request) -> web.Response:
    """Take many refused records out of quarantine for good."""
    deleted, _, more = await _each(request, _dismiss_all)
    return reply({"detail": "ok", "deleted": deleted, "more": more})


async def dismiss_entry(request: web.Request) -> web.Response:
    """Take one refused record out of quarantine for good."""
    await dismiss(request.app, dataset_of(request), [await _entry(request)])
    return web.Response(status=204)


async def _each(request: web.Request, move: Move) -> tuple[int, int, bool]:
    """Move what the request names, page by page.

    Return how many were moved, how many were not, and whether more match than one request may move.
    """
    options, dataset = await read_options(request), dataset_of(request)
    options.check_names({"ids", "all", *FILTERS})
    if "ids" in options:
        keys, more = [parse_id(one) for one in options.texts("ids")], False
        if len(keys) > MAX_AT_ONCE:
            raise options.wrong("ids", f"at most {MAX_AT_ONCE} ids")
    elif options.option("all"):
        keys, more = await _matching(request, dataset, options)
    else:
        raise InvalidDocument("ids", "expected ids, or all: true")
    done = 0
    for start in range(0, len(keys), MAX_PAGE):
        wanted = RefusalQuery(dataset=dataset.uid, keys=tuple(keys[start : start + MAX_PAGE]), limit=MAX_PAGE)
        done += await move(request.app, dataset, await request.app[STORE].refusals(wanted))
    return done, len(keys) - done, more


async def _replay_whole(app: web.Application, dataset: Dataset, entries: Sequence[QuarantinedRecord]) -> int:
    """Replay what can be replayed as it is; return how many that are."""
    mine = [one for one in entries if is_of_this_life(dataset, one)]
    whole = [(one, record) for one in mine if (record := as_record(one)) is not None]
    await replay(app, dataset, whole)
    return len(whole)


async def _dismiss_all(app: web.Application, dataset: Dataset, entries: Sequence[QuarantinedRecord]) -> int:
    await dismiss(app, dataset, entries)
    return len(entries)


async def _matching(request: web.Request, dataset: Dataset, filters: Members) -> tuple[list[Key], bool]:
    """Return the names of the entries that match, and whether there are more than one request may move.

    First all names, then the entries by name: entries leave the list while they are moved.
    """
    keys: dict[Key, None] = {}
    for offset in range(0, MAX_AT_ONCE, MAX_PAGE):
        wanted = query_of(dataset, filters, limit=MAX_PAGE, offset=offset)
        entries = await request.app[STORE].refusals(wanted)
        keys |= {(one.version, one.position): None for one in entries}
        if len(entries) < MAX_PAGE:
            return list(keys), False
    return list(keys), True


async def _entry(request: web.Request) -> QuarantinedRecord:
    dataset, name = dataset_of(request), request.match_info["entry_id"]
    wanted = RefusalQuery(dataset=dataset.uid, keys=(parse_id(name),), limit=1)
    entries = await request.app[STORE].refusals(wanted)
    if not entries:
        raise NotFound(f"dataset {dataset.uid} has no refused record {name!r}")
    return entries[0]


def query_of(dataset: Dataset, filters: Members, *, limit: int, offset: int) -> RefusalQuery:
    """Return which entries are asked for. Raises InvalidDocument."""
    return RefusalQuery(
        dataset=dataset.uid,
        code=filters.optional_text("code") or "",
        field=filters.optional_text("field") or "",
        resource=filters.optional_text("resource") or "",
        since_us=filters.moment_us("since"),
        until_us=filters.moment_us("until"),
        limit=limit,
        offset=offset,
    )


def parse_id(text: str) -> Key:
    """Return version and position of an entry's id. Raises NotFound: no entry can be called otherwise."""
    version, _, position = text.partition("-")
    if not (_is_number(version, 2**64) and _is_number(position, 2**32)):
        raise NotFound(f"there is no refused record {text[:60]!r}")
    return int(version), int(position)


def entry_id(entry: QuarantinedRecord) -> str:
    """Return the id of an entry."""
    return f"{entry.version}-{entry.position}"


def entry_answer(entry: QuarantinedRecord) -> dict[str, Any]:
    """Return an entry; `record` is the object that was sent, or its text when it was none."""
    record = as_record(entry)
    return {
        "id": entry_id(entry),
        "resource_id": entry.resource,
        "op": entry.op,
        "received_at": iso_moment(entry.received_at_us),
        "record": entry.record if record is None else record,
        "errors": entry.errors,
        "code": entry.code,
        "replays": entry.step // 2,
    }


def is_of_this_life(dataset: Dataset, entry: QuarantinedRecord) -> bool:
    """Tell whether the record, were it accepted now, would be the dataset's."""
    return entry.version >= dataset.since_version


def as_record(entry: QuarantinedRecord) -> dict[str, Any] | None:
    """Return the object that was refused; None when it was no JSON object, or is cut for its length."""
    try:
        record = orjson.loads(entry.record)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and record else None


def _mended(options: Members) -> dict[str, Any]:
    record = options.inner("record").document
    if not record:
        raise options.wrong("record", "an object with at least one member")
    return dict(record)


def _is_number(text: str, bound: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(bound)) and int(text) < bound
