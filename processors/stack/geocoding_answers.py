"""What is asked of a geocoder, and what can it answer?

A question is the same question however its address was spelt in the record: trimmed, in lower case, one space
between words. So a batch asks each address once, and a cache finds it again.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

ANY = "any"  # the provider of a question that any geocoder may answer
MAX_PART = 300  # characters: more is no address, and no provider takes it
KEY_BYTES = 20


@dataclass(frozen=True, slots=True)
class Question:
    """What one record asks; `parts` are (name, folded text) in the order of the provider's parameters."""

    provider: str
    parts: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """40 hexadecimal digits that stand for the parts where the parts themselves must not be kept."""
        return blake2b(orjson.dumps(self.parts), digest_size=KEY_BYTES).hexdigest()

    def part(self, name: str) -> str:
        """Return one part; empty when the record has none."""
        return next((text for known, text in self.parts if known == name), "")

    def line(self, *names: str) -> str:
        """Return these parts in one line, as on an envelope."""
        return ", ".join(text for text in map(self.part, names) if text)


@dataclass(frozen=True, slots=True)
class Found:
    """There it is, in degrees of WGS 84. Raises ValueError when that is not on Earth."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):  # noqa: PLR2004 - degrees
            raise ValueError(f"latitude {self.lat} or longitude {self.lon} is out of range")


@dataclass(frozen=True, slots=True)
class FoundWords:
    """These words name the place."""

    text: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider knows no such place: the output stays empty."""


@dataclass(frozen=True, slots=True)
class Away:
    """The provider could not be asked now: the record waits."""

    provider: str
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never answer this question: the record's own fault."""

    message: str


Lasting = Found | FoundWords | NotFound  # what may be remembered
Answer = Lasting | Away | Refused


def folded(text: str) -> str:
    """Return a text as questions spell it. Raises ValueError when it is too long."""
    if len(text) > MAX_PART:
        raise ValueError(f"an address has at most {MAX_PART} characters, this text has {len(text)}")
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.lower().split())


def question_of(provider: str, parts: Iterable[tuple[str, str]]) -> Question:
    """Return the question with those parts that say something."""
    return Question(provider, tuple((name, text) for name, text in parts if text))


def answer_to_json(answer: Lasting) -> dict[str, Any]:
    """Return an answer as the cache keeps it."""
    match answer:
        case Found(lat, lon):
            return {"lat": lat, "lon": lon}
        case FoundWords(text):
            return {"words": text}
        case NotFound():
            return {}


def answer_from_json(document: Any) -> Answer:
    """Return the answer of a JSON object: `lat` and `lon`, `words`, `away` and `provider`, `refused`.

    An empty one says that nothing was found. Raises ValueError for anything else.
    """
    match document:
        case {"lat": int() | float() as lat, "lon": int() | float() as lon}:
            return Found(float(lat), float(lon))
        case {"words": str(text)}:
            return FoundWords(text)
        case {"away": str(message), "provider": str(provider)}:
            return Away(provider, message)
        case {"refused": str(message)}:
            return Refused(message)
        case {**rest} if not rest:
            return NotFound()
    raise ValueError("this is no answer of a geocoder")
