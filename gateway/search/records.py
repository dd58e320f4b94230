"""What is in a dataset?  /catalog/datasets/{dataset_id}/records and one record of it."""

import asyncio
from typing import Any

from aiohttp import web

from gateway.keys import STORE
from gateway.responses import json_response
from gateway.search.datasets import configuration_of, count_records, dataset_of, files_url
from gateway.search.parameters import parse_as_of, parse_page, parse_presentation
from gateway.search.selects import page_select, record_select
from gateway.search.values import record_answer, spells_of
from headwater.domain.errors import NotFound
from headwater.domain.identity import is_record_id
from headwater.runtime.store import Select, UnknownTable


async def list_records(request: web.Request) -> web.Response:
    """Answer one page of records and how many there are; both are read at the same time."""
    dataset = dataset_of(request)
    page = parse_page(request.query)
    configuration = configuration_of(request, dataset)
    select = page_select(dataset, configuration, page)
    total, rows = await asyncio.gather(count_records(request, dataset, page.as_of), _rows(request, select))
    spells = spells_of(configuration.fields, page.zone, files_url(request, dataset))
    return json_response({"total_count": total, "results": [record_answer(row, spells) for row in rows]})


async def get_record(request: web.Request) -> web.Response:
    """Answer one record."""
    dataset = dataset_of(request)
    zone, as_of = parse_presentation(request.query), parse_as_of(request.query)
    record_id = request.match_info["record_id"]
    configuration = configuration_of(request, dataset)
    rows: list[dict[str, Any]] = []
    if is_record_id(record_id):
        rows = await _rows(request, record_select(dataset, configuration, record_id, as_of))
    if not rows:
        raise NotFound(f"The requested record {record_id} does not exist.", code="NotFoundResource")
    return json_response(
        record_answer(rows[0], spells_of(configuration.fields, zone, files_url(request, dataset)))
    )


async def _rows(request: web.Request, select: Select) -> list[dict[str, Any]]:
    """Return the rows of a read; none where nothing was stored yet. Raises StoreUnavailable."""
    if select.limit == 0:
        return []
    try:
        return await request.app[STORE].select(select)
    except UnknownTable:
        return []
