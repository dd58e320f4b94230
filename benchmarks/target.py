"""Where does the load go, and how does one see that it arrived?  All that tells one stack from another."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from benchmarks.expectations import ExpectationFailed

ANSWER_TIMEOUT_S = 20.0
PAGE = 10  # rows in one answer of newest_url; small, so that the poller disturbs little


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """How a Kafka-native producer writes to the target: one record a message."""

    bootstrap: str
    topic: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One empty dataset of one stack. Plain data, so that a load process can be told of it."""

    name: str  # stack and dataset, for messages
    push_url: str
    count_url: str  # GET; one JSON object with total_count
    newest_url: str  # GET; 100 rows from {offset} on, those with the greatest values first
    newest_key: str  # under which the rows are in that answer
    native: Native
    headers: Mapping[str, str] = field(default_factory=dict)  # for the two GETs

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the push URL."""
        parts = urlsplit(self.push_url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "native": Native(**document["native"])})


class Reader:
    """Asks a target what is searchable now. Use as an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._target.headers, timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def count(self) -> int:
        """Return how many records are searchable."""
        answer = await self._get(self._target.count_url)
        return int(answer["total_count"])

    async def newest(self, offset: int = 0) -> list[float]:
        """Return PAGE of the values that are searchable, greatest first, after skipping `offset`."""
        answer = await self._get(self._target.newest_url.replace("{offset}", str(offset)))
        return [row["value"] for row in answer[self._target.newest_key]]

    async def _get(self, url: str) -> Any:
        assert self._session is not None
        try:
            async with self._session.get(url) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise ExpectationFailed(f"{self._target.name}: {url} does not answer: {error!r}") from error
        if response.status != 200:
            said = body[:300].decode(errors="replace")
            raise ExpectationFailed(f"{self._target.name}: {url} answered {response.status}: {said}")
        return orjson.loads(body)
