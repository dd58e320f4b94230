"""Which version was an idempotency key given?  All gateways agree, by the order of topic claims.

Guarantee: for a day all requests with one key send their records with the same versions, whichever gateway
they reach and whatever crashed meanwhile, so a repetition stores nothing new. Price: the first request with
a key waits for a line of its own to go onto a log and come back, and every gateway remembers all keys of a
day; when that is too much, further keys are refused until old ones expire.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiokafka.structs import ConsumerRecord

from gateway.claim_book import (
    LENIENCE_US,
    TOKEN_BYTES,
    Claim,
    ClaimBook,
    Entry,
    encode_claim,
    has_expired,
    try_claim,
)
from headwater.domain.errors import BrokerUnavailable, RateLimited
from headwater.runtime import metrics
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 60.0


class Claims(Protocol):
    """Who was first with a key, for all gateways. The pushes with keys call it, each once or twice."""

    @property
    def ready(self) -> bool:
        """Whether all claims are known."""
        ...

    async def claim(self, token: bytes, wanted: Claim) -> Entry:
        """Return the entry that counts for a key: of `wanted`, or of a request that was there before.

        Repeating is safe. Raises RateLimited when too many keys are remembered, BrokerUnavailable within
        the produce time-out; the claim may then have been made, and its repetition gets it.
        """
        ...


class KafkaClaims:
    """The claims topic: one partition, one line a claim, read from its start."""

    def __init__(self, kafka: KafkaSettings, producer: Producer, clock: Clock, *, limit: int) -> None:
        self._topic = kafka.topics.claims
        self._timeout_s = kafka.produce_timeout_s
        self._producer = producer
        self._clock = clock
        self._limit = limit
        self._book = ClaimBook(limit)
        self._tail = Tail(kafka, self._topic, self._read)
        self._awaited: dict[bytes, list[asyncio.Future[None]]] = {}
        self._ready = False

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._book)

    def __contains__(self, token: bytes) -> bool:
        """Tell whether a key is remembered."""
        return self._book.get(token, self._clock.now_us()) is not None

    @property
    def ready(self) -> bool:
        return self._ready and self._tail.failed is None

    async def start(self) -> None:
        """Read all claims that still count; raises BrokerUnavailable."""
        await self._tail.start()
        self._ready = True

    async def close(self) -> None:
        """Stop following; closing twice is harmless."""
        self._ready = False
        await self._tail.close()

    async def claim(self, token: bytes, wanted: Claim) -> Entry:
        entry = self._book.get(token, self._clock.now_us())
        if entry is None:
            self._check_room()
            await self._append(token, wanted)
            entry = self._book.get(token, self._clock.now_us())
            if entry is None:
                raise BrokerUnavailable("the claim of an idempotency key had expired when it was read back")
        return entry

    def _check_room(self) -> None:
        if not self._book.has_room(self._clock.now_us()):
            raise RateLimited(
                f"{self._limit} idempotency keys of the last day are remembered already",
                retry_after_s=RETRY_AFTER_S,
            )

    async def _append(self, token: bytes, wanted: Claim) -> None:
        """Put a line on the log and wait until our own reader has come to a line for its key."""
        read = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(token, []).append(read)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.send(self._topic, encode_claim(wanted), key=token, partition=0)
                await read
        except TimeoutError as error:
            raise BrokerUnavailable("the log of idempotency keys could not be read back in time") from error
        finally:
            self._stop_awaiting(token, read)

    def _stop_awaiting(self, token: bytes, read: asyncio.Future[None]) -> None:
        waiting = self._awaited[token]
        waiting.remove(read)
        if not waiting:
            del self._awaited[token]

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        now_us = self._clock.now_us()
        for record in records:
            token, claim = record.key or b"", try_claim(record.value)
            if claim is None or len(token) != TOKEN_BYTES:
                log.warning("line of topic claims cannot be read", offset=record.offset)
                continue
            if has_expired(claim, now_us - LENIENCE_US):
                continue
            self._book.apply(token, claim)
            if not self._book.has_room(now_us) and len(self._book) > 2 * self._limit:
                self._book.forget_oldest()
            for read in self._awaited.get(token, ()):
                if not read.done():
                    read.set_result(None)
        metrics.IDEMPOTENCY_KEYS.set(len(self._book))


@dataclass(slots=True)
class MemoryClaimLog:
    """What the claims of several gateways share; `available` plays the broker's death."""

    lines: list[tuple[bytes, Claim]] = field(default_factory=list)
    readers: list[ClaimBook] = field(default_factory=list)
    available: bool = True

    def append(self, token: bytes, claim: Claim) -> None:
        """Put one line on the log and let all readers read it; raises BrokerUnavailable when switched off."""
        if not self.available:
            raise BrokerUnavailable("the log in memory is switched off")
        self.lines.append((token, claim))
        for book in self.readers:
            book.apply(token, claim)


class MemoryClaims:
    """The twin: a book over a log in memory, its own unless one is given."""

    ready = True

    def __init__(self, clock: Clock, *, limit: int = 1000, shared: MemoryClaimLog | None = None) -> None:
        self._clock = clock
        self._shared = MemoryClaimLog() if shared is None else shared
        self._book = ClaimBook(limit)
        for token, claim in self._shared.lines:
            self._book.apply(token, claim)
        self._shared.readers.append(self._book)

    async def claim(self, token: bytes, wanted: Claim) -> Entry:
        now_us = self._clock.now_us()
        entry = self._book.get(token, now_us)
        if entry is None:
            if not self._book.has_room(now_us):
                raise RateLimited("too many idempotency keys", retry_after_s=RETRY_AFTER_S)
            self._shared.append(token, wanted)
            entry = self._book.get(token, now_us)
        assert entry is not None
        return entry
