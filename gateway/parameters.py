"""How shall a push be treated?  What its query and headers ask for beside the records.

Parameters that nobody knows are ignored, as on the original; a bad value of a known one is refused.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import istr

from headwater.domain.errors import InvalidParameter

DEFAULT_TIMEOUT_S = 5.0
LONGEST_TIMEOUT_S = 30.0  # clients are known to give up after that

TRUTHS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
KEY_HEADER, WEBHOOK_ID = istr("Idempotency-Key"), istr("webhook-id")  # the first that is there counts
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}

_NAMES = frozenset({"partial", "wait", "timeout", "merge", "sync", "delimiter"})
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushParameters:
    """What a push asks for; the defaults are a plain push."""

    partial: bool = False  # accept the good records, report the others
    wait: bool = False  # answer when the records can be found, at most after `timeout_s`
    timeout_s: float = DEFAULT_TIMEOUT_S
    merge: bool = False  # change the fields that are given, keep the others
    sync: bool = False  # afterwards the dataset holds these records and no others
    idempotency_key: str = ""  # empty: none
    delimiter: str = ""  # between the cells of CSV; empty: guess it

    @property
    def is_plain(self) -> bool:
        """Tell whether delivering such a push takes nothing but a message and its acknowledgement."""
        return not (self.wait or self.merge or self.sync or self.idempotency_key)


PLAIN = PushParameters()


def parse_parameters(query: Mapping[str, str], headers: Mapping[str, str]) -> PushParameters:
    """Return what a request asks for. Raises InvalidParameter."""
    key = headers.get(KEY_HEADER)
    if key is None:
        key = headers.get(WEBHOOK_ID)
    if key is None and _NAMES.isdisjoint(query):
        return PLAIN
    return PushParameters(
        partial=_flag(query, "partial"),
        wait=_flag(query, "wait"),
        timeout_s=_timeout(query),
        merge=_flag(query, "merge"),
        sync=_flag(query, "sync"),
        idempotency_key="" if key is None else _key(key),
        delimiter=_delimiter(query),
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    given = query.get(name)
    if given is None:
        return False
    value = TRUTHS.get(given.lower())
    if value is None:
        raise InvalidParameter(name, given, "true or false")
    return value


def _timeout(query: Mapping[str, str]) -> float:
    given = query.get("timeout")
    if given is None:
        return DEFAULT_TIMEOUT_S
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_TIMEOUT_S:  # false for NaN too
        raise InvalidParameter("timeout", given, f"seconds, 0 to {LONGEST_TIMEOUT_S:g}")
    return seconds


def _key(given: str) -> str:
    key = given.strip()
    if not _KEY.fullmatch(key):
        raise InvalidParameter("Idempotency-Key", given, "1 to 255 printable ASCII characters")
    return key


def _delimiter(query: Mapping[str, str]) -> str:
    """Return the delimiter: one character, or its name where a query cannot carry it well."""
    given = query.get("delimiter")
    if given is None:
        return ""
    delimiter = DELIMITERS.get(given.lower(), given)
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n\0':
        raise InvalidParameter("delimiter", given, "one character, not a letter, digit, quote or line end")
    return delimiter
