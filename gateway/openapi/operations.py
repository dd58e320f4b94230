"""How is one operation described?  Small values from which document.py makes OpenAPI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}


def integer(low: int | None = None, high: int | None = None) -> Schema:
    """Return an integer between two bounds, both included."""
    bounds = {"minimum": low, "maximum": high}
    return {"type": "integer", **{name: value for name, value in bounds.items() if value is not None}}


def one_of(*words: str) -> Schema:
    """Return one of several words."""
    return {"type": "string", "enum": list(words)}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def thing(required: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """Return an object; further members may come."""
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def named(name: str) -> Schema:
    """Return a reference to a schema of document.SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter or header."""

    name: str
    schema: Schema
    description: str
    where: str = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one verb does at one path; `failures` are the statuses that come with the error envelope."""

    method: str
    path: str  # with its parameters in braces and a slash at the end; without it is the same
    summary: str
    tag: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)  # content type -> schema
    body_required: bool = True
    answers: Mapping[int, Schema | None] = field(default_factory=dict)  # None: no body
    answer_type: str = "application/json"
    failures: tuple[int, ...] = ()
    security: tuple[str, ...] = ()  # names of document.SECURITY, any of which will do; empty: nobody is asked

    def also(self, method: str, path: str | None = None) -> "Operation":
        """Return the same under another verb or path."""
        return replace(self, method=method, path=path or self.path)
