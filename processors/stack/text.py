"""What is done to texts?  The processors of category text."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import combining, normalize

from headwater.domain.errors import InvalidDocument
from processors.stack.markup import decoded, text_in_html
from processors.stack.outcomes import Outcome, Record
from processors.stack.patterns import MAX_RESULT
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import each, failed, mapped, text_of, texts_changed

MAX_MARKS = 250  # combining characters in a row; to put them in order takes quadratic time
MAX_INDEX = 1_000_000

FIELD: dict[str, Any] = {"kind": ParameterKind.FIELD, "default": "", "help": "Mandatory unless all fields."}
ALL_FIELDS: dict[str, Any] = {
    "kind": ParameterKind.FLAG,
    "default": False,
    "help": "Whether every field that holds text is treated.",
}


@registered("concatenate_text", Category.TEXT, "Concatenate text")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConcatenateText(Processor):
    """Joins the values of two fields. When one of them is empty, there is no separator."""

    separator: str = parameter("Separator", default="")
    left_value: str = parameter("Left value", kind=ParameterKind.FIELD)
    right_value: str = parameter("Right value", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        left, right, output, separator = self.left_value, self.right_value, self.output_field, self.separator

        def joined(record: Record, _: int) -> Outcome:
            name = left
            try:
                first = text_of(record.get(left))
                name = right
                second = text_of(record.get(right))
            except ValueError as error:
                return failed(record, name, error)
            record[output] = f"{first}{separator}{second}" if first and second else first or second or None
            return record

        return each(joined)


@registered("decode_html_entities", Category.TEXT, "Decode HTML entities")
@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeHtmlEntities(Processor):
    """Replaces HTML entities such as &eacute; or &#233; by the characters that they stand for."""

    field: str = parameter("Field", **FIELD)
    all_fields: bool = parameter("All fields", **ALL_FIELDS)

    def __post_init__(self) -> None:
        require(self.all_fields or self.field, "field")

    def outputs(self) -> tuple[str, ...] | None:
        return changed_fields(self.field, self.all_fields)

    def compiled(self) -> Apply:
        return in_place(self.field, self.all_fields, decoded)


@registered("extract_html", Category.TEXT, "Extract HTML")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractHtml(Processor):
    """Removes the tags of HTML and keeps its text, entities decoded."""

    field: str = parameter("Field", kind=ParameterKind.FIELD)

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)

    def compiled(self) -> Apply:
        return texts_changed((self.field,), text_in_html)


@registered("extract_url", Category.TEXT, "Extract URLs")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractUrl(Processor):
    """Finds the http and https links in a text, and joins them with a space."""

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        def links(value: Any) -> str | None:
            return " ".join([_trimmed(link) for link in _LINK.findall(text_of(value))]) or None

        return mapped(self.field, self.output_field, links)


# A comma or the like ends a link where another one begins.
_LINK = re.compile(r"""https?://(?=[\w\[])(?:[^\s<>"`{}|\\^,;]++|[,;](?!https?://))++""", re.IGNORECASE)


def _trimmed(link: str) -> str:
    """Return a link without what belongs to the sentence around it."""
    surplus = {")": link.count(")") - link.count("("), "]": link.count("]") - link.count("[")}
    end = len(link)
    while (last := link[end - 1]) in ".,;:!?'*" or surplus.get(last, 0) > 0:
        if last in surplus:
            surplus[last] -= 1
        end -= 1
    return link[:end]


@registered("normalize_unicode_values", Category.TEXT, "Normalize Unicode values")
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeUnicodeValues(Processor):
    """Writes letters with accents in one way (NFC), so that texts that look alike are alike."""

    fields: tuple[str, ...] = parameter(
        "Fields", kind=ParameterKind.FIELDS, default=(), help="Mandatory unless all fields."
    )
    all_fields: bool = parameter("All fields", **ALL_FIELDS)

    def __post_init__(self) -> None:
        require(self.all_fields or self.fields, "fields")

    def outputs(self) -> tuple[str, ...] | None:
        return None if self.all_fields else self.fields

    def compiled(self) -> Apply:
        return texts_changed(None if self.all_fields else self.fields, _composed)


