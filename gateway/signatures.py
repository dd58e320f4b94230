"""Was this push signed by whom we gave the secret?  Standard Webhooks: id, moment and body, HMAC-SHA-256.

Source: the Standard Webhooks specification, symmetric signatures (`v1`), secrets `whsec_<base64>`.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest, digest

from headwater.domain.errors import Unauthorized

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
TOLERANCE_S = 300
MOST_SIGNATURES = 16  # of one request: old and new secret, not a list to try

_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the headers claim about a body."""

    id: str
    timestamp: str
    signatures: tuple[str, ...]  # base64, version v1

    def check(self, body: bytes, secret: str) -> None:
        """Raise Unauthorized unless one signature is that of these headers and this body, as it was sent."""
        expected = sign(secret, self.id, self.timestamp, body)
        fitting = [one for one in self.signatures if compare_digest(expected, one)]  # all are looked at
        if not fitting:
            raise _wrong("no signature fits the body; sign webhook-id.webhook-timestamp.body as it is sent")


def read_signature(headers: Mapping[str, str], now_us: int) -> Signed:
    """Return what a request's headers claim.

    Raises Unauthorized: `missing_signature`, or `invalid_signature` for a moment too long ago or to come.
    """
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not headers.get(name):
            raise Unauthorized(
                f"this resource takes signed pushes; {name} is missing", code="missing_signature"
            )
    timestamp = headers[TIMESTAMP]
    if not _SECONDS.fullmatch(timestamp):
        raise _wrong(f"{TIMESTAMP} is not in seconds since 1970")
    if abs(now_us / 1_000_000 - int(timestamp)) > TOLERANCE_S:
        raise _wrong(f"{TIMESTAMP} is more than {TOLERANCE_S} seconds from now")
    pairs = [one.partition(",") for one in headers[SIGNATURE].split()[:MOST_SIGNATURES]]
    signatures = tuple(text for version, _, text in pairs if version == "v1" and text.isascii())
    return Signed(headers[ID], timestamp, signatures)


def sign(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a body, base64 without its `v1,`."""
    head = f"{webhook_id}.{timestamp}.".encode(errors="surrogateescape")
    return b64encode(digest(secret_bytes(secret), head + body, sha256)).decode()


def make_secret(random: bytes) -> str:
    """Return random bytes (24 to 64, says the specification) as they are shown to a person."""
    return SECRET_PREFIX + b64encode(random).decode()


def secret_bytes(secret: str) -> bytes:
    """Return the key inside a secret; raises ValueError when it is none."""
    try:
        return b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing secret is whsec_ and base64") from error


def _wrong(message: str) -> Unauthorized:
    return Unauthorized(message, code="invalid_signature")
