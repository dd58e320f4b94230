"""What is done to texts by regular expressions?  The processors of category text that take one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.inference import technical_name
from processors.stack.outcomes import Outcome, Record
from processors.stack.patterns import PATIENCE_S, InvalidPattern, Pattern, TooSlow, compile_pattern
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import failed, text_of
from processors.stack.text import ALL_FIELDS, FIELD, changed_fields, in_place, require

MANY_SLOW = 5  # texts of one batch that may use up the whole patience
LITTLE_PATIENCE_S = 0.002  # for each of the others, so that every batch ends


@registered("extract_text", Category.TEXT, "Extract text")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractText(Processor):
    """Makes fields of the named groups (?P<name>...) of a regular expression, from where it is found first.

    When it is not found, the fields are empty.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    regular_expression: str = parameter("Regular expression", kind=ParameterKind.PATTERN)

    def __post_init__(self) -> None:
        names = compile_pattern(self.regular_expression).names
        require(names, "regular_expression", "expected at least one named group, such as (?P<new_field>...)")
        for name in names:
            usable = technical_name(name) == name
            require(usable, "regular_expression", f"{name} names no field: letters, digits and '_' do")

    def outputs(self) -> tuple[str, ...]:
        return compile_pattern(self.regular_expression).names

    def compiled(self) -> Apply:
        pattern = compile_pattern(self.regular_expression)
        name, nothing = self.field, dict.fromkeys(pattern.names)

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            search = impatient(lambda text, seconds: pattern.search(text, patience_s=seconds))
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                try:
                    text = text_of(record.get(name))
                    found = search(text) if text else None
                except ValueError as error:
                    if outcomes is records:
                        outcomes = list(records)
                    outcomes[index] = failed(record, name, error)
                    continue
                record.update(found.groupdict() if found else nothing)
            return outcomes

        return apply


@registered("replace_via_regexp", Category.TEXT, "Replace via regular expression")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceViaRegexp(Processor):
    r"""Replaces whatever a regular expression finds.

    The regular expression and the new value are those of Python's re: in the new value, \1 and \g<name>
    stand for what a group found. An empty new value deletes.
    """

    field: str = parameter("Field", **FIELD)
    all_fields: bool = parameter("All fields", **ALL_FIELDS)
    regular_expression: str = parameter("Regular expression", kind=ParameterKind.PATTERN)
    new_value: str = parameter("New value", default="")
    case_insensitive: bool = parameter("Case insensitive", kind=ParameterKind.FLAG, default=False)
    multiline: bool = parameter(
        "Multiline",
        kind=ParameterKind.FLAG,
        default=False,
        help="Whether ^ and $ are found at every line.",
    )
    dot_matches_newline: bool = parameter("Dot matches newline", kind=ParameterKind.FLAG, default=False)

    def __post_init__(self) -> None:
        require(self.all_fields or self.field, "field")
        try:
            self._pattern().replacement(self.new_value)
        except InvalidPattern as error:
            raise InvalidDocument("new_value", str(error)) from error

    def outputs(self) -> tuple[str, ...] | None:
        return changed_fields(self.field, self.all_fields)

    def compiled(self) -> Apply:
        pattern = self._pattern()
        new = pattern.replacement(self.new_value)
        field, all_fields = self.field, self.all_fields

        def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
            replaced = impatient(lambda text, seconds: pattern.replace(new, text, patience_s=seconds))
            return in_place(field, all_fields, replaced)(records, versions)

        return apply

    def _pattern(self) -> Pattern:
        return compile_pattern(
            self.regular_expression,
            ignore_case=self.case_insensitive,
            multiline=self.multiline,
            dot_all=self.dot_matches_newline,
        )


def impatient(change: Callable[[str, float], Any]) -> Callable[[str], Any]:
    """Return a function for the texts of one batch; it gives them less time after many that took too long."""
    slow = 0

    def changed(text: str) -> Any:
        nonlocal slow
        try:
            return change(text, PATIENCE_S if slow < MANY_SLOW else LITTLE_PATIENCE_S)
        except TooSlow:
            slow += 1
            raise

    return changed
