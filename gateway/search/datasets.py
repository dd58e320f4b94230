"""Which datasets can be read?  /catalog/datasets and /catalog/datasets/{dataset_id}."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.keys import CATALOG, SCHEMAS, SETTINGS, STORE
from gateway.responses import json_response
from gateway.search.answers import dataset_answer
from gateway.search.parameters import MAX_CATALOG_REACH, Order, check_order, parse_page, parse_presentation
from gateway.search.readers import check_reader, may_read, reader_of
from gateway.search.selects import relation_of
from headwater.domain.datasets import Dataset
from headwater.domain.errors import NotFound
from headwater.domain.fields import Configuration, configure
from headwater.runtime.store import UnknownTable

COUNTS_AT_ONCE = 8  # queries that one catalog request has under way

_SORTABLE: Mapping[str, Callable[[Dataset], Any]] = {
    "dataset_id": lambda dataset: dataset.dataset_id,
    "title": lambda dataset: dataset.title,
    "default.title": lambda dataset: dataset.title,
    "modified": lambda dataset: dataset.since_version,
    "default.modified": lambda dataset: dataset.since_version,
}


async def list_datasets(request: web.Request) -> web.Response:
    """Answer one page of the datasets that can be read."""
    page = parse_page(request.query, max_reach=MAX_CATALOG_REACH)
    reader = reader_of(request)
    open_to_reader = [one for one in request.app[CATALOG].all() if may_read(reader, one)]
    readable = in_order(open_to_reader, page.order)
    chosen = readable[page.offset : page.offset + page.limit]
    limiter = asyncio.Semaphore(COUNTS_AT_ONCE)
    results = await asyncio.gather(*(_described(request, dataset, limiter) for dataset in chosen))
    return json_response({"total_count": len(readable), "results": results})


async def get_dataset(request: web.Request) -> web.Response:
    """Answer one dataset."""
    parse_presentation(request.query)
    return json_response(await _described(request, dataset_of(request), asyncio.Semaphore()))


def in_order(datasets: Sequence[Dataset], order: Order) -> list[Dataset]:
    """Return the readable ones of datasets that come by dataset_id. Raises InvalidQuery."""
    check_order(order, _SORTABLE)
    readable = [one for one in datasets if is_readable(one)]
    for name, descending in reversed(order):
        readable.sort(key=_SORTABLE[name], reverse=descending)
    return readable


def is_readable(dataset: Dataset) -> bool:
    """Tell whether readers may know of a dataset."""
    return dataset.published and not dataset.private


def dataset_of(request: web.Request) -> Dataset:
    """Return the dataset that the path names.

    Raises NotFound, also for one that may not be known of; Unauthorized when the reader's key is wrong, or
    missing where the dataset is restricted; Forbidden when the key is for others.
    """
    dataset_id = request.match_info["dataset_id"]
    dataset = request.app[CATALOG].find(dataset_id)
    if dataset is None or not is_readable(dataset):
        raise NotFound(f"The requested dataset {dataset_id} does not exist.", code="NotFoundResource")
    check_reader(reader_of(request), dataset)
    return dataset


def configuration_of(request: web.Request, dataset: Dataset) -> Configuration:
    """Return the fields as readers see them now."""
    return configure(dataset, request.app[SCHEMAS].get(dataset.uid))


def files_url(request: web.Request, dataset: Dataset) -> str:
    """Return where the bytes of a dataset's files are served."""
    origin = request.app[SETTINGS].public_url.rstrip("/") or str(request.url.origin())
    return f"{origin}/api/explore/v2.1/catalog/datasets/{dataset.dataset_id}/files"


async def count_records(request: web.Request, dataset: Dataset, as_of: int | None = None) -> int:
    """Return how many records a dataset has now, or had as of a version.

    Raises StoreUnavailable, InvalidQuery.
    """
    try:
        return await request.app[STORE].count(relation_of(dataset, as_of))
    except UnknownTable:  # nothing was stored yet
        return 0


async def _described(request: web.Request, dataset: Dataset, limiter: asyncio.Semaphore) -> dict[str, Any]:
    async with limiter:
        records_count = await count_records(request, dataset)
    return dataset_answer(dataset, configuration_of(request, dataset), records_count)
