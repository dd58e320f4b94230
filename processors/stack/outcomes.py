"""What can a processor make of one record?  The record itself, changed; or one of these."""

from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]  # field name -> JSON value; a processor may change the dict, never a value inside it

PROCESSOR_ERROR = "processor_error"
TOO_SLOW = "processor_timeout"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule leaves the record out; `rule` is the label of the counter of discarded records."""

    rule: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The record, and what was stored of it earlier, has to go: a tombstone, once its id is known."""

    record: Record


@dataclass(frozen=True, slots=True)
class Several:
    """The record became these, in this order; each goes on through the rest of the stack."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The processor cannot do it for this record; `field` is the one to blame, empty when it is none.

    `record` is as it would go on without this processor: by the dataset's policy it is quarantined, or goes
    on with the processor's output fields empty. Where those depend on the record, `outputs` names them.
    """

    record: Record
    field: str
    message: str
    code: str = PROCESSOR_ERROR
    outputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whom the processor has to ask is away: the record is tried again later, from the start.

    When waiting has been given up, `record` goes on with the processor's output fields empty.
    """

    record: Record
    provider: str
    message: str


Outcome = Record | Skipped | Deleted | Several | Failed | Waiting
