"""What does this formula compute?  The expression language: `=price * 1.2`, `=upper(city) & " " & zip`.

    lexer -> parser -> tree -> compiler -> a function from a record and its version to a value

Source: reference, processors, section 5; docs/expressions.md is its guide for users.
"""

from headwater.domain.expressions.compiler import compile_expression
from headwater.domain.expressions.outside import Outside
from headwater.domain.expressions.parser import is_expression, parse
from headwater.domain.expressions.tree import Tree, fields_of
from headwater.domain.expressions.values import ExpressionError, is_true

__all__ = [
    "ExpressionError",
    "Outside",
    "Tree",
    "compile_expression",
    "fields_of",
    "is_expression",
    "is_true",
    "parse",
]
