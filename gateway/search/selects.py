"""What is asked of the store?  Reads of one dataset's present generation."""

from collections.abc import Sequence

from gateway.search.parameters import Page, check_order
from headwater.domain.datasets import Dataset
from headwater.domain.fields import Configuration, Field
from headwater.domain.tables import rows_table
from headwater.runtime.store import ReadField, Select


def table_of(dataset: Dataset) -> str:
    """Return the table that readers see now."""
    return rows_table(dataset.uid, dataset.generation).name


def page_select(dataset: Dataset, configuration: Configuration, page: Page) -> Select:
    """Return the read of one page. Raises InvalidQuery for an unknown field to sort by."""
    check_order(page.order, {one.name for one in configuration.fields})
    return Select(
        table=table_of(dataset),
        fields=read_fields(configuration.fields),
        order_by=page.order,
        limit=page.limit,
        offset=page.offset,
    )


def record_select(dataset: Dataset, configuration: Configuration, record_id: str) -> Select:
    """Return the read of one record."""
    return Select(
        table=table_of(dataset), fields=read_fields(configuration.fields), limit=1, record_id=record_id
    )


def read_fields(fields: Sequence[Field]) -> tuple[ReadField, ...]:
    """Return what to read for each field."""
    return tuple(ReadField(one.name, one.type, one.columns) for one in fields)