def _composed(text: str) -> str:
    if text.isascii():
        return text
    if len(text) > MAX_MARKS:
        in_a_row = 0
        for one in text:
            in_a_row = in_a_row + 1 if one > "\u02ff" and combining(one) else 0
            if in_a_row > MAX_MARKS:
                raise ValueError(f"there are more than {MAX_MARKS} combining characters in a row")
    return normalize("NFC", text)


@registered("normalize_url", Category.TEXT, "Normalize URL")
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeUrl(Processor):
    """Removes the space around a URL and puts http:// before it when it has no scheme."""

    field: str = parameter("Field", kind=ParameterKind.FIELD)

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)

    def compiled(self) -> Apply:
        def normalized(text: str) -> str:
            url = text.strip()
            if not url or _SCHEME.match(url):
                return url
            return f"http:{url}" if url.startswith("//") else f"http://{url}"

        return texts_changed((self.field,), normalized)


# Of `name:8080` it cannot be told but by the slashes that name is no scheme.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}://|(?:mailto|tel|sms|urn|data|geo):", re.IGNORECASE)


@registered(
    "string_replace",
    Category.TEXT,
    "Replace text",
    aliases=("replace_text",),
    renamed={"old_value": "old", "new_value": "new"},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceText(Processor):
    """Replaces a text by another one, literally. An empty old value replaces nothing."""

    field: str = parameter("Field", **FIELD)
    all_fields: bool = parameter("All fields", **ALL_FIELDS)
    old: str = parameter("Old value", default="")
    new: str = parameter("New value", default="")

    def __post_init__(self) -> None:
        require(self.all_fields or self.field, "field")

    def outputs(self) -> tuple[str, ...] | None:
        return changed_fields(self.field, self.all_fields)

    def compiled(self) -> Apply:
        old, new = self.old, self.new
        if not old:
            return lambda records, _: records
        growth = max(len(new) - len(old), 0)

        def replaced(text: str) -> str:
            if growth and len(text) * growth > MAX_RESULT:
                length = len(text) + text.count(old) * growth
                if length > MAX_RESULT:
                    raise ValueError(f"the text would become longer than {MAX_RESULT} characters")
            return text.replace(old, new)

        return in_place(self.field, self.all_fields, replaced)


@registered("split_text", Category.TEXT, "Split text")
@dataclass(frozen=True, slots=True, kw_only=True)
class SplitText(Processor):
    """Takes one part of a text that a separator divides; empty when there are not so many parts."""

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    separator: str = parameter("Separator")
    index: int = parameter(
        "Index", kind=ParameterKind.INTEGER, low=1, high=MAX_INDEX, help="Which part; the first one is 1."
    )
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def __post_init__(self) -> None:
        require(self.separator, "separator")

    def compiled(self) -> Apply:
        separator, index = self.separator, self.index

        def part(value: Any) -> str | None:
            parts = text_of(value).split(separator, index)
            return (parts[index - 1] or None) if len(parts) >= index else None

        return mapped(self.field, self.output_field, part)


def in_place(field: str, all_fields: bool, change: Callable[[str], str]) -> Apply:
    """Change the texts of all fields, or what is in one field: there numbers and lists of texts as well."""
    if all_fields:
        return texts_changed(None, change)

    def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
        outcomes: list[Any] = records
        for index, record in enumerate(records):
            value = record.get(field)
            if value is None or value == "":
                continue
            try:
                record[field] = change(value) if value.__class__ is str else _changed(value, change)
            except ValueError as error:
                if outcomes is records:
                    outcomes = list(records)
                outcomes[index] = failed(record, field, error)
        return outcomes

    return apply


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value that is no text, changed as if it were one; a number stays one if nothing changes."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = text_of(value)
        new = change(text)
        return value if new == text else new
    if isinstance(value, list):
        return [change(one) if one.__class__ is str and one else one for one in value]
    return value


def changed_fields(field: str, all_fields: bool) -> tuple[str, ...] | None:
    return None if all_fields else (field,)


def require(given: Any, name: str, message: str = "parameter is mandatory") -> None:
    if not given:
        raise InvalidDocument(name, message)
