"""Where in a JSON document?  iJSON rules: names joined by '.', in which `item` steps into an array.

    stations.item.name   the names of all members of the array `stations`

An object that has a key `item` is entered by it too, as in the library `ijson` that the rules are named for.

Source: reference, processors, section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ITEM = "item"
MAX_STEPS = 100


class InvalidRule(ValueError):
    """The text is no iJSON rule; says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, taken apart."""

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.steps)

    @property
    def has_item(self) -> bool:
        """Tell whether the rule steps into an array."""
        return ITEM in self.steps

    @property
    def into_array(self) -> "Rule":
        """The rule itself when it steps into an array, else the one to the members of what it leads to."""
        return self if self.has_item else Rule((*self.steps, ITEM))

    def value(self, document: Any) -> Any:
        """Return what names alone lead to; None where they lead nowhere."""
        for name in self.steps:
            if not isinstance(document, dict):
                return None
            document = document.get(name)
        return document

    def values(self, document: Any) -> list[Any]:
        """Return a value for each member of the array; none when there is no array, or an empty one.

        Every member counts, with None when the rest of the rule leads nowhere; of arrays in arrays every
        member of the inner ones.
        """
        found = [document]
        is_within = False
        for step in self.steps:
            if step == ITEM:
                found = _members(found, is_within=is_within)
                is_within = True
            else:
                found = [each.get(step) if isinstance(each, dict) else None for each in found]
        return found


def parse_rule(text: str) -> Rule:
    """Return the rule that is written here. Raises InvalidRule."""
    steps = tuple(text.strip().split("."))
    if not all(steps):
        raise InvalidRule(f"expected names joined by '.', as in stations.item.name; got {text[:60]!r}")
    if len(steps) > MAX_STEPS:
        raise InvalidRule(f"expected at most {MAX_STEPS} names; got {len(steps)}")
    return Rule(steps)


def _members(values: Sequence[Any], *, is_within: bool) -> list[Any]:
    """Return the members of those values that are arrays; within an array what is none counts as empty."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list) and value:
            found += value
        elif isinstance(value, dict) and ITEM in value:
            found.append(value[ITEM])
        elif is_within:
            found.append(None)
    return found
