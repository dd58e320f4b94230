"""From a request to a read of the store."""

from dataclasses import replace
from datetime import UTC

import pytest

from gateway.search.parameters import Page
from gateway.search.selects import page_select, record_select
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.errors import InvalidQuery
from headwater.domain.fields import configure
from headwater.domain.schema import Rung, Schema
from headwater.domain.types import FieldType
from headwater.runtime.store import ReadField, Relation, Select

DATASET = Dataset(
    uid="da_1",
    dataset_id="a",
    title="A",
    generation=3,
    fields=(
        FieldItem(uid="df_1", type="rename", params={"from_name": "n", "to_name": "level"}),
        FieldItem(uid="df_2", type="delete", params={"field": "hidden"}),
    ),
)
CONFIGURATION = configure(
    DATASET, Schema({"n": {Rung.INT, Rung.DOUBLE}, "hidden": {Rung.TEXT}, "city": {Rung.TEXT}})
)
FIELDS = (
    ReadField("city", FieldType.TEXT, ("city:text",)),
    ReadField("level", FieldType.DOUBLE, ("n:double", "n:int")),
)


def page(**changes):
    return Page(**{"limit": 10, "offset": 0, "order": (), "zone": UTC, **changes})


def test_page_reads_the_visible_fields_of_the_present_generation():
    """Under the names that readers see, from the columns of what was pushed."""
    select = page_select(DATASET, CONFIGURATION, page(limit=5, offset=2, order=(("level", True),)))
    assert select.fields == FIELDS
    assert select == Select(
        relation=Relation(table="d_1_g3"), fields=FIELDS, order_by=(("level", True),), limit=5, offset=2
    )


@pytest.mark.parametrize("name", ["n", "hidden", "nonsense", "_id"])
def test_only_visible_fields_can_be_sorted_by(name):
    """A hidden field must not show through the order."""
    with pytest.raises(InvalidQuery, match=f"Unknown field: {name}"):
        page_select(DATASET, CONFIGURATION, page(order=((name, False),)))


def test_one_record_is_read_by_its_id():
    """At most one row."""
    select = record_select(DATASET, CONFIGURATION, "ab" * 20)
    assert (select.record_id, select.limit, select.fields) == ("ab" * 20, 1, FIELDS)


def test_past_is_read_from_the_history():
    """Also what was merged, where anything ever was."""
    kept = replace(DATASET, history=True)
    relation = page_select(kept, CONFIGURATION, page(as_of=9)).relation
    assert (relation.as_of, relation.history, relation.patches_history) == (9, "d_1_g3_h", "")
    merged = record_select(replace(kept, patched=True), CONFIGURATION, "a" * 40, 9).relation
    assert (merged.patches, merged.patches_history) == ("d_1_g3_p", "d_1_g3_ph")


def test_past_of_a_dataset_without_history_is_refused():
    """An answer from what is left would be wrong."""
    with pytest.raises(InvalidQuery, match="as_of API parameter needs a history"):
        page_select(DATASET, CONFIGURATION, page(as_of=9))
