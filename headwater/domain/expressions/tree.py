"""What was written?  The tree of an expression.

Trees are compared by what they mean to say: where something stood in the text (`column`, from 1, with the
leading `=`) does not count. A chain of operators of one rank is one node however long it is, and so is a
chain of conditions; only real nesting makes a tree deeper, and the parser bounds that.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class Node(ABC):
    """A part of an expression."""

    __slots__ = ()

    column: int

    @property
    @abstractmethod
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the text."""


Tree = Node


@dataclass(frozen=True, slots=True)
class Leaf(Node):
    """A part without parts."""

    @property
    def children(self) -> tuple[Node, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Literal(Leaf):
    """A number, which is never negative, or a text."""

    value: int | float | str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Constant(Leaf):
    """One of `pi`, `e`, `true`, `false`, in lower case."""

    name: str
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Field(Leaf):
    """A field, by its name as it was written, without `$`."""

    name: str
    column: int = field(default=0, compare=False)

    @property
    def technical_name(self) -> str:
        """Its name in a record: no technical name begins with a digit, so `$33` is the field `_33`."""
        return f"_{self.name}" if self.name[:1].isdigit() else self.name


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """An operator with one operand."""

    operand: Node
    column: int = field(default=0, compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Sign(Unary):
    """`-x`."""


@dataclass(frozen=True, slots=True)
class Not(Unary):
    """`not x` or `!x`."""


@dataclass(frozen=True, slots=True)
class Factorial(Unary):
    """`x!`."""


@dataclass(frozen=True, slots=True)
class Power(Node):
    """`base ^ exponent`."""

    base: Node
    exponent: Node
    column: int = field(default=0, compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.base, self.exponent)


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operators of one rank, applied from the left: `first op operand op operand`."""

    first: Node
    rest: tuple[tuple[str, Node], ...]  # (operator, operand); at least one
    column: int = field(default=0, compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.first, *(operand for _, operand in self.rest))


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`condition ? value : condition ? value : otherwise`; without `otherwise` it ends in empty."""

    cases: tuple[tuple[Node, Node], ...]  # (condition, value); at least one
    otherwise: Node | None
    column: int = field(default=0, compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        parts = tuple(part for case in self.cases for part in case)
        return parts if self.otherwise is None else (*parts, self.otherwise)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function, by its name in lower case."""

    name: str
    arguments: tuple[Node, ...]
    column: int = field(default=0, compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments


def walk(tree: Node) -> Iterator[tuple[Node, int]]:
    """Yield every part with its depth, the whole at depth 1, whatever the depth of the tree."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in reversed(node.children)]


def fields_of(tree: Node) -> frozenset[str]:
    """Return the technical names of the fields that an expression reads."""
    return frozenset(node.technical_name for node, _ in walk(tree) if isinstance(node, Field))


def patterns_of(tree: Node) -> tuple[tuple[str, int], ...]:
    """Return the regular expressions that are written out in `match`, with their columns.

    The domain cannot tell whether they are well formed; whoever saves an expression may want to.
    """
    calls = (node for node, _ in walk(tree) if isinstance(node, Call) and node.name == "match")
    written: list[tuple[Any, int]] = [
        (call.arguments[1].value, call.arguments[1].column)
        for call in calls
        if isinstance(call.arguments[1], Literal)
    ]
    return tuple((value, column) for value, column in written if isinstance(value, str))
