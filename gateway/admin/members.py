"""Is this member of a document what it has to be?  Checks that name the path, what is expected, what came."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from headwater.domain.errors import Invalid, InvalidDocument

MAX_TITLE_LENGTH = 255
MAX_TEXT_LENGTH = 10_000
MAX_SHOWN_LENGTH = 60
MAX_DIGITS = 15
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2300, 1, 1, tzinfo=UTC)  # ClickHouse's moments end here
MOMENT_RULE = "a moment from 1970 to 2299 such as 2024-05-26T10:00:00Z"


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request's body. Raises Invalid, InvalidDocument."""
    try:
        document = orjson.loads(body)
        # What cannot be written again cannot be kept; the catalog's own document adds a few levels.
        orjson.dumps([[[[[[[[document]]]]]]]])
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the body is not JSON: {error}") from error
    except orjson.JSONEncodeError as error:
        raise Invalid("the body is nested too deeply") from error
    if not isinstance(document, dict):
        raise InvalidDocument("body", f"expected a JSON object, got {shown(document)}")
    return document


@dataclass(frozen=True, slots=True)
class Members:
    """The members of one JSON object, and the path at which it stands in the document."""

    document: Mapping[str, Any]
    path: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.document

    def at(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, expected: str) -> InvalidDocument:
        """Return the error for a member that is not as expected, or missing."""
        came = f"got {shown(self.document[name])}" if name in self.document else "it is missing"
        return InvalidDocument(self.at(name), f"expected {expected}; {came}")

    def check_names(self, known: Collection[str]) -> None:
        """Raise InvalidDocument at the first member that is not one of `known`."""
        for name in self.document:
            if name not in known:
                raise InvalidDocument(self.at(name), f"unknown; known are: {', '.join(sorted(known))}")

    def text(self, name: str, *, max_length: int = MAX_TITLE_LENGTH) -> str:
        """Return a text with at least one character that is not white space."""
        value = self.document.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > max_length:
            raise self.wrong(name, f"a text of 1 to {max_length} characters")
        return value

    def optional_text(self, name: str, *, max_length: int = MAX_TITLE_LENGTH) -> str | None:
        """Return a text as `text` does, or None when the member is missing or null."""
        return None if self.document.get(name) is None else self.text(name, max_length=max_length)

    def matching(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        """Return a text that matches the whole pattern."""
        value = self.document.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.wrong(name, expected)
        return value

    def choice(self, name: str, allowed: Collection[str], default: str | None = None) -> str:
        """Return one of the allowed words."""
        value = self.document.get(name, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(name, f"one of {', '.join(allowed)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.document.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """Return an integer between two bounds, both included."""
        value = self.document.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(name, f"an integer from {low} to {high}")
        return value

    def option(self, name: str) -> bool:
        """Return true or false of an option that may also be a text of a query; false when it is missing."""
        value = self.document.get(name, False)
        known = {"true": True, "1": True, "false": False, "0": False}.get(value, value)
        if not isinstance(known, bool):
            raise self.wrong(name, "true or false")
        return known

    def count(self, name: str, high: int) -> int:
        """Return an integer from 0 to `high` of an option that may also be a text of a query."""
        value = self.document.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= high:
            raise self.wrong(name, f"an integer from 0 to {high}")
        return value

    def moment_us(self, name: str) -> int | None:
        """Return a moment (ISO 8601; UTC without offset) in microseconds since 1970; None when missing."""
        value = self.document.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise self.wrong(name, MOMENT_RULE) from error
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
        if not timedelta(0) <= since < LATEST - EPOCH:
            raise self.wrong(name, MOMENT_RULE)
        return since // timedelta(microseconds=1)

    def inner(self, name: str) -> "Members":
        """Return the members of an object inside; none when it is missing."""
        value = self.document.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Members(value, self.at(name))

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; empty when the member is missing."""
        value = self.document.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "a list of texts")
        return value


def shown(value: Any) -> str:
    """Return a value as JSON, short enough for a sentence."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= MAX_SHOWN_LENGTH else text[: MAX_SHOWN_LENGTH - 3] + "..."
