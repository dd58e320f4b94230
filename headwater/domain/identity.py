"""Which record is this?  Record ids: 40 hex digits, the same for the same record however it is spelt.

SHA-1 over the canonical JSON of `[[name, value], ...]`, sorted by name, with the values as domain/types.py
spells them. With unique-id fields exactly those count, nulls included; without, every field that is not
null, so that a field added later changes no older id. Push, delete and remote sources all use this.

Source: reference, push, section 6.
"""

from collections.abc import Iterable
from hashlib import sha1
from typing import Any

import orjson

RECORD_ID_LENGTH = 40
_HEX = frozenset("0123456789abcdef")


def record_id(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return the id for (name, spelt value) pairs in any order."""
    return hashed([[name, value] for name, value in sorted(pairs, key=_name)])


def hashed(ordered: list[list[Any]]) -> str:
    """Return the id for `[name, spelt value]` pairs that are sorted by name already."""
    return sha1(orjson.dumps(ordered), usedforsecurity=False).hexdigest()


def is_record_id(text: str) -> bool:
    """Tell whether this could be a record id."""
    return len(text) == RECORD_ID_LENGTH and _HEX.issuperset(text)


def _name(pair: tuple[str, Any]) -> str:
    return pair[0]
