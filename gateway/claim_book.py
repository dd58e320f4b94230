"""Which claims of idempotency keys count?  Pure: the rule that all gateways apply alike to topic claims."""

from dataclasses import dataclass
from hashlib import sha256

from gateway.outcomes import Outcome
from headwater.domain.versions import moment_us

KEPT_US = 24 * 3600 * 1_000_000  # how long a key is remembered, from the moment of its version
LENIENCE_US = 15 * 60 * 1_000_000  # how much longer it is kept in memory: clocks and readers differ
TOKEN_BYTES = DIGEST_BYTES = 16
VERSION_BYTES, COUNT_BYTES = 8, 4


@dataclass(frozen=True, slots=True)
class Claim:
    """What the first request with a key was: its first version, its number of records, its content."""

    version: int
    count: int
    digest: bytes

    def is_same_request(self, other: "Claim") -> bool:
        """Tell whether another claim is for the same records."""
        return (self.count, self.digest) == (other.count, other.digest)


@dataclass(slots=True)
class Entry:
    """A claim that counts, and what its sender was told if this gateway knows that its records are stored."""

    claim: Claim
    outcome: Outcome | None = None


class ClaimBook:
    """The claims that count. Pure: whoever reads the same lines in the same order has the same book.

    Of two lines for one key the first counts, unless the second was made a day after it or later: its writer
    knew that the first had expired.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: dict[bytes, Entry] = {}  # the one that came first is the first

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, token: bytes, now_us: int) -> Entry | None:
        """Return the claim that counts now."""
        entry = self._entries.get(token)
        return None if entry is None or has_expired(entry.claim, now_us) else entry

    def apply(self, token: bytes, claim: Claim) -> None:
        """Take the next line of the log."""
        entry = self._entries.get(token)
        if entry is not None:
            if not has_expired(entry.claim, moment_us(claim.version)):
                return
            del self._entries[token]
        self._entries[token] = Entry(claim)

    def has_room(self, now_us: int) -> bool:
        """Forget what has long expired, and tell whether one more claim may be made."""
        while self._entries:
            token, oldest = next(iter(self._entries.items()))
            if not has_expired(oldest.claim, now_us - LENIENCE_US):
                break
            del self._entries[token]
        return len(self._entries) < self._limit

    def forget_oldest(self) -> None:
        """Make room for what another gateway let in; a repetition of the forgotten key counts as new here."""
        del self._entries[next(iter(self._entries))]


def has_expired(claim: Claim, now_us: int) -> bool:
    """Tell whether a key may be used anew: a day after the moment of its version."""
    return now_us - moment_us(claim.version) >= KEPT_US


def token_of(dataset_uid: str, resource_uid: str, key: str) -> bytes:
    """Return under which name a key is kept: keys of different resources are different keys."""
    return sha256(f"{dataset_uid}\0{resource_uid}\0{key}".encode()).digest()[:TOKEN_BYTES]


def digest_of(kind: str, body_hash: bytes) -> bytes:
    """Return what tells a request from another with its key: what it does, and its body."""
    return sha256(kind.encode() + b"\0" + body_hash).digest()[:DIGEST_BYTES]


def encode_claim(claim: Claim) -> bytes:
    """Return the claims topic's value: version, count (both big-endian), digest."""
    version, count = claim.version.to_bytes(VERSION_BYTES), claim.count.to_bytes(COUNT_BYTES)
    return version + count + claim.digest


def try_claim(value: bytes | None) -> Claim | None:
    """Return the claim of a line, None when it is none."""
    if value is None or len(value) != VERSION_BYTES + COUNT_BYTES + DIGEST_BYTES:
        return None
    version, rest = value[:VERSION_BYTES], value[VERSION_BYTES:]
    return Claim(int.from_bytes(version), int.from_bytes(rest[:COUNT_BYTES]), rest[COUNT_BYTES:])
