"""What is done to fields as such?  Adding, copying, tidying and gathering them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import InvalidDocument
from processors.stack.outcomes import Failed, Outcome, Record
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import each, is_empty, mapped, text_of


@registered("add_field", Category.GENERIC, "Add a field")
@dataclass(frozen=True, slots=True, kw_only=True)
class AddField(Processor):
    """Creates an empty field, to be filled later. A record that already has a value there keeps it."""

    field: str = parameter("Field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        name = self.field

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            for record in records:
                record.setdefault(name, None)
            return records

        return apply


@registered("copy_field", Category.GENERIC, "Copy a field")
@dataclass(frozen=True, slots=True, kw_only=True)
class CopyField(Processor):
    """Writes the value of a field into another one as well."""

    field_to_copy: str = parameter("Field to copy", kind=ParameterKind.FIELD)
    new_field: str = parameter("New field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        source, target = self.field_to_copy, self.new_field

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            for record in records:
                record[target] = record.get(source)
            return records

        return apply


@registered("deduplicate_multivalued_fields", Category.GENERIC, "Deduplicate multivalued fields")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeduplicateMultivaluedFields(Processor):
    """Removes repeated values from a list of values; the first of each stays, in its place.

    Values are compared as they are written, spaces and case included. A JSON array stays an array.
    """

    duplicated_field: str = parameter("Duplicated field", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)
    separator: str = parameter("Separator", help="What stands between the values.")

    def __post_init__(self) -> None:
        if not self.separator:
            raise InvalidDocument("separator", "expected at least one character")

    def compiled(self) -> Apply:
        separator = self.separator

        def without_repeats(value: Any) -> Any:
            if value.__class__ is str:
                return separator.join(dict.fromkeys(value.split(separator))) or None
            if not isinstance(value, list):
                return value
            kept: dict[str, Any] = {}
            for member in value:
                kept.setdefault(text_of(member), member)
            return list(kept.values())

        return mapped(self.duplicated_field, self.output_field, without_repeats)


@registered(
    "transform_boolean_columns_to_multivalued_field",
    Category.GENERIC,
    "Transform boolean columns to multivalued field",
)
@dataclass(frozen=True, slots=True, kw_only=True)
class TransformBooleanColumns(Processor):
    """Turns many yes/no fields into one list of the names of those that say yes.

    A processor knows fields by their technical names only, so with `use_labels` too these are listed.
    """

    boolean_fields: tuple[str, ...] = parameter("Boolean fields", kind=ParameterKind.FIELDS)
    values_considered_false: tuple[str, ...] = parameter(
        "Values considered false",
        kind=ParameterKind.TEXTS,
        help="Any other value is true; the JSON value false is always false.",
    )
    empty_is_false: bool = parameter(
        "Empty is false",
        kind=ParameterKind.FLAG,
        default=False,
        help="Without it an empty or missing field counts as true.",
    )
    use_labels: bool = parameter(
        "Use labels",
        kind=ParameterKind.FLAG,
        default=False,
        help="Accepted; the label of a field is its technical name here.",
    )
    remove_boolean_fields: bool = parameter("Remove boolean fields", kind=ParameterKind.FLAG, default=False)
    separator: str = parameter("Separator", default=",")
    output_field: str = parameter("Output", kind=ParameterKind.OUTPUT)

    def compiled(self) -> Apply:
        names, separator, target = self.boolean_fields, self.separator, self.output_field
        false_texts = frozenset(self.values_considered_false)
        false_words = frozenset(text.lower() for text in false_texts)
        removed = names if self.remove_boolean_fields else ()

        def is_yes(value: Any) -> bool:
            if value.__class__ is bool:
                return bool(value) and "true" not in false_words
            if is_empty(value):
                return not self.empty_is_false
            return text_of(value) not in false_texts

        def gathered(record: Record, _: int) -> Outcome:
            try:
                chosen = separator.join([name for name in names if is_yes(record.get(name))])
            except ValueError as error:
                return Failed(record, target, str(error))
            for name in removed:
                record.pop(name, None)
            record[target] = chosen or None
            return record

        return each(gathered)
