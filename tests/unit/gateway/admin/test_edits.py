"""Edits: from the present document to the next one."""

from dataclasses import replace

import pytest

from gateway.admin import edits
from gateway.admin.documents import parse_dataset, parse_resource
from gateway.admin.states import InvalidStatus
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.errors import Conflict, InvalidDocument, NotFound
from headwater.domain.schema import MAX_FIELDS, Rung, Schema

DATASET = Dataset(uid="da_1", dataset_id="a", title="A", revision=3, created_at="2024-01-01T00:00:00+00:00")
RESOURCE = parse_resource({"type": "realtime"})
NOTHING = Schema()


def item(kind, uid="df_1", **params):
    return FieldItem(uid=uid, type=kind, params=params)


def test_new_dataset_without_title_is_titled_after_its_id():
    """Every dataset has a title, also in its metadata."""
    made = edits.new_dataset(parse_dataset({}), uid="da_1", dataset_id="a", created_at="now")
    assert (made.title, made.metadata) == ("a", {"default": {"title": {"value": "a"}}})
    assert (made.revision, made.published, made.private, made.on_error) == (0, False, False, "null")


def test_metadata_without_title_keeps_the_title():
    """A PUT of other metadata does not take the title away."""
    draft = parse_dataset({"metadata": {"default": {"description": {"value": "d"}}}})
    changed = edits.changed_dataset(DATASET, draft)
    assert changed.title == "A"
    assert changed.metadata["default"] == {"description": {"value": "d"}, "title": {"value": "A"}}


def test_change_from_another_revision_is_a_conflict():
    """The revision in a document is the one that its writer saw."""
    assert edits.changed_dataset(DATASET, parse_dataset({"revision": 3, "private": True})).private
    with pytest.raises(Conflict, match="revision 2"):
        edits.changed_dataset(DATASET, parse_dataset({"revision": 2}))


def test_published_dataset_keeps_its_id():
    """Unless nothing would change."""
    open_now = edits.published(DATASET, 7)
    assert edits.changed_dataset(open_now, parse_dataset({"dataset_id": "a"})).dataset_id == "a"
    with pytest.raises(InvalidStatus, match="dataset status is 'published' but must be one of 'unpublished'"):
        edits.changed_dataset(open_now, parse_dataset({"dataset_id": "b"}))


def test_every_publication_but_the_first_opens_a_new_generation():
    """So it starts empty, and what arrived before it is discarded; publishing twice changes nothing."""
    first = edits.published(DATASET, 7)
    assert (first.generation, first.since_version) == (1, 7)
    assert edits.published(first, 8) is first
    closed = edits.unpublished(first)
    assert (closed.published, closed.generation) == (False, 1)
    again = edits.published(closed, 9)
    assert (again.published, again.generation, again.since_version) == (True, 2, 9)


def test_resource_keeps_key_and_name_through_changes():
    """Only renewing changes the key."""
    made = edits.with_new_resource(DATASET, RESOURCE, uid="re_1", pushkey="k")
    draft = parse_resource({"type": "realtime", "title": "Other", "params": {"unknown_fields": "drop"}})
    changed = edits.with_changed_resource(made, "re_1", draft).resources[0]
    assert (changed.title, changed.resource_id, changed.enabled) == ("Other", "realtime", True)
    assert changed.opened_by("k", 0)
    off = edits.with_enabled(made, "re_1", enabled=False)
    assert off.resources[0].enabled is False
    renewed = edits.with_pushkey(off, "re_1", "n").resources[0]
    assert renewed.opened_by("n", 0)
    assert not renewed.opened_by("k", 0)
    assert renewed.enabled is False


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: edits.with_changed_resource(one, "re_9", RESOURCE),
        lambda one: edits.with_enabled(one, "re_9", enabled=True),
        lambda one: edits.with_pushkey(one, "re_9", "k"),
        lambda one: edits.without_resource(one, "re_9"),
        lambda one: edits.with_changed_item(one, item("delete", "df_9", field="a"), NOTHING),
        lambda one: edits.without_item(one, "df_9"),
    ],
)
def test_unknown_parts_are_not_found(edit):
    """No edit makes what it was asked to change."""
    with pytest.raises(NotFound):
        edit(DATASET)


def test_items_keep_their_order():
    """A replaced item stays in its place."""
    one = edits.with_item(DATASET, item("delete", "df_1", field="a"), NOTHING)
    two = edits.with_item(one, item("delete", "df_2", field="b"), NOTHING)
    changed = edits.with_changed_item(two, item("delete", "df_1", field="c"), NOTHING)
    assert [each.params["field"] for each in changed.fields] == ["c", "b"]
    assert edits.without_item(changed, "df_1").fields == (two.fields[1],)


def test_two_fields_of_one_name_are_refused():
    """A rename to a field that was seen, and to one that was declared."""
    seen = Schema({"a": {Rung.INT}, "b": {Rung.INT}})
    with pytest.raises(InvalidDocument) as caught:
        edits.with_item(DATASET, item("rename", from_name="a", to_name="b"), seen)
    assert caught.value.field == "to_name"
    swapped = edits.with_item(DATASET, item("delete", "df_0", field="b"), seen)
    assert edits.with_item(swapped, item("rename", from_name="a", to_name="c"), seen)


def test_fields_over_the_limit_are_refused():
    """A declared field counts as any other."""
    seen = Schema({f"f{n}": {Rung.INT} for n in range(MAX_FIELDS)})
    assert edits.with_item(DATASET, item("type", field="f1", type_param="text"), seen)
    with pytest.raises(InvalidDocument, match=str(MAX_FIELDS)):
        edits.with_item(DATASET, item("type", field="one_more", type_param="text"), seen)


def test_edits_leave_the_rest_alone():
    """Uid, revision and creation are the catalog's business."""
    made = edits.with_new_resource(DATASET, RESOURCE, uid="re_1", pushkey="k")
    assert replace(made, resources=()) == DATASET
