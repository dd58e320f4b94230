"""Which answer does this error get?  One table to statuses, one envelope, one place that catches.

Handlers raise; they never pick a number. Every answer is JSON, also for paths and verbs that do not exist.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web
from prometheus_client import Counter, Histogram

from gateway.keys import DRESSINGS
from gateway.outcomes import Outcome
from gateway.sorting import Sorted
from headwater.domain.errors import (
    BrokerUnavailable,
    Conflict,
    Disabled,
    Forbidden,
    HeadwaterError,
    Invalid,
    InvalidRecord,
    KeyReused,
    MethodNotAllowed,
    NotFound,
    NotPublished,
    OverLimit,
    RateLimited,
    RecordProblem,
    Refused,
    StoreUnavailable,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    UnsupportedEncoding,
)
from headwater.runtime import metrics

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The nearest class in an error's ancestry counts.
STATUSES: Mapping[type[HeadwaterError], int] = {
    Invalid: 400,
    Unauthorized: 401,
    Disabled: 403,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    TooSlow: 408,
    Conflict: 409,
    NotPublished: 409,
    TooLarge: 413,
    OverLimit: 413,
    UnsupportedEncoding: 415,
    KeyReused: 422,
    RateLimited: 429,
    Refused: 403,
    BrokerUnavailable: 503,
    StoreUnavailable: 503,
    Unavailable: 503,
    HeadwaterError: 500,
}

NOTED = web.RequestKey("noted", dict[str, str])  # headers of the answer, whatever it will be

OK = b'{"status":"ok"}'
JSON_TYPE = "application/json"
UNEXPECTED = "something went wrong on our side; the log has the details"


def status_of(error: HeadwaterError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def envelope(error: HeadwaterError) -> dict[str, Any]:
    """Return the body that every failure has; `errors` only where single records are to blame."""
    sentence = str(error)
    body: dict[str, Any] = {
        "status": "error",
        "error_code": error.code,
        "error": sentence,
        "message": sentence,
    }
    if isinstance(error, InvalidRecord):
        body["errors"] = _itemised(error.problems)
    return body


def _itemised(problems: Sequence[RecordProblem]) -> list[dict[str, Any]]:
    return [{"index": one.index, "field": one.field, "message": one.message} for one in problems]


def extra_headers(error: HeadwaterError) -> dict[str, str]:
    """Return Allow and Retry-After (whole seconds, at least one) where they belong."""
    if isinstance(error, MethodNotAllowed):
        return {hdrs.ALLOW: ", ".join(error.allowed)}
    if isinstance(error, (RateLimited, Unavailable)):
        return {hdrs.RETRY_AFTER: str(max(1, math.ceil(error.retry_after_s)))}
    return {}


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type=JSON_TYPE)


def note_headers(request: web.Request, headers: Mapping[str, str]) -> None:
    """Remember headers that the answer to this request gets, whatever becomes of it."""
    request[NOTED] = {**request.get(NOTED, {}), **headers}


def accepted(noted: web.Request | None) -> web.Response:
    """Return the answer to a push: Kafka has it. `noted`: the request, when headers were noted for it."""
    headers = None if noted is None else noted.get(NOTED)
    return web.Response(body=OK, headers=headers, content_type=JSON_TYPE)


def answered(request: web.Request, outcome: Outcome) -> web.Response:
    """Return the answer to a push that asked for more than a plain one."""
    return json_response(outcome.body, outcome.status, request.get(NOTED))


def sorted_answer(request: web.Request, outcome: Outcome, found: Sorted) -> web.Response:
    """Return the answer to a push whose good records were taken, with what is wrong with the others."""
    if found.rejected:
        metrics.REFUSED_RECORDS.labels(code=InvalidRecord.code).inc(found.rejected)
    body = {
        **outcome.body,
        "accepted": found.records.count,
        "rejected": found.rejected,
        "errors": _itemised(found.problems),
    }
    return json_response(body, outcome.status, request.get(NOTED))


def failure(request: web.Request, error: HeadwaterError) -> web.Response:
    """Return the answer to a failed request, with the keys that its API adds."""
    metrics.REFUSED_REQUESTS.labels(code=error.code).inc()
    if isinstance(error, InvalidRecord):
        metrics.REFUSED_RECORDS.labels(code=error.code).inc(error.total)
    body = envelope(error)
    for prefix, dress in request.app[DRESSINGS].items():
        if request.path.startswith(prefix):
            body = dress(error, body)
    response = json_response(body, status_of(error), {**request.get(NOTED, {}), **extra_headers(error)})
    if request.content.exception() is not None or isinstance(error, TooSlow):
        response.force_close()  # where the next request would begin cannot be known
    return response


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into the envelope, and count and time every answer."""
    started = perf_counter()
    try:
        response = await handler(request)
    except HeadwaterError as error:
        response = failure(request, error)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - a redirection is an answer
            raise
        response = _foreign_failure(request, error)
    except ConnectionError:
        raise  # the caller has gone; nobody reads an answer
    except Exception:  # this is the outermost loop of a request: aiohttp would answer in HTML
        log.exception("request failed", method=request.method, path=request.path)
        response = failure(request, _Unexpected(UNEXPECTED))
    _count(request, response.status, perf_counter() - started)
    return response


class _Unexpected(HeadwaterError):
    """A bug of ours; its traceback is in the log."""


class _Foreign(HeadwaterError):
    """An HTTP error that aiohttp raised."""

    code = "bad_request"


def _foreign_failure(request: web.Request, error: web.HTTPException) -> web.Response:
    """Say in our envelope what aiohttp says in HTML."""
    if isinstance(error, web.HTTPNotFound):
        return failure(request, NotFound(f"there is nothing at {request.path}"))
    if isinstance(error, web.HTTPMethodNotAllowed):
        return failure(request, MethodNotAllowed(request.method, sorted(error.allowed_methods)))
    response = failure(request, _Foreign(error.reason))
    response.set_status(error.status)
    return response


_requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def _count(request: web.Request, status: int, seconds: float) -> None:
    """Count an answer under its route's pattern, so that the number of series stays bounded."""
    resource = request.match_info.route.resource
    route = resource.canonical.rstrip("/") if resource is not None else "none"
    key = (route, request.method, status)
    found = _requests.get(key)
    if found is None:
        method = request.method if request.method in hdrs.METH_ALL else "other"
        found = _requests[key] = (
            metrics.HTTP_REQUESTS.labels(route=route, method=method, status=status),
            metrics.HTTP_REQUEST_SECONDS.labels(route=route),
        )
    found[0].inc()
    found[1].observe(seconds)
