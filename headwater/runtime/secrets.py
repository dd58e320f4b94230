"""How are secrets kept that we must be able to read again?  Sealed with the operator's key.

What a pushkey is for can be checked against a hash; the secret of a signature cannot. So it is encrypted
and authenticated (Fernet: AES-128-CBC and HMAC-SHA-256) with a key that is made from HEADWATER_SECRET_KEY,
which is neither in Kafka nor in ClickHouse.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

from headwater.domain.errors import SecretsUnusable

REMEMBERED = 1024  # opened secrets
NO_KEY = "HEADWATER_SECRET_KEY is not set, so that no secret can be kept; the operator can set it"
OTHER_KEY = (
    "this secret was sealed with another HEADWATER_SECRET_KEY; set that one again, or make a new secret"
)


class Sealer:
    """Seals texts and opens them again; without a key it does neither, and says so."""

    def __init__(self, secret_key: str) -> None:
        """`secret_key` is any text with the entropy of a key; empty: none."""
        self._fernet = Fernet(urlsafe_b64encode(sha256(secret_key.encode()).digest())) if secret_key else None
        self._opened: dict[str, str] = {}  # the oldest first; bounded, as a secret is used over and over

    @property
    def is_usable(self) -> bool:
        """Whether there is a key."""
        return self._fernet is not None

    def seal(self, text: str) -> str:
        """Return the text as nobody else can read or make it. Raises SecretsUnusable."""
        return self._key().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text that was sealed. Raises SecretsUnusable, also when another key sealed it."""
        found = self._opened.get(sealed)
        if found is None:
            found = self._open(sealed)
            if len(self._opened) >= REMEMBERED:
                self._opened.pop(next(iter(self._opened)))
            self._opened[sealed] = found
        return found

    def _open(self, sealed: str) -> str:
        try:
            return self._key().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SecretsUnusable(OTHER_KEY) from error

    def _key(self) -> Fernet:
        if self._fernet is None:
            raise SecretsUnusable(NO_KEY)
        return self._fernet
