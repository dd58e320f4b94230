"""What should become of a field?  Items of the field configuration stack, checked.

Source: reference, fields, sections 2 and 3.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gateway.admin.members import MAX_TEXT_LENGTH, MAX_TITLE_LENGTH, Members, shown
from headwater.domain.errors import InvalidDocument
from headwater.domain.inference import MAX_NAME_LENGTH, technical_name
from headwater.domain.types import FieldType

ITEM_TYPES = ("rename", "type", "annotate", "description", "order", "delete")
FACET_SORTS = ("count", "-count", "alphanum", "-alphanum", "num", "-num")
PRECISIONS = ("year", "month", "day", "hour", "minute")
MAX_SEPARATOR_LENGTH = 10
MAX_DECIMALS = 20

_DECIMALS = re.compile(r"\d{1,2}")


def parse_item(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type and the parameters of an item. Raises InvalidDocument at the first problem."""
    members = Members(document)
    kind = members.choice("type", ITEM_TYPES)
    params = _PARSERS[kind](members)
    members.check_names({"uid", "type", *params, *_OPTIONAL.get(kind, ())})
    return kind, params


def field_name(members: Members, name: str) -> str:
    """Return a technical field name. Raises InvalidDocument."""
    value = members.document.get(name)
    if not isinstance(value, str) or technical_name(value) != value:
        raise members.wrong(name, _NAME_RULE)
    return value


_NAME_RULE = (
    f"a technical field name (letters a-z and A-Z, digits and '_', no digit first, at most {MAX_NAME_LENGTH} "
    "characters, none of Headwater's own names such as _id)"
)
_OPTIONAL = {"rename": ("to_name", "field_label"), "annotate": ("args",)}


def _rename(members: Members) -> dict[str, Any]:
    params = {"from_name": field_name(members, "from_name")}
    if members.document.get("to_name") is not None:
        params["to_name"] = field_name(members, "to_name")
    label = members.optional_text("field_label", max_length=MAX_TITLE_LENGTH)
    if label is not None:
        params["field_label"] = label
    if len(params) == 1:
        raise members.wrong("to_name", "a new name, or a field_label")
    return params


def _type(members: Members) -> dict[str, Any]:
    allowed = [one.value for one in FieldType]
    return {"field": field_name(members, "field"), "type_param": members.choice("type_param", allowed)}


def _annotate(members: Members) -> dict[str, Any]:
    name = field_name(members, "field")
    annotation = members.choice("annotation", _ARGUMENTS)
    arguments = members.document.get("args")
    if arguments is not None and not isinstance(arguments, list):
        raise members.wrong("args", "a list")
    problem = _ARGUMENTS[annotation](arguments or [])
    if problem:
        raise InvalidDocument(members.at("args"), f"{annotation} takes {problem}; got {shown(arguments)}")
    return {"field": name, "annotation": annotation, "args": arguments or []}


def _description(members: Members) -> dict[str, Any]:
    name = field_name(members, "field")
    value = members.document.get("description")
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        raise members.wrong("description", f"a text of at most {MAX_TEXT_LENGTH} characters")
    return {"field": name, "description": value}


def _order(members: Members) -> dict[str, Any]:
    names = members.texts("args")
    if not names or len(set(names)) != len(names):
        raise members.wrong("args", "the names of fields, each once")
    inner = Members({f"args[{index}]": name for index, name in enumerate(names)})
    return {"args": [field_name(inner, place) for place in inner.document]}


def _delete(members: Members) -> dict[str, Any]:
    return {"field": field_name(members, "field")}


_PARSERS: Mapping[str, Callable[[Members], dict[str, Any]]] = {
    "rename": _rename,
    "type": _type,
    "annotate": _annotate,
    "description": _description,
    "order": _order,
    "delete": _delete,
}


def _nothing(arguments: list[Any]) -> str:
    return "no arguments" if arguments else ""


def _separator(arguments: list[Any]) -> str:
    match arguments:
        case [] | [str()] if all(0 < len(one) <= MAX_SEPARATOR_LENGTH for one in arguments):
            return ""
    return f"at most one separator of 1 to {MAX_SEPARATOR_LENGTH} characters"


def _one_of(*allowed: str) -> Callable[[list[Any]], str]:
    expected = f"one of {', '.join(allowed)}"
    return lambda arguments: "" if len(arguments) == 1 and arguments[0] in allowed else expected


def _unit(arguments: list[Any]) -> str:
    match arguments:
        case [str(unit)] if unit.strip() and len(unit) <= MAX_TITLE_LENGTH:
            return ""
    return "one unit, a text"


def _decimals(arguments: list[Any]) -> str:
    text = str(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], (int, str)) else ""
    if _DECIMALS.fullmatch(text) and int(text) <= MAX_DECIMALS:
        return ""
    return f"one number of digits from 0 to {MAX_DECIMALS}"


# What each annotation wants of its arguments: nothing when they are right, else the end of a sentence.
_ARGUMENTS: Mapping[str, Callable[[list[Any]], str]] = {
    "id": _nothing,
    "timeserie_precision": _one_of(*PRECISIONS),
    "unit": _unit,
    "decimals": _decimals,
    "sortable": _nothing,
    "multivalued": _separator,
    "hierarchical": _separator,
    "facet": _nothing,
    "facetsort": _one_of(*FACET_SORTS),
    "disjunctive": _nothing,
}
