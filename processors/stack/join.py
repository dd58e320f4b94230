"""What does another dataset say about this record?  The processor that joins datasets.

The step knows nothing of the other dataset but its id: processors/joining answers its questions, which are
the keys of a record as domain/join_keys.py makes them, pairwise with the remote keys.

Source: reference, processors, section 3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import InvalidDocument
from headwater.domain.join_keys import KEY_TYPES, Key, key_of
from headwater.domain.points import GeoPoint
from processors.stack.outcomes import Failed, Outcome, Record, Several
from processors.stack.processor import (
    Category,
    ParameterKind,
    Processor,
    Surroundings,
    parameter,
    registered,
)
from processors.stack.steps import is_empty, text_of

MAX_MATCHES = 1_000  # remote records of one record
MAX_REMEMBERED = 50_000  # texts whose keys are remembered, of one step
MAX_REMEMBERED_LENGTH = 200  # characters of such a text

Question = tuple[Key, ...]
Matches = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Unjoinable:
    """The answer to a question when the other dataset cannot be joined at all; the sentence says why."""

    message: str


@registered("join_dataset", Category.GENERIC, "Join datasets")
@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Processor):
    """Takes fields over from another dataset, from the records whose keys are equal to this record's.

    A record without a match stays, its output fields are empty.
    """

    dataset: str = parameter("Dataset", kind=ParameterKind.DATASET)
    local_key: tuple[str, ...] = parameter("Local key", kind=ParameterKind.FIELDS)
    remote_key: tuple[str, ...] = parameter(
        "Remote key", kind=ParameterKind.FIELDS, help="fields of the other dataset, in the order of Local key"
    )
    output_fields: tuple[str, ...] = parameter(
        "Output fields",
        kind=ParameterKind.FIELDS,
        default=(),
        help="fields of the other dataset; mandatory unless all are retrieved",
    )
    retrieve_all_fields: bool = parameter("Retrieve all fields", kind=ParameterKind.FLAG, default=False)
    case_sensitive: bool = parameter(
        "Case sensitive",
        kind=ParameterKind.FLAG,
        default=False,
        help="compare keys with case and accents",
    )
    one_line: bool = parameter(
        "One line",
        kind=ParameterKind.FLAG,
        default=False,
        help="merge the values of several matches instead of making a record of each",
    )
    separator: str = parameter("Separator", default=";")
    republish_all_records_upon_update: bool = parameter(
        "Republish all records upon update", kind=ParameterKind.FLAG, default=False
    )

    def compiled(self) -> "JoinStep":
        return JoinStep(self)

    def inputs(self) -> tuple[tuple[str, str], ...]:
        return tuple(("local_key", name) for name in self.local_key)

    def outputs(self) -> tuple[str, ...] | None:
        return None if self.retrieve_all_fields else self.output_fields

    def check(self, surroundings: Surroundings) -> None:
        if len(self.local_key) != len(self.remote_key):
            counts = f"{len(self.local_key)} local and {len(self.remote_key)} remote"
            raise InvalidDocument("remote_key", f"keys are compared pairwise, but there are {counts} ones")
        if not (self.output_fields or self.retrieve_all_fields):
            raise InvalidDocument("output_fields", "parameter is mandatory unless all fields are retrieved")
        remote = surroundings.remote_fields(self.dataset)
        if remote is None:
            raise InvalidDocument("dataset", f"there is no dataset {self.dataset!r}")
        for name in self.remote_key:
            if name not in remote:
                raise _no_field("remote_key", self.dataset, name)
            if remote[name] not in KEY_TYPES:
                raise InvalidDocument("remote_key", f"{name!r} is a {remote[name].value}, which is no key")
        for name in self.output_fields:
            if name not in remote:
                raise _no_field("output_fields", self.dataset, name)


class JoinStep:
    """The compiled join. A question is the keys of a record; its answer the matching remote records.

    Every one of those has exactly the `fields`, or all fields of the other dataset when that is None.
    """

    service = "join"

    def __init__(self, join: Join) -> None:
        self.remote = join.dataset  # dataset id
        self.remote_keys = join.remote_key
        self.fields = None if join.retrieve_all_fields else join.output_fields
        self.case_sensitive = join.case_sensitive
        self._local_keys = join.local_key
        self._separator = join.separator if join.one_line else None
        self._nothing = dict.fromkeys(self.fields or ())
        self._known: dict[str, Key] = {}
        self._key = _remembering(self._known, join.case_sensitive)

    def ask(self, records: list[Record]) -> Sequence[Question | None]:
        key = self._key
        columns = [[key(record.get(name)) for record in records] for name in self._local_keys]
        return [None if None in keys else keys for keys in zip(*columns, strict=True)]

    def tell(
        self, records: list[Record], versions: list[int], answers: Sequence[Matches | Unjoinable | None]
    ) -> Sequence[Outcome]:
        del versions
        nothing = self._nothing
        outcomes: list[Any] = records
        for index, (record, answer) in enumerate(zip(records, answers, strict=True)):
            if not answer:
                record.update(nothing)
            elif answer.__class__ is not Unjoinable and len(answer) == 1:  # type: ignore[arg-type]
                record.update(answer[0])  # type: ignore[index]
            else:
                if outcomes is records:
                    outcomes = list(records)
                outcomes[index] = self._of_many(record, answer)
        return outcomes

    def _of_many(self, record: Record, answer: Matches | Unjoinable) -> Outcome:
        if isinstance(answer, Unjoinable):
            return Failed(record, "", answer.message)
        if len(answer) > MAX_MATCHES:
            why = f"more than {MAX_MATCHES} records of dataset {self.remote!r} match"
            return Failed(record, self._local_keys[0], why)
        if self._separator is None:
            return Several(tuple({**record, **match} for match in answer))
        record.update(_merged(answer, self._separator))
        return record


def _remembering(known: dict[str, Key], case_sensitive: bool) -> Callable[[Any], Key | None]:
    """Return the function that makes keys; those of texts, which cost the most, are `known` from then on."""

    def key(value: Any) -> Key | None:
        if value.__class__ is not str:
            return key_of(value, case_sensitive=case_sensitive)
        found = known.get(value)
        if found is None:
            found = key_of(value, case_sensitive=case_sensitive)
            if found is not None and len(value) <= MAX_REMEMBERED_LENGTH:
                if len(known) >= MAX_REMEMBERED:
                    known.clear()
                known[value] = found
        return found

    return key


def _merged(matches: Matches, separator: str) -> Record:
    """Return one value for each field: the texts of all that are not empty, in the order of the matches."""
    merged: Record = {}
    for name in matches[0]:
        texts = [_shown(value) for match in matches if not is_empty(value := match[name])]
        merged[name] = separator.join(texts) if texts else None
    return merged


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, GeoPoint) else text_of(value)


def _no_field(parameter_name: str, dataset: str, name: str) -> InvalidDocument:
    return InvalidDocument(parameter_name, f"dataset {dataset!r} has no field {name!r}")
