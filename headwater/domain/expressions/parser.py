"""How do the words belong together?  From tokens to a tree, by precedence climbing (Pratt).

Tightest first; the rank of the reference's table in brackets where it is another one:

    FACTORIAL        suffix !            3!! is (3!)!, 2^3! is 2^(3!)
    POWER            ^                   from the right: 2^3^2 is 2^(3^2); an exponent may have a sign: 2^-1
    SIGN             prefix -            -2^2 is -(2^2), -7 // 2 is (-7) // 2
    FLOOR            //                  tighter than *: 2 * 7 // 2 is 2 * (7 // 2)
    PRODUCT   (6)    * / %
    SUM       (7)    + -
    CONCATENATION (8)  &
    COMPARISON (10)  < <= > >= == !=     1 < 2 < 3 is (1 < 2) < 3
    NOT       (9)    not, prefix !       looser than comparison: not 4 > 5 is not (4 > 5)
    AND       (11)   and &&
    OR        (12)   or ||
    CHOICE    (13)   c ? a : b, c ? a    c ? a : d ? b : x is c ? a : (d ? b : x)

A function call (5) has its own parentheses, so that its rank says nothing. `!` is a suffix where an operand
has just ended, else a prefix: the lexer need not know. A prefix operator may stand wherever an operand may,
and takes as much after it as its own rank allows: `a & not b == c` is `a & (not (b == c))`.

Source: reference, processors, section 5.2.
"""

from collections.abc import Mapping
from enum import IntEnum

from headwater.domain.errors import InvalidExpression
from headwater.domain.expressions.functions import FUNCTIONS
from headwater.domain.expressions.lexer import CONSTANTS, Kind, Token, tokens
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
    walk,
)

MAX_LENGTH = 65_536  # characters
MAX_DEPTH = 100  # of parentheses, calls and operators in each other


class Rank(IntEnum):
    """How tightly an operator binds; a greater one binds tighter."""

    CHOICE = 1
    OR = 2
    AND = 3
    NOT = 4
    COMPARISON = 5
    CONCATENATION = 6
    SUM = 7
    PRODUCT = 8
    FLOOR = 9
    SIGN = 10
    POWER = 11
    FACTORIAL = 12
    OPERAND = 13


CHAINED: Mapping[str, Rank] = {
    "or": Rank.OR,
    "and": Rank.AND,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), Rank.COMPARISON),
    "&": Rank.CONCATENATION,
    **dict.fromkeys(("+", "-"), Rank.SUM),
    **dict.fromkeys(("*", "/", "%"), Rank.PRODUCT),
    "//": Rank.FLOOR,
}
AFTER_AN_OPERAND: Mapping[str, Rank] = {
    **CHAINED,
    "?": Rank.CHOICE,
    "^": Rank.POWER,
    "!": Rank.FACTORIAL,
}


def is_expression(text: str) -> bool:
    """Tell whether a text is to be evaluated; any other one stands for itself."""
    return text.startswith("=")


def parse(text: str) -> Tree:
    """Return the tree of an expression, given with its leading `=`. Raises InvalidExpression."""
    if not is_expression(text):
        raise InvalidExpression("an expression begins with '='", text=text, column=1)
    if len(text) > MAX_LENGTH:
        message = f"an expression has at most {MAX_LENGTH} characters"
        raise InvalidExpression(message, text=text, column=MAX_LENGTH + 1)
    parser = _Parser(text)
    tree = parser.expression(Rank.CHOICE)
    parser.end()
    for node, depth in walk(tree):
        if depth > MAX_DEPTH:
            raise parser.too_deep(node.column)
    return tree


