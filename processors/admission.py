"""May this run become rows, and of which dataset?  Pure: a run and what the catalog says now.

The gateway has checked its own pushes already, under the catalog's state that the `revision` header names;
for those only the life of the dataset counts. Kafka-native producers are checked here: the key, and whether
the dataset is published and the resource enabled.
"""

from dataclasses import dataclass

from headwater.domain.datasets import Dataset
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Header, Op, Origin

UNROUTED = "_unrouted"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The records are for this dataset."""

    dataset: Dataset
    resource: str
    op: Op


@dataclass(frozen=True, slots=True)
class Rejected:
    """The records go to quarantine, under the dataset if there is one."""

    dataset_uid: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The gateway knew more than we do: wait until the catalog has this revision of the dataset."""

    dataset_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """The records are discarded by a rule."""

    rule: str


Verdict = Admitted | Rejected | Behind | Dropped


def admit(run: Run, dataset: Dataset | None, *, patient: bool = True) -> Verdict:
    """Decide about a run; `patient` is False once waiting for the catalog has been given up."""
    dataset_id = run.header(Header.DATASET)
    revision = max(map(_revision, run.messages[:1] if run.uniform else run.messages))
    if patient and revision > (dataset.revision if dataset else 0):
        return Behind(dataset_id, revision)
    if dataset is None:
        return Rejected(UNROUTED, "unknown_dataset", f"no dataset {dataset_id!r}")
    op = run.header(Header.OP) or Op.UPSERT
    if op not in frozenset(Op):
        return Rejected(dataset.uid, "unknown_op", f"no operation {op!r}; use upsert, delete or delete-by-id")
    resource_id = run.header(Header.RESOURCE)
    if revision == 0 and run.header(Header.ORIGIN) in ("", Origin.KAFKA):
        return _check_native(run, dataset, resource_id) or Admitted(dataset, resource_id, Op(op))
    if not dataset.published:
        return Dropped("unpublished")
    return Admitted(dataset, resource_id, Op(op))


def _check_native(run: Run, dataset: Dataset, resource_id: str) -> Rejected | None:
    resource = dataset.resource(resource_id)
    if resource is None:
        return Rejected(dataset.uid, "unknown_resource", f"no resource {resource_id!r}")
    if resource.opened_by(run.header(Header.PUSHKEY), run.messages[0].timestamp_ms * 1000) is None:
        return Rejected(UNROUTED, "invalid_pushkey", f"the pushkey does not open {dataset.dataset_id!r}")
    if not dataset.published:
        return Rejected(dataset.uid, "dataset_not_published", "the dataset is not published")
    if not resource.enabled:
        return Rejected(dataset.uid, "push_disabled", f"push is disabled for {resource_id!r}")
    return None


def _revision(message: Message) -> int:
    for name, value in message.headers:
        if name == Header.REVISION:
            return int(value) if value.isdigit() else 0
    return 0
