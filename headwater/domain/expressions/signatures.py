"""What is a function of the language?  Its parameters as data, and what computes it, on plain Python values.

From the parameters follow the check of the number of arguments, the conversions, and what happens with an
empty argument; what computes sees numbers, texts and moments only. It may raise ValueError, OverflowError or
ZeroDivisionError where it has no result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from headwater.domain.expressions.moments import moment_of
from headwater.domain.expressions.values import number_of, text_of, whole_of


class Given(Enum):
    """What is handed to the function before its arguments."""

    NOTHING = auto()
    OUTSIDE = auto()
    VERSION = auto()  # the record's, and the place of the call among all such calls of the expression


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: how it is read, and whether an empty one leaves the function without a result."""

    name: str
    read: Callable[[Any], Any]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """`compute` gets the arguments in order, as `parameters` say; those that are not given are left out."""

    compute: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    optional: int = 0  # how many of the last parameters may be left out
    repeats: bool = False  # whether the last one may be given again and again
    when_empty: Any = None  # the result when an argument is empty that may not be
    given: Given = Given.NOTHING

    @property
    def least(self) -> int:
        return len(self.parameters) - self.optional

    def takes(self, count: int) -> bool:
        """Tell whether it can be called with so many arguments."""
        return self.least <= count and (self.repeats or count <= len(self.parameters))

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words."""
        least, most = self.least, len(self.parameters)
        if self.repeats:
            return f"{least} arguments or more"
        if most == 0:
            return "no argument"
        counts = f"{least}" if least == most else f"{least} or {most}"
        return f"{counts} argument{'s' if most > 1 else ''}"

    def parameter(self, index: int) -> Parameter:
        """Return the parameter that the argument at this index is for."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    def written(self, name: str) -> str:
        """Return how it is called, for people: `substring(t, start [, len])`."""
        names = [parameter.name for parameter in self.parameters]
        needed, further = ", ".join(names[: self.least]), ", ".join(names[self.least :])
        further = f" [, {further}]" if further else ""
        return f"{name}({needed}{further}{', ...' if self.repeats else ''})"


def number(name: str) -> Parameter:
    return Parameter(name, number_of)


def whole(name: str) -> Parameter:
    """Declare an integer."""
    return Parameter(name, whole_of)


def text(name: str) -> Parameter:
    return Parameter(name, text_of)


def any_text(name: str) -> Parameter:
    """Declare a text that may as well be empty."""
    return Parameter(name, text_of, may_be_empty=True)


def moment(name: str) -> Parameter:
    """Declare a date or a datetime."""
    return Parameter(name, moment_of)


def value(name: str) -> Parameter:
    """Declare what the function reads itself."""
    return Parameter(name, lambda given: given)


def any_value(name: str) -> Parameter:
    """Declare what the function reads itself, empty or not."""
    return Parameter(name, lambda given: given, may_be_empty=True)
