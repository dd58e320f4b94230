"""Who may do what only one at a time may do?  A lease: a name, its holder, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import orjson

from headwater.domain.document_log import Kind

SKEW_US = 1_000_000  # how far apart the clocks of two processes may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease. Who holds it may act until `until_us` by its own clock, others only SKEW_US later."""

    name: str
    owner: str = ""  # one process; empty: nobody since it was released
    until_us: int = 0  # microseconds since 1970
    state: Mapping[str, Any] = field(default_factory=dict)  # what the next holder has to know
    revision: int = 0

    def is_free(self, owner: str, now_us: int) -> bool:
        """Tell whether `owner` may take or renew it now."""
        return owner == self.owner or now_us >= self.until_us + SKEW_US

    def is_held(self, now_us: int) -> bool:
        """Tell its holder whether it still may act."""
        return now_us < self.until_us

    def held_by(self, owner: str, until_us: int, state: Mapping[str, Any] | None) -> Self:
        """Return the lease after it was taken or renewed; without a state the last one stays."""
        return replace(self, owner=owner, until_us=until_us, state=self.state if state is None else state)

    def released(self) -> Self:
        """Return the lease free for anybody at once; its state stays."""
        return replace(self, owner="", until_us=-SKEW_US)


def encode_lease(lease: Lease) -> bytes:
    """Return the value of topic leases."""
    return orjson.dumps(
        {
            "name": lease.name,
            "owner": lease.owner,
            "until_us": lease.until_us,
            "state": dict(lease.state),
            "revision": lease.revision,
        }
    )


def decode_lease(value: bytes) -> Lease:
    """Return the lease of a value of topic leases. Raises TypeError or ValueError."""
    return Lease(**orjson.loads(value))


LEASES: Kind[Lease] = Kind(
    noun="lease",
    key=lambda lease: lease.name,
    name=lambda lease: lease.name,
    revised=lambda lease, revision: replace(lease, revision=revision),
    encode=encode_lease,
    decode=decode_lease,
)
