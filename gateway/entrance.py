"""Who stands at the door, and what do they bring along?  All that is known of a request before its body.

Pushkey or signature, the rate of the key, and what its browser must be told. Headers that every further
answer carries, refusals too, are noted in the request for gateway/responses.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.admission import Target, check_key, check_open, find_resource, pushkey_of
from gateway.cors import answer_headers
from gateway.keys import CATALOG, CLOCK, RATES, SEALER
from gateway.responses import note_headers
from gateway.signatures import read_signature
from headwater.domain.admission import SCOPES
from headwater.domain.datasets import Dataset, Resource
from headwater.domain.errors import RateLimited
from headwater.runtime.kafka.topics import Op

RATE_PARAMETER = "rate_limit_per_minute"


@dataclass(slots=True)  # one a push: freezing it would take longer than all that is done with it
class Entry:
    """A request that may enter, once `verify` (of a signed one: None for others) has seen its body."""

    dataset: Dataset
    resource: Resource
    is_noted: bool  # headers of the answer may have been noted
    verify: Callable[[bytes], None] | None = None

    @property
    def target(self) -> Target:
        return Target(self.dataset.dataset_id, self.resource.resource_id, self.dataset.revision)


def enter(request: web.Request, op: Op) -> Entry:
    """Return what the request may do; raises NotFound, Unauthorized, Forbidden and what `check_open` raises,
    RateLimited, SecretsUnusable.
    """
    names = request.match_info
    dataset, resource = find_resource(request.app[CATALOG], names["dataset"], names["resource"])
    if (origin := request.headers.get(hdrs.ORIGIN)) is not None:
        note_headers(request, answer_headers(resource.params.get("cors_origins", ()), origin))
    now_us = request.app[CLOCK].now_us()
    if resource.signing_secret:
        return Entry(dataset, resource, True, _verification(request, dataset, resource, now_us))
    pushkey = pushkey_of(request.query, request.headers.get(hdrs.AUTHORIZATION))
    key = check_key(resource, pushkey, SCOPES[op], now_us)
    check_open(dataset, resource)
    if limit := resource.params.get(RATE_PARAMETER):
        _count(request, key.uid, limit, now_us)
    return Entry(dataset, resource, origin is not None or bool(limit))


def _verification(
    request: web.Request, dataset: Dataset, resource: Resource, now_us: int
) -> Callable[[bytes], None]:
    """Return what checks the body of a signed request; nothing is told or counted before that."""
    signed = read_signature(request.headers, now_us)
    secret = request.app[SEALER].open(resource.signing_secret)

    def verify(body: bytes) -> None:
        signed.check(body, secret)
        check_open(dataset, resource)
        if limit := resource.params.get(RATE_PARAMETER):
            _count(request, resource.uid, limit, now_us)

    return verify


def _count(request: web.Request, key: str, limit: int, now_us: int) -> None:
    """Take one of the requests that the key has; the answer says how many are left. Raises RateLimited."""
    allowance = request.app[RATES].take(key, limit, now_us)
    note_headers(request, allowance.headers())
    if not allowance.is_allowed:
        raise RateLimited(
            f"this key may send {limit} requests a minute", retry_after_s=allowance.next_us / 1_000_000
        )
