"""When a change of the configuration counts."""

from dataclasses import replace

import pytest

from gateway.admin import stack
from gateway.admin.life import Order, rebuilt
from gateway.admin.states import InvalidStatus
from headwater.domain.datasets import BuildState, Dataset, FieldItem, Resource
from headwater.domain.errors import InvalidDocument, NotFound
from headwater.domain.schema import MAX_FIELDS, Rung, Schema

SEEN = Schema({"a": {Rung.INT}, "b": {Rung.TEXT}})
DATASET = Dataset(uid="da_1", dataset_id="a", title="A")
OPEN = replace(DATASET, published=True, since_version=7)


def item(kind, uid="df_1", **params):
    return FieldItem(uid=uid, type=kind, params=params)


RETYPED = item("type", field="a", type_param="text")
RENAMED = item("rename", "df_2", from_name="b", to_name="c")


def test_breaking_change_of_a_published_dataset_waits():
    """As a whole stack; what only readers see joins it once it waits, and counts at once when it does not."""
    waiting = stack.with_item(OPEN, RETYPED, SEEN)
    assert (waiting.fields, waiting.draft) == ((), (RETYPED,))
    assert stack.stack_of(waiting) == (RETYPED,)
    further = stack.with_item(waiting, RENAMED, SEEN)
    assert (further.fields, further.draft) == ((), (RETYPED, RENAMED))
    back = stack.without_item(further, "df_1", SEEN)
    assert (back.fields, back.draft) == ((RENAMED,), None)


def test_change_of_an_unpublished_dataset_counts_at_once():
    """Its publication starts empty."""
    changed = stack.with_item(DATASET, RETYPED, SEEN)
    assert (changed.fields, changed.draft) == ((RETYPED,), None)


def test_items_are_found_in_the_draft():
    """It is the stack that people see and change."""
    waiting = stack.with_item(OPEN, RETYPED, SEEN)
    changed = stack.with_changed_item(
        waiting, replace(RETYPED, params={"field": "a", "type_param": "double"}), SEEN
    )
    assert stack.item_of(changed, "df_1").params["type_param"] == "double"
    with pytest.raises(NotFound):
        stack.item_of(changed, "df_9")


def test_configuration_rests_while_a_build_goes_by_it():
    """Its end would undo the change; once readers see the result, changes are free again."""
    building = rebuilt(replace(OPEN, draft=(RETYPED,)), Order(uid="bu_1", now_us=1))
    with pytest.raises(InvalidStatus, match="'queued'"):
        stack.with_item(building, RENAMED, SEEN)
    settling = replace(building, build=replace(building.build, state=BuildState.SETTLING), draft=None)
    assert stack.with_item(settling, RENAMED, SEEN).fields == (RENAMED,)


def test_other_bootstrap_data_of_a_published_dataset_asks_for_a_publication():
    """The stack may be the same: records in store are still to be made again, until they are."""
    new = OPEN.with_resource(
        Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": {"a": "text"}})
    )
    waiting = stack.with_bootstrap(OPEN, new, SEEN)
    assert waiting.draft == ()
    assert stack.with_item(waiting, RENAMED, SEEN).draft == (RENAMED,)
    assert stack.with_bootstrap(DATASET, replace(new, published=False), SEEN).draft is None
    assert stack.with_bootstrap(OPEN, new, Schema()).draft is None


def test_item_that_would_make_two_fields_of_one_name_is_refused():
    """Also where another item made the name, and when an item that kept them apart goes."""
    with pytest.raises(InvalidDocument) as refusal:
        stack.with_item(DATASET, item("rename", from_name="a", to_name="b"), SEEN)
    assert refusal.value.field == "to_name"
    renamed = stack.with_item(DATASET, RENAMED, SEEN)
    with pytest.raises(InvalidDocument):
        stack.with_item(renamed, item("rename", "df_3", from_name="a", to_name="c"), SEEN)
    swapped = stack.with_item(renamed, item("rename", "df_3", from_name="a", to_name="b"), SEEN)
    with pytest.raises(InvalidDocument):
        stack.without_item(swapped, "df_2", SEEN)


def test_item_that_would_make_too_many_fields_is_refused():
    """Configured fields count as those that were seen do."""
    full = Schema({f"f{n}": {Rung.INT} for n in range(MAX_FIELDS)})
    with pytest.raises(InvalidDocument, match=str(MAX_FIELDS)):
        stack.with_item(DATASET, item("type", field="one_more", type_param="int"), full)


def test_stack_is_not_endless():
    """Every reader applies all of it."""
    long = tuple(item("description", f"df_{n}", field="a", description="d") for n in range(stack.MAX_ITEMS))
    with pytest.raises(InvalidDocument, match="at most"):
        stack.with_item(replace(DATASET, fields=long), item("delete", field="a"), SEEN)


def test_items_keep_their_order():
    """A replaced item stays in its place."""
    one = stack.with_item(DATASET, item("delete", "df_1", field="a"), SEEN)
    two = stack.with_item(one, item("delete", "df_2", field="b"), SEEN)
    changed = stack.with_changed_item(two, item("delete", "df_1", field="c"), SEEN)
    assert [each.params["field"] for each in changed.fields] == ["c", "b"]
    assert stack.without_item(changed, "df_1", SEEN).fields == (two.fields[1],)
