"""How does the management API read and answer?  Bodies, pages and JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

from gateway.admin.answers import list_answer
from gateway.admin.members import Members, parse_object
from gateway.admin.pages import Page, parse_page
from gateway.keys import BODIES
from gateway.responses import json_response

MAX_BODY_BYTES = 2 * 1024 * 1024


def done(warning: str = "") -> web.Response:
    """Return the answer of an action, with what its caller should know."""
    return reply({"detail": "ok", "warning": warning} if warning else {"detail": "ok"})


Entry = TypeVar("Entry")


async def read_document(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body, whatever its content type.

    Raises TooLarge, Invalid, and what else Bodies.read raises.
    """
    return parse_object(await _read_body(request))


async def read_options(request: web.Request) -> Members:
    """Return the members of the JSON object in the body of an action; none when there is no body.

    Those that the query string has too count from there, as texts. Raises as `read_document`.
    """
    body = await _read_body(request)
    document = parse_object(body) if body.strip() else {}
    return Members({**document, **{name: text for name, text in request.query.items() if name != "apikey"}})


async def _read_body(request: web.Request) -> bytes:
    bodies = request.app[BODIES]
    body = await bodies.read(request, limit_bytes=MAX_BODY_BYTES)
    bodies.release(len(body))
    return body


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
    page = parse_page(request.query)
    results = [answer(one) for one in entries[page.offset : page.offset + page.limit]]
    return page_reply(request, page, results, len(entries))


def page_reply(
    request: web.Request, page: Page, results: Sequence[dict[str, Any]], total: int
) -> web.Response:
    """Return a page that was cut already out of a list of `total` entries."""
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
