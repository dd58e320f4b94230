"""A run: consecutive messages of one partition that share where they go, handled as one event."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.topics import Header

Headers = tuple[tuple[str, bytes], ...]

RAW_ROUTING = frozenset(
    {
        Header.DATASET,
        Header.RESOURCE,
        Header.OP,
        Header.ORIGIN,
        Header.PUSHKEY,
        Header.GENERATION,
        Header.ATTEMPT,
    }
)
ROWS_ROUTING = frozenset({Header.DATASET, Header.GENERATION, Header.SCHEMA, Header.TARGET, Header.HISTORY})
ARCHIVE_ROUTING = frozenset({Header.DATASET, Header.RESOURCE, Header.OP, Header.ORIGIN, Header.PUSHKEY})


class Message(NamedTuple):
    """One Kafka message as it was fetched; `offset` is its own."""

    offset: int
    timestamp_ms: int
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Messages `first` to `end` (exclusive) of one partition; `headers` are those that all of them share.

    Whoever handles a run calls `finish` once its effect is durable. Faust's own acknowledgement does not
    count: Faust also acknowledges what it skips in a rebalance and what a failed handler left undone.
    """

    topic: str
    partition: int
    first: int
    end: int
    headers: Headers
    messages: Sequence[Message]
    queue: CommitQueue | None = None
    uniform: bool = False  # all messages have equal headers, also those that do not route

    def finish(self) -> None:
        """Let the committed offset pass this run; repeated calls and runs of an old assignment do nothing."""
        if self.queue is not None:
            self.queue.finished(self.first)

    def header(self, name: str) -> str:
        """Return a routing header as text; empty when it was not sent, undecodable bytes replaced."""
        return next((value.decode(errors="replace") for key, value in self.headers if key == name), "")

    @property
    def size_bytes(self) -> int:
        """Bytes of all values."""
        return sum(len(message.value) for message in self.messages)

    @property
    def source(self) -> str:
        """The run's place as the `source` header spells it."""
        return f"{self.partition}:{self.first}:{self.end}"


def coalesce(
    topic: str,
    partition: int,
    messages: Iterable[Message],
    *,
    routing: frozenset[str],
    max_messages: int,
    max_bytes: int,
    queue: CommitQueue | None = None,
) -> Iterator[Run]:
    """Join neighbours with equal routing headers into runs, in order, losing nothing.

    A run is closed before it would pass `max_bytes`, so only a single larger message makes a larger run.
    """
    batch: list[Message] = []
    shared: Headers = ()
    size = 0
    uniform = True
    previous: Headers | None = None
    for message in messages:
        headers = message.headers
        # Producers repeat themselves: headers like the last message's need no second look.
        same = headers == previous
        routed = shared if same else _routed(headers, routing)
        previous = headers
        length = len(message.value)
        full = len(batch) >= max_messages or size + length > max_bytes
        if batch and (routed != shared or full):
            yield _run(topic, partition, shared, batch, queue, uniform)
            batch, size, uniform = [], 0, True
        elif batch and not same:
            uniform = False
        shared = routed
        batch.append(message)
        size += length
    if batch:
        yield _run(topic, partition, shared, batch, queue, uniform)


def _routed(headers: Headers, routing: frozenset[str]) -> Headers:
    return tuple(pair for pair in headers if pair[0] in routing)


def _run(
    topic: str,
    partition: int,
    headers: Headers,
    messages: list[Message],
    queue: CommitQueue | None,
    uniform: bool,
) -> Run:
    first, end = messages[0].offset, messages[-1].offset + 1
    return Run(topic, partition, first, end, headers, messages, queue, uniform)
