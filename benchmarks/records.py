"""Which records are pushed?  The shape of the realtime documentation's example, every one different."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

BOOTSTRAP = {"identifier": "ab1", "timestamp": "2014/01/27T04:15:00", "parameter": "speed", "value": 150.5}

_START = datetime(2014, 1, 27, 4, 15, tzinfo=UTC)
_HOUR = tuple((_START + timedelta(seconds=second)).strftime("%Y/%m/%dT%H:%M:%S") for second in range(3600))


def record(number: int) -> dict[str, Any]:
    """Return record `number`: its identifier is its own, so the number of rows says what arrived."""
    return {
        "identifier": f"s{number}",
        "timestamp": _HOUR[number % 3600],
        "parameter": "speed",
        "value": number / 7 + 0.5,
    }


def bodies(first: int, records: int, batch: int) -> Iterator[bytes]:
    """Yield request bodies of `batch` records each; with a batch of 1 the body is one object, no array."""
    for start in range(first, first + records, batch):
        numbers = range(start, min(start + batch, first + records))
        yield orjson.dumps(record(start) if batch == 1 else [record(number) for number in numbers])
