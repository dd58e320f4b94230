"""What is a processor?  A frozen dataclass of its parameters that compiles to a step over whole batches.

    @registered("string_replace", Category.TEXT, "Replace text", aliases=("replace_text",))
    @dataclass(frozen=True, slots=True, kw_only=True)
    class ReplaceText(Processor):
        \"\"\"Replaces a text by another one, literally.\"\"\"

        field: str = parameter("Field", kind=ParameterKind.FIELD)
        old: str = parameter("Old value", default="")

The parameters' names, kinds, labels and defaults are all that the management API, the documentation and a
user interface need to know; nobody keeps a second list.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar

from headwater.domain.types import FieldType
from processors.stack.outcomes import Outcome, Record

# Records and their versions side by side -> an outcome for each. Returns the very list of records that it was
# given when each of them simply goes on, which is what makes the usual case cheap.
Apply = Callable[[list[Record], list[int]], Sequence[Outcome]]

MANDATORY: Any = dataclasses.MISSING


class Category(StrEnum):
    """How people look for processors (reference: processors, section 1)."""

    GENERIC = "generic"
    DATE = "date"
    TEXT = "text"
    GEOGRAPHICAL = "geographical"


class ParameterKind(StrEnum):
    """What a parameter may be; the registry tells it to user interfaces."""

    FIELD = "field"  # the technical name of a field that is read
    FIELDS = "fields"  # a list of such names
    OUTPUT = "output"  # the technical name of a field that is written, new or not
    TEXT = "text"
    TEXTS = "texts"  # a list of texts
    FLAG = "flag"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    EXPRESSION = "expression"  # a text; beginning with '=', an expression
    PATTERN = "pattern"  # a regular expression
    GEOMETRY = "geometry"  # a GeoJSON geometry, as an object or as JSON text
    DATASET = "dataset"  # a dataset id


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a processor, as the API describes it."""

    name: str
    label: str
    kind: ParameterKind
    mandatory: bool
    default: Any
    choices: tuple[str, ...] = ()
    low: float | None = None  # of an integer or a number, both included
    high: float | None = None
    help: str = ""

    def to_json(self) -> dict[str, Any]:
        described = {"name": self.name, "label": self.label, "type": self.kind.value}
        further = {
            "choices": list(self.choices),
            "minimum": self.low,
            "maximum": self.high,
            "help": self.help,
        }
        given = {name: value for name, value in further.items() if value not in (None, "", [])}
        if self.mandatory:
            return {**described, "mandatory": True, **given}
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {**described, "mandatory": False, "default": default, **given}


def parameter(
    label: str,
    *,
    kind: ParameterKind = ParameterKind.TEXT,
    default: Any = MANDATORY,
    choices: Collection[str] = (),
    low: float | None = None,
    high: float | None = None,
    help: str = "",  # noqa: A002 - what user interfaces call it
) -> Any:
    """Declare a parameter; mandatory unless it has a default. Lists are tuples of texts."""
    facts = {
        "label": label,
        "kind": kind,
        "choices": tuple(choices),
        "low": low,
        "high": high,
        "help": help,
    }
    return dataclasses.field(default=default, metadata={"parameter": facts})


class Surroundings(Protocol):
    """What the check of a stack has to know of the world."""

    def remote_fields(self, dataset_id: str) -> Mapping[str, FieldType] | None:
        """Return the fields of another dataset as readers see them; None when there is no such dataset."""
        ...

    def missing_plugin(self, provider: str) -> str:
        """Return what is missing before a provider can be asked, as a sentence; empty when nothing is."""
        ...


class LookUp(Protocol):
    """A step that has to ask somebody: the whole batch at once, and each question once.

    `ask` and `tell` are pure; whoever runs the stack finds the answers in between (processors/lookups).
    """

    service: str  # who answers: "join", "geocoding" or "file"

    def ask(self, records: list[Record]) -> Sequence[Hashable | None]:
        """Return the question of each record; None where there is nothing to ask."""
        ...

    def tell(self, records: list[Record], versions: list[int], answers: Sequence[Any]) -> Sequence[Outcome]:
        """Return the outcome of each record, given the answer to its question (None: it had none)."""
        ...


Step = Apply | LookUp


class Processor(ABC):
    """The contract of all processors; each is a frozen dataclass of its parameters."""

    __slots__ = ()

    @abstractmethod
    def compiled(self) -> Step:
        """Return the step; called once for each stack, so this is the place for slow things."""

    def outputs(self) -> tuple[str, ...] | None:
        """Return the fields that it writes; None when they depend on the records.

        These are made empty when it fails for a record that is to go on. By default the parameters of kind
        OUTPUT that are set.
        """
        return tuple(
            getattr(self, one.name)
            for one in parameters_of(type(self))
            if one.kind is ParameterKind.OUTPUT and getattr(self, one.name)
        )

    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Return (parameter, field) of every field that it reads; by default those of kind FIELD, FIELDS."""
        found: list[tuple[str, str]] = []
        for one in parameters_of(type(self)):
            value = getattr(self, one.name)
            if one.kind is ParameterKind.FIELD and value:
                found.append((one.name, value))
            elif one.kind is ParameterKind.FIELDS:
                found += [(one.name, name) for name in value]
        return tuple(found)

    def check(self, surroundings: Surroundings) -> None:  # noqa: B027 - most have nothing to add
        """Raise InvalidDocument(parameter, sentence) for what one parameter alone cannot tell."""


ProcessorType = type[Processor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One entry of the registry."""

    type: str
    category: Category
    label: str
    processor: ProcessorType
    parameters: tuple[Parameter, ...]
    aliases: tuple[str, ...] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)  # other names of parameters
    legacy: bool = False  # understood, and offered to nobody any more

    @property
    def description(self) -> str:
        """What the processor does, in the words of its class."""
        return " ".join((self.processor.__doc__ or "").split("\n\n")[0].split())

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "category": self.category.value,
            "label": self.label,
            "description": self.description,
            "aliases": list(self.aliases),
            "parameters": [one.to_json() for one in self.parameters],
        }


KINDS: dict[str, Kind] = {}  # by type; filled by the decorator, complete once registry.py is imported

ProcessorClass = TypeVar("ProcessorClass", bound=ProcessorType)


def registered(
    type_name: str,
    category: Category,
    label: str,
    *,
    aliases: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
    legacy: bool = False,
) -> Callable[[ProcessorClass], ProcessorClass]:
    """Enter a processor into the registry. `renamed`: another name of a parameter -> its own name."""

    def register(processor: ProcessorClass) -> ProcessorClass:
        KINDS[type_name] = Kind(
            type=type_name,
            category=category,
            label=label,
            processor=processor,
            parameters=parameters_of(processor),
            aliases=tuple(aliases),
            renamed=renamed or {},
            legacy=legacy,
        )
        return processor

    return register


@cache
def parameters_of(processor: ProcessorType) -> tuple[Parameter, ...]:
    """Return the parameters of a processor in the order of their declaration."""
    return tuple(
        Parameter(
            name=one.name,
            mandatory=one.default is dataclasses.MISSING,
            default=None if one.default is dataclasses.MISSING else one.default,
            **one.metadata["parameter"],
        )
        for one in dataclasses.fields(processor)  # type: ignore[arg-type]  # every processor is a dataclass
        if "parameter" in one.metadata
    )
