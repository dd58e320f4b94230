"""How often may this key come?  A bucket of tokens per key, filled evenly; one request takes one.

A key may use a whole minute's allowance at once, and has it back a minute later. Each gateway counts for
itself. The number of buckets is bounded: the one that was not used for longest goes, and is full again.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE_US = 60_000_000
MOST_BUCKETS = 20_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may still do: whole requests left, and how long until there is one, and until all are."""

    is_allowed: bool
    limit: int
    remaining: int
    next_us: int  # microseconds until a request is allowed; 0: now
    full_at_us: int  # microseconds since 1970

    def headers(self) -> Mapping[str, str]:
        """Return what every answer to a limited key carries; the moment as the other APIs write it."""
        seconds = -(-self.full_at_us // 1_000_000)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(_EPOCH + timedelta(seconds=seconds)),
        }


@dataclass(slots=True)
class Bucket:
    """Tokens in millionths of a minute's worth, so that filling is whole numbers: limit x microseconds."""

    level: int
    at_us: int


class Rates:
    """The buckets of all limited keys."""

    def __init__(self, *, most_buckets: int = MOST_BUCKETS) -> None:
        self._most_buckets = most_buckets
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, limit: int, now_us: int) -> Allowance:
        """Take one of `limit` requests a minute from a key's bucket, if there is one."""
        full = limit * MINUTE_US
        bucket = self._bucket(key, full, now_us)
        elapsed_us = max(0, now_us - bucket.at_us)  # a clock that steps back fills nothing
        bucket.level = min(full, bucket.level + elapsed_us * limit)
        bucket.at_us = now_us
        is_allowed = bucket.level >= MINUTE_US
        if is_allowed:
            bucket.level -= MINUTE_US
        return Allowance(
            is_allowed=is_allowed,
            limit=limit,
            remaining=bucket.level // MINUTE_US,
            next_us=max(0, -(-(MINUTE_US - bucket.level) // limit)),
            full_at_us=now_us + -(-(full - bucket.level) // limit),
        )

    def __len__(self) -> int:
        return len(self._buckets)

    def _bucket(self, key: str, full: int, now_us: int) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._most_buckets:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = Bucket(full, now_us)
        else:
            self._buckets.move_to_end(key)
        return bucket
