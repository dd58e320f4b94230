"""What is at the address in a field?  The processor File; processors/downloads does the downloading.

Source: reference, processors, section 2 (row 11); fields, section 1 (file).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.domain.files import BrokenFile, StoredFile
from processors.stack.outcomes import Failed, Outcome, Record, Waiting
from processors.stack.processor import Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import is_empty

MAX_URL_LENGTH = 8_000
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file whose bytes are kept; `metadata` holds the fields that its EXIF data becomes."""

    file: StoredFile
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotDownloaded:
    """There is no file for this address, and there will be none later; `message` is a sentence."""

    message: str


@dataclass(frozen=True, slots=True)
class Away:
    """The server did not answer, or not now."""

    host: str
    message: str


Answer = Downloaded | NotDownloaded | Away


@registered("file", Category.GENERIC, "File")
@dataclass(frozen=True, slots=True, kw_only=True)
class File(Processor):
    """Downloads the file at the URL in a field and puts it in the field's place.

    With metadata, what the EXIF data of a picture says becomes fields whose names begin with exif_; those
    that a picture says nothing about are left alone.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    extract_metadata: bool = parameter("Extract metadata", kind=ParameterKind.FLAG, default=False)

    def compiled(self) -> "Download":
        return Download(self.field, extract_metadata=self.extract_metadata)

    def outputs(self) -> tuple[str, ...] | None:
        return None if self.extract_metadata else (self.field,)


class Download:
    """The step. Its questions are URLs, its answers of type Answer."""

    service = "file"

    def __init__(self, field_name: str, *, extract_metadata: bool) -> None:
        self.field = field_name
        self.extract_metadata = extract_metadata

    def ask(self, records: list[Record]) -> Sequence[str | None]:
        """Return the URL of each record; None where there is none, or a file already."""
        return [_url(record.get(self.field)) for record in records]

    def tell(self, records: list[Record], _: list[int], answers: Sequence[Any]) -> Sequence[Outcome]:
        """Return the records with their files; those whose field holds no URL or no file fail."""
        return [self._told(record, answer) for record, answer in zip(records, answers, strict=True)]

    def answer_from_json(self, document: Mapping[str, Any]) -> Answer:
        """Return an answer as tests write it: {"file", "metadata"}, {"problem"} or {"away", "message"}."""
        if "problem" in document:
            return NotDownloaded(document["problem"])
        if "away" in document:
            return Away(document["away"], document["message"])
        return Downloaded(StoredFile(document["file"]), document.get("metadata", {}))

    def _told(self, record: Record, answer: Answer | None) -> Outcome:
        value = record.get(self.field)
        if answer is None and isinstance(value, (StoredFile, BrokenFile)):
            return record
        record[self.field] = None
        match answer:
            case Downloaded():
                if self.extract_metadata:
                    record.update(answer.metadata)
                record[self.field] = answer.file
                return record
            case NotDownloaded():
                return Failed(record, self.field, answer.message)
            case Away():
                return Waiting(record, self.service, f"{answer.host}: {answer.message}")
            case None:
                return record if is_empty(value) else Failed(record, self.field, _no_url(value))


def _url(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if len(text) <= MAX_URL_LENGTH and _WEB.match(text) else None


def _no_url(value: Any) -> str:
    shown = f"{value[:60]!r}" if isinstance(value, str) else f"a value of type {type(value).__name__}"
    return f"{shown} is not the address of a file (http:// or https://, at most {MAX_URL_LENGTH} characters)"
