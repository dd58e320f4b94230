"""How does the management API read and answer?  Bodies, pages and JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

from gateway.admin.answers import list_answer
from gateway.admin.members import parse_object
from gateway.admin.pages import Page, parse_page
from gateway.responses import json_response
from headwater.domain.errors import TooLarge

MAX_BODY_BYTES = 2 * 1024 * 1024
DONE = {"detail": "ok"}

Entry = TypeVar("Entry")


async def read_document(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body, whatever its content type. Raises TooLarge, Invalid."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(MAX_BODY_BYTES)
    return parse_object(bytes(body))


def reply(answer: Mapping[str, Any]) -> web.Response:
    """Return a JSON answer."""
    return json_response(answer)


def created(answer: Mapping[str, Any]) -> web.Response:
    """Return the answer for something that was just made."""
    return json_response(answer, 201)


def list_reply(
    request: web.Request, entries: Sequence[Entry], answer: Callable[[Entry], dict[str, Any]]
) -> web.Response:
    """Return the page of a list that the query string asks for. Raises InvalidDocument."""
    page, total = parse_page(request.query), len(entries)
    results = [answer(one) for one in entries[page.offset : page.offset + page.limit]]
    next_url = _url(request, page.next(total))
    return reply(
        list_answer(results, total=total, next_url=next_url, previous_url=_url(request, page.previous()))
    )


def _url(request: web.Request, page: Page | None) -> str | None:
    """Return the URL of another page; a key in the query string is not repeated."""
    if page is None:
        return None
    url = request.url.without_query_params("apikey")
    return str(url.update_query(limit=page.limit, offset=page.offset))
