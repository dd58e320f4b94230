"""What is there to read of a dataset now?  Its present generation, as every reader sees it."""

from collections.abc import Sequence

from headwater.domain.datasets import Dataset
from headwater.domain.fields import Field
from headwater.domain.tables import patches_table, rows_table
from headwater.runtime.store import ReadField, Relation


def present_relation(dataset: Dataset) -> Relation:
    """Return the records that readers see now."""
    uid, generation = dataset.uid, dataset.generation
    return Relation(
        table=rows_table(uid, generation).name,
        since=dataset.sync_version,
        patches=patches_table(uid, generation).name if dataset.patched else "",
    )


def read_fields(fields: Sequence[Field]) -> tuple[ReadField, ...]:
    """Return what to read for each field."""
    return tuple(ReadField(one.name, one.type, one.columns) for one in fields)
