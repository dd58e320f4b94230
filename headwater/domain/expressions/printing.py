"""How is a tree written?  In one spelling, with the parentheses it needs: parse(to_text(tree)) == tree."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from headwater.domain.expressions.lexer import CONSTANTS, WORD_OPERATORS, escaped
from headwater.domain.expressions.parser import CHAINED, Rank
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


def to_text(tree: Tree) -> str:
    """Return the expression with its leading `=`."""
    return f"={_written(tree, Rank.CHOICE)}"


def _written(node: Node, loosest: Rank) -> str:
    """Return the node where only operators may stand that bind at least so tightly."""
    rank, text = _WRITERS[type(node)](node)
    return text if rank >= loosest else f"({text})"


def _literal(node: Literal) -> tuple[Rank, str]:
    value = node.value
    if isinstance(value, str):
        return Rank.OPERAND, f'"{escaped(value)}"'
    return Rank.OPERAND, str(value) if isinstance(value, int) else _decimal(value)


def _decimal(number: float) -> str:
    """Return a decimal without an exponent, and never as an integer."""
    text = format(Decimal(repr(number)), "f")
    return text if "." in text else f"{text}.0"


def _constant(node: Constant) -> tuple[Rank, str]:
    return Rank.OPERAND, node.name


def _field(node: Field) -> tuple[Rank, str]:
    name = node.name
    taken = name.lower() in CONSTANTS | WORD_OPERATORS
    return Rank.OPERAND, f"${name}" if taken or name[:1].isdigit() else name


def _sign(node: Sign) -> tuple[Rank, str]:
    return Rank.SIGN, f"-{_written(node.operand, Rank.SIGN)}"


def _not(node: Not) -> tuple[Rank, str]:
    return Rank.NOT, f"not {_written(node.operand, Rank.NOT)}"


def _factorial(node: Factorial) -> tuple[Rank, str]:
    return Rank.FACTORIAL, f"{_written(node.operand, Rank.FACTORIAL)}!"


def _power(node: Power) -> tuple[Rank, str]:
    base, exponent = _written(node.base, Rank.FACTORIAL), _written(node.exponent, Rank.POWER)
    return Rank.POWER, f"{base} ^ {exponent}"


def _chain(node: Chain) -> tuple[Rank, str]:
    rank = CHAINED[node.rest[0][0]]
    tighter = Rank(rank + 1)
    rest = (f" {operator} {_written(operand, tighter)}" for operator, operand in node.rest)
    return rank, _written(node.first, tighter) + "".join(rest)


def _choice(node: Choice) -> tuple[Rank, str]:
    """A choice in a choice gets parentheses, lest its conditions or its `:` be taken for the outer one's."""
    written = (
        f"{_written(condition, Rank.OR)} ? {_written(value, Rank.OR)}" for condition, value in node.cases
    )
    text = " : ".join(written)
    return Rank.CHOICE, text if node.otherwise is None else f"{text} : {_written(node.otherwise, Rank.OR)}"


def _call(node: Call) -> tuple[Rank, str]:
    arguments = ", ".join(_written(argument, Rank.CHOICE) for argument in node.arguments)
    return Rank.OPERAND, f"{node.name}({arguments})"


_WRITERS: Mapping[type[Node], Callable[[Any], tuple[Rank, str]]] = {
    Literal: _literal,
    Constant: _constant,
    Field: _field,
    Sign: _sign,
    Not: _not,
    Factorial: _factorial,
    Power: _power,
    Chain: _chain,
    Choice: _choice,
    Call: _call,
}
