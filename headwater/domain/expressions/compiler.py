"""How does a tree become fast?  It is turned into Python closures once; records then only run them.

What does not depend on the record is computed while compiling. Nothing in an expression can reach an
attribute, a module or a name of Python: there are fields, operators and the functions of the table.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from math import e, pi
from typing import Any, NamedTuple

from headwater.domain.expressions.functions import FUNCTIONS
from headwater.domain.expressions.operators import (
    ARITHMETIC,
    COMPARISONS,
    Operate,
    concatenated,
    factorial,
    negative,
    power,
)
from headwater.domain.expressions.outside import Outside
from headwater.domain.expressions.signatures import Function, Given
from headwater.domain.expressions.tree import (
    Call,
    Chain,
    Choice,
    Constant,
    Factorial,
    Field,
    Literal,
    Node,
    Not,
    Power,
    Sign,
    Tree,
)
from headwater.domain.expressions.values import ExpressionError, is_true, settled, shown, storable

Evaluate = Callable[[Mapping[str, Any], int], Any]  # a record and its version -> the value

_OPERATORS: Mapping[str, Operate] = {**ARITHMETIC, **COMPARISONS}
_CONSTANTS: Mapping[str, Any] = {"pi": pi, "e": e, "true": True, "false": False}
_NUMBERS = frozenset({int, float})
_NEVER_EMPTY = frozenset({int, float, bool})


class Piece(NamedTuple):
    """A compiled part, and whether it is the same for all records."""

    evaluate: Evaluate
    is_fixed: bool = False


def compile_expression(tree: Tree, outside: Outside) -> Evaluate:
    """Return the function from a record and its version to the value.

    The value is JSON, or a GeoPoint. The function raises ExpressionError, and nothing else, for whatever
    JSON values a record holds; the same record and version give the same value again.
    """
    evaluate = _Compiler(outside).piece(tree).evaluate
    return evaluate if _is_computed(tree) else _checked(evaluate)


class _Compiler:
    """Compiles one expression."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._places = count(1)  # of the functions that take the version
        self._kinds: Mapping[type[Node], Callable[[Any], Piece]] = {
            Literal: lambda node: _fixed(node.value),
            Constant: lambda node: _fixed(_CONSTANTS[node.name]),
            Field: _field,
            Sign: lambda node: self._unary(negative, node),
            Factorial: lambda node: self._unary(factorial, node),
            Not: lambda node: self._unary(_negation, node),
            Power: self._power,
            Chain: self._chain,
            Choice: self._choice,
            Call: self._call,
        }

    def piece(self, node: Node) -> Piece:
        return self._kinds[type(node)](node)

    def _unary(self, operate: Callable[[Any], Any], node: Sign | Factorial | Not) -> Piece:
        operand, is_fixed = self.piece(node.operand)
        return _folded(lambda record, version: operate(operand(record, version)), is_fixed=is_fixed)

    def _power(self, node: Power) -> Piece:
        base, exponent = self.piece(node.base), self.piece(node.exponent)
        return _folded(
            _binary(power, base.evaluate, exponent.evaluate), is_fixed=base.is_fixed and exponent.is_fixed
        )

    def _chain(self, node: Chain) -> Piece:
        pieces = [self.piece(child) for child in node.children]
        operators = [operator for operator, _ in node.rest]
        evaluate = _chained(operators, [piece.evaluate for piece in pieces])
        return _folded(evaluate, is_fixed=all(piece.is_fixed for piece in pieces))

    def _choice(self, node: Choice) -> Piece:
        cases = tuple(
            (self.piece(condition).evaluate, self.piece(value).evaluate) for condition, value in node.cases
        )
        otherwise = _fixed(None) if node.otherwise is None else self.piece(node.otherwise)
        return Piece(_chosen(cases, otherwise.evaluate))

    def _call(self, node: Call) -> Piece:
        function = FUNCTIONS[node.name]
        pieces = [self.piece(argument) for argument in node.arguments]
        arguments = tuple(piece.evaluate for piece in pieces)
        if function.given is Given.VERSION:
            return Piece(_versioned(node.name, function, arguments, next(self._places)))
        compute = function.compute
        if function.given is Given.OUTSIDE:
            compute = partial(compute, self._outside)
        called = _called_with_one if len(arguments) == 1 else _called
        evaluate = called(node.name, function, compute, arguments)
        return _folded(evaluate, is_fixed=all(piece.is_fixed for piece in pieces))


def _fixed(value: Any) -> Piece:
    return Piece(lambda _record, _version: value, is_fixed=True)


def _folded(evaluate: Evaluate, *, is_fixed: bool) -> Piece:
    """Compute what is the same for all records; what has no result fails for each record anew."""
    if not is_fixed:
        return Piece(evaluate)
    try:
        return _fixed(evaluate({}, 0))
    except ExpressionError:
        return Piece(evaluate)


def _is_computed(tree: Tree) -> bool:
    """Tell whether the value is a number or a boolean that an operator made: those can always be stored."""
    if isinstance(tree, Chain):
        return tree.rest[0][0] != "&"
    return isinstance(tree, (Sign, Not, Factorial, Power))


