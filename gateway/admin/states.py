"""In which state is a dataset, and may an action be taken in it?  (reference: management, section 3)"""

from collections.abc import Sequence

from headwater.domain.datasets import BuildState, Dataset
from headwater.domain.errors import Invalid

PUBLISHED, UNPUBLISHED = "published", "unpublished"
IDLE, ERROR, QUEUED, PROCESSING = "idle", "error", "queued", "processing"


class InvalidStatus(Invalid):
    """The dataset is not in a state in which this can be done."""

    code = "invalid_dataset_status"
    error_key = "InvalidDatasetStatusPreconditionException"

    def __init__(self, status: str, allowed: Sequence[str]) -> None:
        self.status = status
        self.allowed = tuple(allowed)
        super().__init__(
            f"Invalid precondition, dataset status is '{status}' but must be one of '{', '.join(allowed)}'"
        )


def status_of(dataset: Dataset) -> str:
    """Return the state that clients poll."""
    if dataset.build is None:
        return ERROR if dataset.failure else IDLE
    return QUEUED if dataset.build.state is BuildState.QUEUED else PROCESSING


def check_unpublished(dataset: Dataset) -> None:
    """Raise InvalidStatus when the dataset is published."""
    if dataset.published:
        raise InvalidStatus(PUBLISHED, (UNPUBLISHED,))


def check_published(dataset: Dataset) -> None:
    """Raise InvalidStatus when the dataset is not published."""
    if not dataset.published:
        raise InvalidStatus(UNPUBLISHED, (PUBLISHED,))


def check_idle(dataset: Dataset) -> None:
    """Raise InvalidStatus while a further generation is being built."""
    if dataset.build is not None:
        raise InvalidStatus(status_of(dataset), (IDLE, ERROR))


def check_configurable(dataset: Dataset) -> None:
    """Raise InvalidStatus while a build goes by the configuration: its end would undo a change."""
    if dataset.build is not None and dataset.build.state is not BuildState.SETTLING:
        raise InvalidStatus(status_of(dataset), (IDLE, ERROR))
