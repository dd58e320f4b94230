"""Which files came with these records?  Their bytes go to the object store, their descriptions stay.

Runs before conversion, which sees only descriptions; a repetition puts the same bytes in the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.domain.files import BrokenFile, StoredFile, may_hold_files
from headwater.domain.types import is_file
from headwater.runtime.kafka.runs import Run
from processors.media import stored_file
from processors.parsing import Arrivals


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file and its bytes."""

    description: StoredFile
    content: bytes


def take_files(run: Run, arrivals: Arrivals, problem: str = "") -> Sequence[FoundFile]:
    """Replace the files in records by their descriptions and return what has to be kept, each content once.

    Costs a look for a word in the bytes where there are none. With a `problem` no file can be kept: each is
    broken for this reason.
    """
    if not any(may_hold_files(message.value) for message in run.messages):
        return ()
    found: dict[str, FoundFile] = {}
    for record in arrivals.records:
        for key in [key for key, value in record.items() if is_file(value)]:
            if problem:
                record[key] = BrokenFile(record[key], problem)
                continue
            description, content = stored_file(record[key])
            record[key] = description
            if isinstance(description, StoredFile):
                found.setdefault(description["id"], FoundFile(description, content))
    return tuple(found.values())
