"""What is asked of the store?  Reads of one dataset's present generation."""

from dataclasses import replace

from gateway.search.parameters import Page, check_order
from headwater.domain.datasets import Dataset
from headwater.domain.errors import InvalidQuery
from headwater.domain.fields import Configuration
from headwater.domain.tables import history_table, patches_history_table
from headwater.runtime.reading import present_relation, read_fields
from headwater.runtime.store import Relation, Select


def relation_of(dataset: Dataset, as_of: int | None = None) -> Relation:
    """Return the records that readers see now, or saw as of a version.

    Raises InvalidQuery when the dataset has kept no history.
    """
    present = present_relation(dataset)
    if as_of is None:
        return present
    if not dataset.history:
        raise InvalidQuery(
            f"The as_of API parameter needs a history, which dataset {dataset.dataset_id} does not keep."
        )
    uid, generation = dataset.uid, dataset.generation
    return replace(
        present,
        as_of=as_of,
        history=history_table(uid, generation).name,
        patches_history=patches_history_table(uid, generation).name if dataset.patched else "",
    )


def page_select(dataset: Dataset, configuration: Configuration, page: Page) -> Select:
    """Return the read of one page. Raises InvalidQuery for an unknown field to sort by."""
    check_order(page.order, {one.name for one in configuration.fields})
    return Select(
        relation=relation_of(dataset, page.as_of),
        fields=read_fields(configuration.fields),
        order_by=page.order,
        limit=page.limit,
        offset=page.offset,
    )


def record_select(
    dataset: Dataset, configuration: Configuration, record_id: str, as_of: int | None = None
) -> Select:
    """Return the read of one record. Raises InvalidQuery as `relation_of`."""
    return Select(
        relation=relation_of(dataset, as_of),
        fields=read_fields(configuration.fields),
        limit=1,
        record_id=record_id,
    )
