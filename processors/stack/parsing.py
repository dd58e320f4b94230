"""Is this a processor?  From the parameters of a document to a processor, each of them checked.

Every error is an InvalidDocument whose field is the parameter to blame. What one parameter alone cannot
tell (does the field exist, is there such a dataset) is asked in check.py.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import orjson

from headwater.domain.errors import InvalidDocument, InvalidExpression
from headwater.domain.expressions import is_expression, parse
from headwater.domain.inference import technical_name
from headwater.domain.types import is_geometry
from processors.stack.patterns import InvalidPattern, compile_pattern
from processors.stack.processor import Kind, Parameter, ParameterKind, Processor

MAX_TEXT = 10_000  # characters of one parameter
MAX_MEMBERS = 500  # of one list
MAX_GEOMETRY = 1024 * 1024  # characters
MAX_SHOWN = 60

_NAME_RULE = "the technical name of a field (letters a-z and A-Z, digits and '_', no digit first)"


def parse_processor(kind: Kind, document: Mapping[str, Any]) -> Processor:
    """Return the processor that a document's parameters describe. Raises InvalidDocument."""
    given = {kind.renamed.get(name, name): value for name, value in document.items()}
    known = {one.name: one for one in kind.parameters}
    for name in given:
        if name not in known:
            raise InvalidDocument(name, f"unknown parameter of {kind.type}; known are: {', '.join(known)}")
    values: dict[str, Any] = {}
    for one in kind.parameters:
        value = given.get(one.name)
        if value is None or (
            value in ("", []) and one.kind not in (ParameterKind.TEXT, ParameterKind.EXPRESSION)
        ):
            if one.mandatory:
                raise InvalidDocument(one.name, "parameter is mandatory")
            continue
        if one.mandatory and value == "" and one.kind is ParameterKind.EXPRESSION:
            raise InvalidDocument(one.name, "parameter is mandatory")
        values[one.name] = _PARSERS[one.kind](one, value)
    return kind.processor(**values)


def shown(value: Any) -> str:
    """Return a value as JSON, short enough for a sentence."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _wrong(one: Parameter, expected: str, value: Any) -> InvalidDocument:
    return InvalidDocument(one.name, f"expected {expected}; got {shown(value)}")


def _text(one: Parameter, value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = shown(value)  # people write a separator or a value to compare as a number
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _wrong(one, f"a text of at most {MAX_TEXT} characters", value)
    return value


def _texts(one: Parameter, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_MEMBERS:
        raise _wrong(one, f"a list of at most {MAX_MEMBERS} texts", value)
    return tuple(_text(one, member) for member in value)


def _field(one: Parameter, value: Any) -> str:
    if not isinstance(value, str) or technical_name(value) != value:
        raise _wrong(one, _NAME_RULE, value)
    return value


def _fields(one: Parameter, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_MEMBERS:
        raise _wrong(one, f"a list of at most {MAX_MEMBERS} field names", value)
    return tuple(_field(one, member) for member in value)


def _flag(one: Parameter, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(one, "true or false", value)
    return value


def _integer(one: Parameter, value: Any) -> int:
    number = _number(one, value)
    if number != int(number):
        raise _wrong(one, "an integer", value)
    return int(number)


def _number(one: Parameter, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, str) else value  # forms send numbers as text
    except ValueError as error:
        raise _wrong(one, "a number", value) from error
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not isfinite(number):
        raise _wrong(one, "a number", value)
    if (one.low is not None and number < one.low) or (one.high is not None and number > one.high):
        bounds = [f"at least {one.low:g}"] if one.low is not None else []
        bounds += [f"at most {one.high:g}"] if one.high is not None else []
        raise _wrong(one, f"a number of {' and '.join(bounds)}", value)
    return number


def _choice(one: Parameter, value: Any) -> str:
    text = _text(one, value)
    if text not in one.choices:
        raise _wrong(one, f"one of {', '.join(one.choices)}", value)
    return text


def _expression(one: Parameter, value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value
    text = _text(one, value)
    if is_expression(text):
        try:
            parse(text)
        except InvalidExpression as error:
            raise InvalidDocument(one.name, str(error)) from error
    return text


def _pattern(one: Parameter, value: Any) -> str:
    text = _text(one, value)
    try:
        compile_pattern(text)
    except InvalidPattern as error:
        raise InvalidDocument(one.name, str(error)) from error
    return text


def _geometry(one: Parameter, value: Any) -> str:
    """Return the geometry as JSON text, which a frozen dataclass can hold."""
    try:
        shape = orjson.loads(value) if isinstance(value, str) and len(value) <= MAX_GEOMETRY else value
    except orjson.JSONDecodeError as error:
        raise _wrong(one, "a GeoJSON geometry", value) from error
    if isinstance(shape, Mapping) and shape.get("type") == "Feature":
        shape = shape.get("geometry")
    if not is_geometry(shape):
        raise _wrong(one, "a GeoJSON geometry", value)
    return orjson.dumps(shape).decode()


_PARSERS: Mapping[ParameterKind, Callable[[Parameter, Any], Any]] = {
    ParameterKind.FIELD: _field,
    ParameterKind.FIELDS: _fields,
    ParameterKind.OUTPUT: _field,
    ParameterKind.TEXT: _text,
    ParameterKind.TEXTS: _texts,
    ParameterKind.FLAG: _flag,
    ParameterKind.INTEGER: _integer,
    ParameterKind.NUMBER: _number,
    ParameterKind.CHOICE: _choice,
    ParameterKind.EXPRESSION: _expression,
    ParameterKind.PATTERN: _pattern,
    ParameterKind.GEOMETRY: _geometry,
    ParameterKind.DATASET: _text,
}
