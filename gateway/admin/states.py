"""In which state may an action be taken?"""

from collections.abc import Sequence

from headwater.domain.datasets import Dataset
from headwater.domain.errors import Invalid

PUBLISHED, UNPUBLISHED = "published", "unpublished"


class InvalidStatus(Invalid):
    """The dataset is not in a state in which this can be done (reference: management, section 3)."""

    code = "invalid_dataset_status"
    error_key = "InvalidDatasetStatusPreconditionException"

    def __init__(self, status: str, allowed: Sequence[str]) -> None:
        self.status = status
        self.allowed = tuple(allowed)
        super().__init__(
            f"Invalid precondition, dataset status is '{status}' but must be one of '{', '.join(allowed)}'"
        )


def check_unpublished(dataset: Dataset) -> None:
    """Raise InvalidStatus when the dataset is published."""
    if dataset.published:
        raise InvalidStatus(PUBLISHED, (UNPUBLISHED,))