class _Parser:
    """Reads one text from left to right, once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def expression(self, loosest: Rank) -> Node:
        """Return the longest expression from here on whose operators bind at least so tightly."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.too_deep(self._token.column)
        left = self._operand()
        while (rank := self._rank()) is not None and rank >= loosest:
            left = self._continued(left, rank)
        self._depth -= 1
        return left

    def end(self) -> None:
        """Refuse whatever is left."""
        if self._token.kind is not Kind.END:
            raise self._unexpected("an operator")

    def too_deep(self, column: int) -> InvalidExpression:
        return self._error(f"the expression is nested more than {MAX_DEPTH} levels deep", column)

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _sees(self, operator: str) -> bool:
        kind, value, _ = self._tokens[self._next]
        return kind is Kind.OPERATOR and value == operator

    def _takes(self, operator: str) -> bool:
        seen = self._sees(operator)
        self._next += seen
        return seen

    def _rank(self) -> Rank | None:
        kind, value, _ = self._tokens[self._next]
        return AFTER_AN_OPERAND.get(str(value)) if kind is Kind.OPERATOR else None

    def _operand(self) -> Node:
        token = self._token
        match token.kind:
            case Kind.NUMBER | Kind.TEXT:
                self._take()
                return Literal(token.value, token.column)
            case Kind.FIELD:
                self._take()
                return Field(str(token.value), token.column)
            case Kind.NAME:
                return self._named(self._take())
            case Kind.OPERATOR if token.value in _PREFIXES:
                self._take()
                node, rank = _PREFIXES[str(token.value)]
                return node(self.expression(rank), token.column)
            case Kind.OPERATOR if token.value == "(":
                return self._parenthesised()
            case _:
                raise self._unexpected("a field, a number, a text or a function")

    def _parenthesised(self) -> Node:
        opening = self._take()
        inner = self.expression(Rank.CHOICE)
        self._close(opening)
        return inner

    def _close(self, opening: Token) -> None:
        if self._takes(")"):
            return
        if self._token.kind is Kind.END:
            raise self._error("the parenthesis that opens here is not closed", opening.column)
        raise self._unexpected("an operator or ')'")

    def _named(self, token: Token) -> Node:
        """Return what a name without `$` means: a function before `(`, then a constant, else a field."""
        name = str(token.value)
        if self._sees("("):
            return self._call(name.lower(), token.column)
        if name.lower() in CONSTANTS:
            return Constant(name.lower(), token.column)
        return Field(name, token.column)

    def _call(self, name: str, column: int) -> Node:
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._error(f"there is no function {_shown(name)}", column)
        arguments = self._arguments()
        if not function.takes(len(arguments)):
            raise self._error(f"{name} takes {function.arity}, not {len(arguments)}", column)
        return Call(name, arguments, column)

    def _arguments(self) -> tuple[Node, ...]:
        opening = self._take()
        if self._takes(")"):
            return ()
        arguments = [self.expression(Rank.CHOICE)]
        while self._takes(","):
            arguments.append(self.expression(Rank.CHOICE))
        self._close(opening)
        return tuple(arguments)

    def _continued(self, left: Node, rank: Rank) -> Node:
        column = self._token.column
        if rank is Rank.FACTORIAL:
            self._take()
            return Factorial(left, column)
        if rank is Rank.POWER:
            self._take()
            return Power(left, self.expression(Rank.POWER), column)
        if rank is Rank.CHOICE:
            return self._choice(left, column)
        return self._chain(left, rank, column)

    def _chain(self, first: Node, rank: Rank, column: int) -> Node:
        rest: list[tuple[str, Node]] = []
        while self._rank() is rank:
            operator = str(self._take().value)
            rest.append((operator, self.expression(Rank(rank + 1))))
        return Chain(first, tuple(rest), column)

    def _choice(self, condition: Node, column: int) -> Node:
        cases: list[tuple[Node, Node]] = []
        while self._takes("?"):
            cases.append((condition, self.expression(Rank.CHOICE)))
            if not self._takes(":"):
                return Choice(tuple(cases), None, column)
            condition = self.expression(Rank.OR)
        return Choice(tuple(cases), condition, column)

    def _unexpected(self, expected: str) -> InvalidExpression:
        token = self._token
        if token.kind is Kind.END:
            return self._error(f"the expression ends where {expected} belongs", token.column)
        written = _shown(self._text[token.column - 1 : self._tokens[self._next + 1].column - 1].strip())
        return self._error(f"'{written}' stands where {expected} belongs", token.column)

    def _error(self, message: str, column: int) -> InvalidExpression:
        return InvalidExpression(message, text=self._text, column=column)


_PREFIXES: Mapping[str, tuple[type[Sign | Not], Rank]] = {
    "-": (Sign, Rank.SIGN),
    "not": (Not, Rank.NOT),
    "!": (Not, Rank.NOT),
}


def _shown(written: str) -> str:
    return written if len(written) <= 40 else f"{written[:37]}..."  # noqa: PLR2004 - a sentence, not a dump
