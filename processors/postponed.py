"""Which records wait for somebody who is away, and when are they tried again?  Pure.

A record that a look-up could not answer is kept on topic `postponed`, as it was sent. Each partition of the
topic is a tier with one waiting time, so that what is due next always comes next: no record waits behind one
that has longer to wait. After `give_up_s` a record is stored without what could not be found out, and stays
on the slowest tier for a later pass, until that succeeds or `forget_s` are over.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from headwater.domain.files import StoredFile
from headwater.runtime.kafka.topics import POSTPONED_TIERS, Op
from processors.parsing import Arrivals

TIERS_S = (5, 30, 120, 600)  # seconds between two tries, by partition
MAX_VALUE_BYTES = 1024 * 1024  # of one message, unless a single record is larger
assert len(TIERS_S) == POSTPONED_TIERS

RowPlace = tuple[str, int]  # record id, version


@dataclass(frozen=True, slots=True)
class Late:
    """One record that is tried again later."""

    record: dict[str, Any]  # as it was sent
    version: int
    position: int
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """Records of one resource that wait together.

    Those that were `given_up` are stored without an answer. `stored` names their rows: those that an answer
    makes otherwise have to go, because a record's id may depend on it.
    """

    resource: str
    op: Op
    since_us: int  # when they were first tried
    tries: int
    records: tuple[Late, ...]
    given_up: bool = False
    stored: tuple[RowPlace, ...] = ()

    @property
    def tier(self) -> int:
        """The partition on which they wait."""
        return POSTPONED_TIERS - 1 if self.given_up else min(self.tries - 1, POSTPONED_TIERS - 1)

    def arrivals(self) -> Arrivals:
        """Return the records as they came in."""
        return Arrivals(
            records=[late.record for late in self.records],
            versions=[late.version for late in self.records],
            received_at=[late.received_at for late in self.records],
            positions=[late.position for late in self.records],
        )

    def again(self, records: Sequence[Late]) -> "Postponed":
        """Return those of the records that wait once more."""
        return replace(self, tries=self.tries + 1, records=tuple(records), given_up=False, stored=())

    def kept_as(self, stored: Iterable[RowPlace]) -> "Postponed":
        """Return the records as ones that were stored without an answer."""
        return replace(self, given_up=True, stored=tuple(stored))

    def values(self) -> Iterator[bytes]:
        """Yield messages of topic `postponed`; `stored` goes with the first, where there are several."""
        lines: list[bytes] = []
        size, stored = 0, self.stored
        for late in self.records:
            line = _encoded(late)
            if lines and size + len(line) > MAX_VALUE_BYTES:
                yield self._value(lines, stored)
                lines, size, stored = [], 0, ()
            lines.append(line)
            size += len(line)
        yield self._value(lines, stored)

    def _value(self, lines: Sequence[bytes], stored: Sequence[RowPlace]) -> bytes:
        shared = {
            "resource": self.resource,
            "op": self.op.value,
            "since_us": self.since_us,
            "tries": self.tries,
            "stored": stored,
            "given_up": self.given_up,
        }
        return orjson.dumps(shared)[:-1] + b',"records":[' + b",".join(lines) + b"]}"


def read(value: bytes) -> Postponed:
    """Return what a message of topic `postponed` holds. Raises ValueError, KeyError for anything else."""
    document = orjson.loads(value)
    return Postponed(
        resource=document["resource"],
        op=Op(document["op"]),
        since_us=document["since_us"],
        tries=document["tries"],
        given_up=document["given_up"],
        records=tuple(map(_decoded, document["records"])),
        stored=tuple((record_id, version) for record_id, version in document["stored"]),
    )


def _encoded(late: Late) -> bytes:
    # A description of a kept file looks like any object that somebody may send: its fields are named.
    files = [key for key, value in late.record.items() if isinstance(value, StoredFile)]
    return orjson.dumps([late.record, late.version, late.position, late.received_at, files])


def _decoded(line: list[Any]) -> Late:
    record, version, position, received_at, files = line
    for key in files:
        record[key] = StoredFile(record[key])
    return Late(record, version, position, received_at)
