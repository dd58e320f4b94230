"""Why is a record not a row?  What goes to quarantine: the record as it was sent, and the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import orjson

from headwater.domain.tables import RECEIVED_AT, STEP, VERSION

MAX_VALUE_BYTES = 4 * 1024 * 1024  # of one message; a single refusal may be larger, within the next bound
MAX_RECORD_CHARACTERS = 1024 * 1024  # of a refused record; what is longer is cut


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong with a record, and which part of the way found it."""

    code: str  # machine word, also the metric's label
    message: str
    field: str | None = None
    processor: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record that waits in quarantine."""

    record: str  # as it was sent
    version: int
    position: int  # in its message: tells apart records that share a version
    received_at: str
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, record: str, version: int, position: int, received_at: str, code: str, message: str) -> Self:
        """Return a refusal for one reason."""
        return cls(record, version, position, received_at, (Reason(code, message),))


def quarantine_values(
    refusals: Sequence[Refusal], *, dataset: str, resource: str, op: str, attempt: int = 0
) -> Iterator[bytes]:
    """Yield values for the quarantine topic, each small enough for one message: a table row on each line.

    `attempt` tells in which replay from quarantine the records were refused, 0 when they were new.
    """
    shared = {"dataset": dataset, "resource": resource, "op": op, STEP: 2 * attempt}
    batch: list[bytes] = []
    size = 0
    for refusal in refusals:
        line = orjson.dumps({**shared, **_described(refusal)})
        if batch and size + len(line) > MAX_VALUE_BYTES:
            yield b"\n".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield b"\n".join(batch)


def _described(refusal: Refusal) -> dict[str, Any]:
    return {
        VERSION: refusal.version,
        "position": refusal.position,
        RECEIVED_AT: refusal.received_at,
        "record": refusal.record[:MAX_RECORD_CHARACTERS],
        "errors": orjson.dumps([asdict(reason) for reason in refusal.reasons]).decode(),
        "code": refusal.reasons[0].code,
    }
