"""Which records are there?  Processors that leave records out, delete them, or make several of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.expressions import is_true
from headwater.domain.inference import technical_name
from processors.stack.expanding import expanded, too_many
from processors.stack.expressions import check_patterns, evaluation, fields_in, is_formula, without_result
from processors.stack.outcomes import Deleted, Outcome, Record, Several, Skipped
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import each, failed, is_empty, text_of

SKIPPED = "skipped"  # label of the counter of records that a filter left out

Matches = Callable[[Record, int], bool]  # raises ValueError

_FIELD_HELP = "Mandatory with a value; an expression names its fields itself."
_VALUE_HELP = "A value, or an expression beginning with '='. Nothing: records whose field is empty."
_EXACT_HELP = "Without it the value only has to be contained, in upper or lower case."


@registered("skip_records", Category.GENERIC, "Skip records")
@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRecords(Processor):
    """Leaves out the records that match a value or an expression, or all that do not match."""

    field: str = parameter("Field", kind=ParameterKind.FIELD, default="", help=_FIELD_HELP)
    value_to_skip: str | float | bool = parameter(
        "Value to skip", kind=ParameterKind.EXPRESSION, default="", help=_VALUE_HELP
    )
    exact_match: bool = parameter("Exact match", kind=ParameterKind.FLAG, default=True, help=_EXACT_HELP)
    keep_instead_of_skip: bool = parameter("Keep instead of skip", kind=ParameterKind.FLAG, default=False)

    def __post_init__(self) -> None:
        _check(self.field, self.value_to_skip)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        return _fields_read(self.field, self.value_to_skip)

    def compiled(self) -> Apply:
        matches = _matching(self.field, self.value_to_skip, exact=self.exact_match)
        return _applied_where(
            matches, self.field, lambda _: Skipped(SKIPPED), inverted=self.keep_instead_of_skip
        )


@registered("delete_record", Category.GENERIC, "Delete record", aliases=("delete_record_by_id",))
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRecord(Processor):
    """Deletes the records that match a value or an expression, also where they are stored already."""

    field: str = parameter("Field", kind=ParameterKind.FIELD, default="", help=_FIELD_HELP)
    value_to_skip: str | float | bool = parameter(
        "Value to skip", kind=ParameterKind.EXPRESSION, default="", help=_VALUE_HELP
    )
    exact_match: bool = parameter("Exact match", kind=ParameterKind.FLAG, default=True, help=_EXACT_HELP)

    def __post_init__(self) -> None:
        _check(self.field, self.value_to_skip)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        return _fields_read(self.field, self.value_to_skip)

    def compiled(self) -> Apply:
        matches = _matching(self.field, self.value_to_skip, exact=self.exact_match)
        return _applied_where(matches, self.field, Deleted, inverted=False)


@registered("expand_multivalued_field", Category.GENERIC, "Expand multivalued field")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandMultivaluedField(Processor):
    """Makes one record of each value of a multivalued field; a record without a value stays.

    Values are what stands between the separators, spaces included. A JSON array has its members as values.
    """

    multivalued_field: str = parameter("Multivalued field", kind=ParameterKind.FIELD)
    separator: str = parameter("Separator", help="What stands between the values.")
    output_field: str = parameter(
        "Output field", kind=ParameterKind.OUTPUT, default="", help="By default the multivalued field itself."
    )

    def __post_init__(self) -> None:
        if not self.separator:
            raise InvalidDocument("separator", "expected at least one character")

    def outputs(self) -> tuple[str, ...]:
        return (self.output_field or self.multivalued_field,)

    def compiled(self) -> Apply:
        source, separator = self.multivalued_field, self.separator
        target = self.output_field or source

        def expand(record: Record, _: int) -> Outcome:
            value = record.get(source)
            if value.__class__ is str and value:
                return expanded(record, source, target, value.split(separator))
            if isinstance(value, list) and value:
                return expanded(record, source, target, value)
            record[target] = None if is_empty(value) else value
            return record

        return each(expand)


@registered("transpose_fields", Category.GENERIC, "Transpose columns to rows")
@dataclass(frozen=True, slots=True, kw_only=True)
class TransposeFields(Processor):
    """Turns columns into rows: one record for each of its fields that is not fixed, with its name and value.

    A record has only the fields that it came with. Labels are made technical names where they are none.
    """

    fixed_fields: tuple[str, ...] = parameter(
        "Fixed fields", kind=ParameterKind.FIELDS, help="The fields that every row repeats."
    )
    invert_fixed_fields: bool = parameter(
        "Invert fixed fields",
        kind=ParameterKind.FLAG,
        default=False,
        help="The fields named above are those to transpose, all others are fixed.",
    )
    label_for_title_column: str = parameter(
        "Label for title column", help="The new field with the names of the transposed ones."
    )
    label_for_value_column: str = parameter(
        "Label for value column", default="value", help="The new field with their values."
    )
    one_line: bool = parameter(
        "One line",
        kind=ParameterKind.FLAG,
        default=False,
        help="One row for each record, its names and its values joined by the separator.",
    )
    separator: str = parameter("Separator", default="/", help="Counts with one line only.")

    def __post_init__(self) -> None:
        for name in ("label_for_title_column", "label_for_value_column"):
            if not getattr(self, name).strip():
                raise InvalidDocument(name, "expected the name of a field")
        if len(set(self.outputs())) == 1:
            raise InvalidDocument("label_for_value_column", "is the same field as label_for_title_column")

    def inputs(self) -> tuple[tuple[str, str], ...]:
        return tuple(("fixed_fields", name) for name in self.fixed_fields)

    def outputs(self) -> tuple[str, ...]:
        return technical_name(self.label_for_title_column), technical_name(self.label_for_value_column)

    def compiled(self) -> Apply:
        named, inverted = frozenset(self.fixed_fields), self.invert_fixed_fields
        title, value = self.outputs()
        gathered = self._in_one_line if self.one_line else _in_rows

        def transpose(record: Record, _: int) -> Outcome:
            fixed = dict(record)
            moved: Record = {}
            for name in record:
                if (name in named) is inverted:
                    moved[name] = fixed.pop(name)
            if not moved:
                return {**fixed, title: None, value: None}
            try:
                return gathered(fixed, moved, title, value)
            except ValueError as error:
                return failed(record, "", error)

        return each(transpose)

    def _in_one_line(self, fixed: Record, moved: Record, title: str, value: str) -> Outcome:
        """Return one record with the names and the values. Raises ValueError for what has no text."""
        names, values = self.separator.join(moved), self.separator.join(map(text_of, moved.values()))
        return {**fixed, title: names, value: values}


def _in_rows(fixed: Record, moved: Record, title: str, value: str) -> Outcome:
    """Return a record for each name with its value. Raises ValueError when these are too many."""
    if problem := too_many(fixed, len(moved)):
        raise ValueError(problem)
    rows = [{**fixed, title: name, value: one} for name, one in moved.items()]
    return rows[0] if len(rows) == 1 else Several(tuple(rows))


def _check(field: str, value: Any) -> None:
    if not field and not is_formula(value):
        raise InvalidDocument("field", "parameter is mandatory unless the value is an expression")
    check_patterns("value_to_skip", value)


def _fields_read(field: str, value: Any) -> tuple[tuple[str, str], ...]:
    if is_formula(value):
        return tuple(("value_to_skip", name) for name in sorted(fields_in(value)))
    return (("field", field),)


def _matching(field: str, value: Any, *, exact: bool) -> Matches:
    """Return whether a record matches: by an expression, or by what is in the field."""
    if is_formula(value):
        evaluate = evaluation(value)
        return lambda record, version: is_true(evaluate(record, version))
    text = text_of(value)
    if not text:  # contained in everything, and nobody means everything
        return lambda record, _: is_empty(record.get(field))
    if exact:
        return _equal(field, text)
    part = text.casefold()
    return lambda record, _: part in text_of(record.get(field)).casefold()


def _equal(field: str, text: str) -> Matches:
    word = text.lower()  # a JSON boolean is the same however somebody spells it here

    def equal(record: Record, _: int) -> bool:
        value = record.get(field)
        if value.__class__ is str:
            return bool(value == text)
        if value.__class__ is bool:
            return text_of(value) == word
        return text_of(value) == text

    return equal


def _applied_where(
    matches: Matches, field: str, outcome_of: Callable[[Record], Outcome], *, inverted: bool
) -> Apply:
    """Give the matching records (`inverted`: the others) another outcome."""

    def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
        outcomes: list[Any] = records
        for index, record in enumerate(records):
            try:
                if matches(record, versions[index]) is inverted:
                    continue
                outcome = outcome_of(record)
            except ValueError as error:
                outcome = without_result(record, field, error)
            if outcomes is records:
                outcomes = list(records)
            outcomes[index] = outcome
        return outcomes

    return apply