def _checked(evaluate: Evaluate) -> Evaluate:
    return lambda record, version: storable(evaluate(record, version))


def _field(node: Field) -> Piece:
    name, technical = node.name, node.technical_name
    if name == technical:
        return Piece(lambda record, _version: record.get(name))
    return Piece(lambda record, _version: record.get(name, record.get(technical)))


def _negation(value: Any) -> bool:
    return not is_true(value)


def _chained(operators: list[str], operands: list[Evaluate]) -> Evaluate:
    """Return a chain of operators of one rank; never nested closures, so that it can be long."""
    if operators[0] == "&":
        return _concatenation(tuple(operands))
    if operators[0] in {"and", "or"}:
        return _decision(tuple(operands), decided_by=operators[0] == "or")
    if len(operators) == 1:
        return _binary(_OPERATORS[operators[0]], *operands)
    first, *others = operands
    return _from_the_left(first, tuple(zip((_OPERATORS[one] for one in operators), others, strict=True)))


def _binary(operate: Operate, left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda record, version: operate(left(record, version), right(record, version))


def _from_the_left(first: Evaluate, rest: tuple[tuple[Operate, Evaluate], ...]) -> Evaluate:
    def evaluate(record: Mapping[str, Any], version: int) -> Any:
        value = first(record, version)
        for operate, operand in rest:
            value = operate(value, operand(record, version))
        return value

    return evaluate


def _concatenation(operands: tuple[Evaluate, ...]) -> Evaluate:
    return lambda record, version: concatenated([operand(record, version) for operand in operands])


def _decision(conditions: tuple[Evaluate, ...], *, decided_by: bool) -> Evaluate:
    """Return `or` (decided by a true condition) or `and` (by a false one); the others are not asked then."""

    def evaluate(record: Mapping[str, Any], version: int) -> bool:
        for condition in conditions:
            if is_true(condition(record, version)) is decided_by:
                return decided_by
        return not decided_by

    return evaluate


def _chosen(cases: tuple[tuple[Evaluate, Evaluate], ...], otherwise: Evaluate) -> Evaluate:
    def evaluate(record: Mapping[str, Any], version: int) -> Any:
        for condition, value in cases:
            if is_true(condition(record, version)):
                return value(record, version)
        return otherwise(record, version)

    return evaluate


def _called_with_one(
    name: str, function: Function, compute: Callable[..., Any], arguments: tuple[Evaluate, ...]
) -> Evaluate:
    """Return a call as `_called` does, faster."""
    (argument,) = arguments
    parameter = function.parameter(0)
    read, may_be_empty, when_empty = parameter.read, parameter.may_be_empty, function.when_empty

    def evaluate(record: Mapping[str, Any], version: int) -> Any:
        value = argument(record, version)
        if not value and value.__class__ not in _NEVER_EMPTY and not may_be_empty:
            return when_empty
        return _result(name, compute, (read(value),))

    return evaluate


def _called(
    name: str, function: Function, compute: Callable[..., Any], arguments: tuple[Evaluate, ...]
) -> Evaluate:
    read, when_empty = _reading(function, arguments), function.when_empty

    def evaluate(record: Mapping[str, Any], version: int) -> Any:
        values = read(record, version)
        return when_empty if values is None else _result(name, compute, values)

    return evaluate


def _versioned(name: str, function: Function, arguments: tuple[Evaluate, ...], place: int) -> Evaluate:
    read, compute, when_empty = _reading(function, arguments), function.compute, function.when_empty

    def evaluate(record: Mapping[str, Any], version: int) -> Any:
        values = read(record, version)
        return when_empty if values is None else _result(name, partial(compute, version, place), values)

    return evaluate


def _result(name: str, compute: Callable[..., Any], values: Sequence[Any]) -> Any:
    try:
        result = compute(*values)
    except ExpressionError:
        raise
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise _no_result(name, values, error) from error
    return settled(result) if result.__class__ in _NUMBERS else result


def _reading(
    function: Function, arguments: tuple[Evaluate, ...]
) -> Callable[[Mapping[str, Any], int], list[Any] | None]:
    """Return what reads the arguments; its None says that one is empty that may not be."""
    parameters = [function.parameter(index) for index in range(len(arguments))]
    parts = tuple(
        (argument, parameter.read, parameter.may_be_empty)
        for argument, parameter in zip(arguments, parameters, strict=True)
    )

    def read(record: Mapping[str, Any], version: int) -> list[Any] | None:
        values = []
        for argument, convert, may_be_empty in parts:
            value = argument(record, version)
            if not value and value.__class__ not in _NEVER_EMPTY and not may_be_empty:
                return None
            values.append(convert(value))
        return values

    return read


def _no_result(name: str, values: Sequence[Any], error: Exception) -> ExpressionError:
    """Return the sentence for what a function of Python's own refused."""
    if isinstance(error, ZeroDivisionError):
        return ExpressionError("division by zero")
    call = f"{name}({', '.join(shown(value) for value in values)})"
    return ExpressionError(
        f"{call} is too large" if isinstance(error, OverflowError) else f"{call} has no result"
    )
