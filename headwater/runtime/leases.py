"""May this process do what only one may do?  Leases over topic leases, decided by the order of the log.

Guarantee: while clocks are within a second of each other, no two processes hold one lease at once. Of several
who take a free lease the first on the log has it; the others lose by its revision. Price: after a holder was
killed nobody acts until its term is over, and a second more.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from headwater.domain.errors import Conflict
from headwater.domain.leases import LEASES, Lease
from headwater.runtime.clock import Clock
from headwater.runtime.documents import Documents, KafkaDocuments
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.settings import KafkaSettings

TERM_S = 15.0


class Leases:
    """The leases of one process, over documents that the caller starts and closes."""

    def __init__(self, documents: Documents[Lease], clock: Clock, *, term_s: float = TERM_S) -> None:
        self._documents = documents
        self._clock = clock
        self._term_us = round(term_s * 1_000_000)
        self._owner = uuid4().hex

    def get(self, name: str) -> Lease | None:
        """Return a lease as it is, whoever has it; None when nobody ever had it."""
        return self._documents.get(name)

    async def hold(self, name: str, state: Mapping[str, Any] | None = None) -> Lease | None:
        """Take a lease or renew it for a term, and keep a state with it; None while it is another's.

        The holder calls this again and again, well within the term; it writes only when half of the term is
        over or the state is another, and then the whole state: keep it small. It may act until the lease's
        `until_us`, and no longer: where a step takes long, ask `is_held` before what cannot be undone.
        Without a state the one that the last holder kept stays, so that whoever takes over finds it. Raises
        BrokerUnavailable: then the lease is ours as long as the last answer said.
        """
        now_us = self._clock.now_us()
        present = self._documents.get(name) or Lease(name=name)
        if not present.is_free(self._owner, now_us):
            return None
        if self._is_fresh(present, state, now_us):
            return present
        wanted = present.held_by(self._owner, now_us + self._term_us, state)
        try:
            lease = await self._documents.write(wanted)
        except Conflict:  # another was first, or an earlier write of ours that seemed lost
            lease = self._documents.get(name) or present
            return lease if self._is_fresh(lease, state, self._clock.now_us()) else None
        return lease if lease.is_held(self._clock.now_us()) else None

    async def release(self, name: str) -> None:
        """Give a lease back at once; its state stays. Another's is left alone. Raises BrokerUnavailable."""
        present = self._documents.get(name)
        if present is None or present.owner != self._owner:
            return
        try:
            await self._documents.write(present.released())
        except Conflict:
            return  # it is another's already

    def _is_fresh(self, lease: Lease, state: Mapping[str, Any] | None, now_us: int) -> bool:
        """Tell whether a lease is ours, needs no renewal yet, and has the state."""
        remains_us = lease.until_us - now_us
        return (
            lease.owner == self._owner
            and remains_us * 2 > self._term_us
            and (state is None or dict(state) == dict(lease.state))
        )


def lease_documents(kafka: KafkaSettings, producer: Producer) -> KafkaDocuments[Lease]:
    """Return the documents of topic leases."""
    return KafkaDocuments(LEASES, kafka, kafka.topics.leases, producer)
