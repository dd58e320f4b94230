"""May this run become rows, and of which dataset and generation?  Pure: a run and what the catalog says now.

The gateway has checked its own pushes already, under the catalog's state that the `revision` header names;
for those only the life of the dataset counts. Kafka-native producers are checked here, by the shared rule
of domain/admission.py. Replays fill the generation that they name, the present one or one that is being
built, whatever the dataset's life: who replays has decided that.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headwater.domain.admission import INVALID_PUSHKEY, check_native
from headwater.domain.datasets import Dataset
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Header, Op, Origin

UNROUTED = "_unrouted"
MAX_DIGITS = 9  # of the numbers in headers that anybody may send
NATIVE = ("", Origin.KAFKA)
_OPS = frozenset(Op)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The records are for this dataset, whose generation, fields and history are those to be filled."""

    dataset: Dataset
    resource: str
    op: Op
    replayed: bool = False  # for a second time: not news, and not bound to the dataset's present life
    checked: bool = True  # the gateway has looked at the fields


@dataclass(frozen=True, slots=True)
class Rejected:
    """The records go to quarantine, under the dataset if there is one."""

    dataset_uid: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The sender knew more than we do: wait until the catalog has come to `least` of what `what` names."""

    what: str
    least: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """The records are discarded by a rule."""

    rule: str
    dataset_uid: str
    generation: int


Verdict = Admitted | Rejected | Behind | Dropped


def admit(run: Run, dataset: Dataset | None, *, patient: bool = True) -> Verdict:
    """Decide about a run; `patient` is False once waiting for the catalog has been given up."""
    dataset_id, origin = run.header(Header.DATASET), run.header(Header.ORIGIN)
    native = origin in NATIVE
    revision = 0 if native else max(map(_revision, run.messages[:1] if run.uniform else run.messages))
    if patient and revision > (dataset.revision if dataset else 0):
        return Behind(dataset_id, revision)
    if origin == Origin.REPLAY:
        return _admit_replay(run, dataset, patient=patient)
    if dataset is None:
        return Rejected(UNROUTED, "unknown_dataset", f"no dataset {dataset_id!r}")
    op = run.header(Header.OP) or Op.UPSERT
    resource_id = run.header(Header.RESOURCE)
    if native and (objection := _check_native(run, dataset)):
        return objection
    if op not in _OPS:
        return Rejected(dataset.uid, "unknown_op", f"no operation {op!r}; use {', '.join(Op)}")
    if not dataset.published:
        return Dropped("unpublished", dataset.uid, dataset.generation)
    return Admitted(dataset, resource_id, Op(op), checked=not native and not attempt_of(run))


def pieces(run: Run, dataset: Dataset | None) -> Sequence[Run]:
    """Return the run, cut in two where the pushkey of its native messages expires.

    Every message is judged by its own timestamp, however messages were joined.
    """
    if dataset is None or len(run.messages) == 1 or run.header(Header.ORIGIN) not in NATIVE:
        return (run,)
    resource = dataset.resource(run.header(Header.RESOURCE))
    messages = run.messages
    key = resource and resource.opened_by(run.header(Header.PUSHKEY), messages[0].timestamp_ms * 1000)
    if not key or key.is_valid(messages[-1].timestamp_ms * 1000):
        return (run,)
    cut = bisect_left(messages, True, key=lambda message: not key.is_valid(message.timestamp_ms * 1000))
    middle = messages[cut].offset
    before, after = messages[:cut], messages[cut:]
    return (replace(run, messages=before, end=middle), replace(run, messages=after, first=middle))


def attempt_of(run: Run) -> int:
    """Return how often the records of a run were replayed from quarantine; 0 for new ones."""
    return _number(run.header(Header.ATTEMPT).encode())


def _admit_replay(run: Run, dataset: Dataset | None, *, patient: bool) -> Verdict:
    generation = _number(run.header(Header.GENERATION).encode())
    if patient and generation > (dataset.last_generation if dataset else 0):
        return Behind(f"{run.header(Header.DATASET)} generation", generation)
    target = dataset and generation_of(dataset, generation)
    op = run.header(Header.OP) or Op.UPSERT
    if target is None:
        return Dropped("abandoned_build", dataset.uid if dataset else UNROUTED, generation)
    if op not in _OPS:
        return Rejected(target.uid, "unknown_op", f"no operation {op!r}; use {', '.join(Op)}")
    return Admitted(target, run.header(Header.RESOURCE), Op(op), replayed=True, checked=False)


def generation_of(dataset: Dataset, generation: int) -> Dataset | None:
    """Return the dataset as it is, or will be, in a generation; None for one that is not to be filled."""
    build = dataset.build
    if build is not None and build.generation == generation:
        return replace(
            dataset,
            generation=generation,
            processors=build.processors,
            fields=build.fields,
            history=build.history,
        )
    return dataset if generation == dataset.generation else None


def _check_native(run: Run, dataset: Dataset) -> Rejected | None:
    objection = check_native(
        dataset,
        run.header(Header.RESOURCE),
        run.header(Header.PUSHKEY),
        run.header(Header.OP) or Op.UPSERT,
        run.messages[0].timestamp_ms * 1000,
    )
    if objection is None:
        return None
    code, message = objection
    return Rejected(UNROUTED if code == INVALID_PUSHKEY else dataset.uid, code, message)


def _revision(message: Message) -> int:
    for name, value in message.headers:
        if name == Header.REVISION:
            return _number(value)
    return 0


def _number(text: bytes) -> int:
    """Return a decimal of a header; 0 for anything else, and for more digits than any of ours has."""
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else 0
