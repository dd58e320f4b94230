"""What does this formula say of the record?  Expressions as processors, and for those that take one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.expressions import compile_expression, fields_of, is_expression, parse
from headwater.domain.expressions.tree import patterns_of
from processors.stack.outcomes import Failed, Outcome, Record
from processors.stack.outside import OUTSIDE
from processors.stack.patterns import InvalidPattern, TooSlow, compile_pattern
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import failed

CURRENT = "X"  # how a meta expression calls the field that it is at

Evaluate = Callable[[Mapping[str, Any], int], Any]  # (record, version) -> value; raises ValueError


def is_formula(written: Any) -> bool:
    """Tell whether the value of a parameter is an expression, and no value itself."""
    return isinstance(written, str) and is_expression(written)


def fields_in(written: Any) -> frozenset[str]:
    """Return the fields that an expression reads; none for a value."""
    return fields_of(parse(written)) if is_formula(written) else frozenset()


def evaluation(written: Any) -> Evaluate:
    """Return the function of an expression; of a value the one that always returns it."""
    if is_formula(written):
        return compile_expression(parse(written), OUTSIDE)
    return lambda _record, _version: written


def check_patterns(parameter_name: str, written: Any) -> None:
    """Raise InvalidDocument for a regular expression that is written out in an expression and is none."""
    for pattern, column in patterns_of(parse(written)) if is_formula(written) else ():
        try:
            compile_pattern(pattern)
        except InvalidPattern as error:
            raise InvalidDocument(parameter_name, f"column {column}: {error}") from error


def without_result(record: Record, field: str, error: ValueError) -> Failed:
    """Return what becomes of a record for which an expression has no value.

    A regular expression that took too long has a code of its own, which the error of an expression has not.
    """
    return failed(record, field, error.__context__ if isinstance(error.__context__, TooSlow) else error)


@registered("expression", Category.GENERIC, "Expression")
@dataclass(frozen=True, slots=True, kw_only=True)
class Expression(Processor):
    """Writes the result of an expression into a field; a text without a leading '=' is written as it is."""

    expression: str | float | bool = parameter("Expression", kind=ParameterKind.EXPRESSION)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def __post_init__(self) -> None:
        check_patterns("expression", self.expression)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        return tuple(("expression", name) for name in sorted(fields_in(self.expression)))

    def compiled(self) -> Apply:
        evaluate, target = evaluation(self.expression), self.output_field

        def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                try:
                    record[target] = evaluate(record, versions[index])
                except ValueError as error:
                    if outcomes is records:
                        outcomes = list(records)
                    outcomes[index] = without_result(record, target, error)
            return outcomes

        return apply


@registered("meta_expression", Category.GENERIC, "Meta expression")
@dataclass(frozen=True, slots=True, kw_only=True)
class MetaExpression(Processor):
    """Applies one expression to several fields, in place; in it X is the value of the field it is at.

    All results are computed from the record as it was, so the order of the fields does not matter. A field
    whose name is X cannot be read here.
    """

    meta_expression: str | float | bool = parameter(
        "Meta expression",
        kind=ParameterKind.EXPRESSION,
        help="An expression in which X is the current value.",
    )
    fields: tuple[str, ...] = parameter("Fields", kind=ParameterKind.FIELDS)

    def __post_init__(self) -> None:
        check_patterns("meta_expression", self.meta_expression)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        read = sorted(fields_in(self.meta_expression) - {CURRENT})
        return (*(("fields", name) for name in self.fields), *(("meta_expression", name) for name in read))

    def outputs(self) -> tuple[str, ...]:
        return self.fields

    def compiled(self) -> Apply:
        evaluate, names = evaluation(self.meta_expression), tuple(dict.fromkeys(self.fields))

        def apply(records: list[Record], versions: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                view, results = dict(record), {}
                name = ""
                try:
                    for name in names:
                        view[CURRENT] = record.get(name)
                        results[name] = evaluate(view, versions[index])
                except ValueError as error:
                    if outcomes is records:
                        outcomes = list(records)
                    outcomes[index] = without_result(record, name, error)
                else:
                    record.update(results)
            return outcomes

        return apply
