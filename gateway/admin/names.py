"""What is it called?  Uids, slugs and keys of new things."""

import re
import secrets
import unicodedata
from collections.abc import Callable, Container

MAX_SLUG_LENGTH = 100
PUSHKEY_BYTES = 28  # 224 random bits, 56 hex digits

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
SLUG_RULE = f"1 to {MAX_SLUG_LENGTH} characters of a-z, 0-9, '-' and '_', the first a letter or digit"

_OTHER_CHARACTERS = re.compile(r"[^a-z0-9]+")


def new_uid(prefix: str) -> str:
    """Return a new uid, such as `da_` and 12 random hex digits."""
    return f"{prefix}_{secrets.token_hex(6)}"


def new_pushkey() -> str:
    """Return a new pushkey: 56 lower-case hex digits."""
    return secrets.token_hex(PUSHKEY_BYTES)


def slug_of(title: str, *, joint: str, fallback: str) -> str:
    """Return the title's letters and digits in lower case ASCII, other characters replaced by `joint`.

    A title without any such character gives the fallback. Leaves room for a number.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return _OTHER_CHARACTERS.sub(joint, plain)[: MAX_SLUG_LENGTH - 10].strip(joint) or fallback


def numbered_dataset_id(slug: str, is_taken: Callable[[str], bool]) -> str:
    """Return the slug, or with the first number that is free: `flights`, `flights-1`, `flights-2`, ..."""
    candidate, number = slug, 0
    while is_taken(candidate):
        number += 1
        candidate = f"{slug}-{number}"
    return candidate


def numbered_resource_id(slug: str, taken: Container[str]) -> str:
    """Return the slug, or with the first number that is free: `realtime`, `realtime0`, `realtime1`, ..."""
    candidate, number = slug, 0
    while candidate in taken:
        candidate = f"{slug}{number}"
        number += 1
    return candidate
