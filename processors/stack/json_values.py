"""What is inside the JSON of a field?  Processors that look into arrays and objects.

A field holds JSON as a value of its own or as text; text is parsed. Nothing inside a value is ever changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headwater.domain.errors import InvalidDocument
from headwater.domain.inference import technical_name
from processors.stack.expanding import expanded
from processors.stack.ijson_rules import ITEM, InvalidRule, Rule, parse_rule
from processors.stack.outcomes import Failed, Outcome, Record
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import is_empty, mapped, text_of

MAX_JSON = 16 * 1024 * 1024  # characters of JSON in a text
MAX_DEPTH = 200  # arrays and objects inside each other

_RULE_HELP = "Names joined by '.'; 'item' steps into an array, as in stations.item.name."


@registered("expand_json_array", Category.GENERIC, "Expand JSON array")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandJsonArray(Processor):
    """Makes one record of each member of a JSON array. Without an array, or with an empty one, it stays one.

    A member in which the rest of the rule leads nowhere gives a record with an empty value.
    """

    json_array_field: str = parameter("JSON array field", kind=ParameterKind.FIELD)
    ijson_rule: str = parameter("iJSON rule", default=ITEM, help=f"{_RULE_HELP} It has to contain 'item'.")
    output_field: str = parameter(
        "Output field", kind=ParameterKind.OUTPUT, default="", help="By default the array's own field."
    )

    def __post_init__(self) -> None:
        if not _checked("ijson_rule", self.ijson_rule).has_item:
            raise InvalidDocument("ijson_rule", "expected a rule with 'item', which steps into an array")

    def outputs(self) -> tuple[str, ...]:
        return (self.output_field or self.json_array_field,)

    def compiled(self) -> Apply:
        rule, source = parse_rule(self.ijson_rule), self.json_array_field
        target = self.output_field or source

        def expand(record: Record) -> Outcome:
            try:
                values = rule.values(_perhaps_json(record.get(source)))
            except ValueError as error:
                return Failed(record, source, str(error))
            if not values and target != source:
                record[target] = None
            return expanded(record, source, target, values)

        return lambda records, _: [expand(record) for record in records]


@registered("extract_from_json", Category.GENERIC, "Extract from JSON")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractFromJson(Processor):
    """Writes values from inside a JSON object into fields named like their rules, with '_' for '.'.

    A value that is an object becomes JSON text.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    ijson_rules: tuple[str, ...] = parameter(
        "iJSON rules", kind=ParameterKind.TEXTS, help="Names joined by '.', as in station.name."
    )

    def __post_init__(self) -> None:
        seen: dict[str, Rule] = {}
        for text in self.ijson_rules:
            rule = _checked("ijson_rules", text)
            if rule.has_item:
                raise InvalidDocument(
                    "ijson_rules", f"'item' is not allowed here, as in {text[:60]!r}; use expand_json_array"
                )
            other = seen.setdefault(_field_of(rule), rule)
            if other != rule:
                raise InvalidDocument(
                    "ijson_rules", f"{str(other)[:60]!r} and {text[:60]!r} both name {_field_of(rule)}"
                )

    def outputs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_field_of(parse_rule(text)) for text in self.ijson_rules))

    def compiled(self) -> Apply:
        source = self.field
        rules = [(_field_of(rule), rule) for rule in map(parse_rule, self.ijson_rules)]

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                try:
                    document = _json_in(record.get(source))
                    found = {name: _extracted(rule.value(document)) for name, rule in rules}
                except ValueError as error:
                    if outcomes is records:
                        outcomes = list(records)
                    outcomes[index] = Failed(record, source, str(error))
                else:
                    record.update(found)
            return outcomes

        return apply


@registered("json_array_to_multivalued", Category.GENERIC, "JSON array to multivalued")
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonArrayToMultivalued(Processor):
    """Joins the values of a JSON array into one text. Empty values are left out; what is no JSON stays.

    A rule without 'item' has to lead to the array itself. That the field is multivalued is set at the field.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    ijson_rule: str = parameter("iJSON rule", default=ITEM, help=_RULE_HELP)
    separator: str = parameter("Separator", default=";")
    output_field: str = parameter(
        "Output field", kind=ParameterKind.OUTPUT, default="", help="By default the array's own field."
    )

    def __post_init__(self) -> None:
        _checked("ijson_rule", self.ijson_rule)

    def outputs(self) -> tuple[str, ...]:
        return (self.output_field or self.field,)

    def compiled(self) -> Apply:
        rule, separator = parse_rule(self.ijson_rule).into_array, self.separator

        def joined(value: Any) -> Any:
            document = _perhaps_json(value)
            if not isinstance(document, (list, dict)):
                return value
            texts = [text_of(one) for one in rule.values(document) if not is_empty(one)]
            return separator.join(texts) or None

        return mapped(self.field, self.output_field or self.field, joined)


def _checked(parameter_name: str, text: str) -> Rule:
    try:
        return parse_rule(text)
    except InvalidRule as error:
        raise InvalidDocument(parameter_name, str(error)) from error


def _field_of(rule: Rule) -> str:
    """Return the field that a rule's value goes into."""
    return technical_name("_".join(rule.steps))


def _extracted(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise ValueError(f"the object cannot be written as JSON: {error}") from error


def _perhaps_json(value: Any) -> Any:
    """Return the JSON in a value; a text that does not even begin as an array or an object is itself."""
    if value.__class__ is str and not value.lstrip().startswith(("[", "{")):
        return value
    return _json_in(value)


def _json_in(value: Any) -> Any:
    """Return the JSON in a value: parsed where it is text that is not empty. Raises ValueError."""
    if value.__class__ is not str or not value:
        return value
    if len(value) > MAX_JSON:
        raise ValueError(f"the text has {len(value)} characters; at most {MAX_JSON} are read as JSON")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the text is not JSON: {error}") from error
    if isinstance(document, (list, dict)) and value.count("[") + value.count("{") > MAX_DEPTH:
        _check_depth(document)
    return document


def _check_depth(document: Any) -> None:
    """Raise ValueError when there is more in each other than can be written again."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            member
            for value in level
            for member in (value if isinstance(value, list) else value.values())
            if isinstance(member, (list, dict))
        ]
        if not level:
            return
    raise ValueError(f"the JSON has more than {MAX_DEPTH} arrays and objects inside each other")
