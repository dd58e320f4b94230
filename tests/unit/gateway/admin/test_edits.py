"""Edits: from the present document to the next one."""

from dataclasses import replace

import pytest

from gateway.admin import edits
from gateway.admin.documents import parse_dataset, parse_resource
from gateway.admin.keyring import new_key
from gateway.admin.states import InvalidStatus
from headwater.domain.datasets import Dataset, FieldItem
from headwater.domain.errors import Conflict, NotFound
from headwater.domain.schema import Schema

DATASET = Dataset(uid="da_1", dataset_id="a", title="A", revision=3, created_at="2024-01-01T00:00:00+00:00")
RESOURCE = parse_resource({"type": "realtime"})
NOTHING = Schema()


def item(kind, uid="df_1", **params):
    return FieldItem(uid=uid, type=kind, params=params)


def with_resource(dataset):
    return edits.with_new_resource(dataset, RESOURCE, NOTHING, uid="re_1", key=new_key("k", ""))


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
    open_now = replace(DATASET, published=True, since_version=7)
    assert edits.changed_dataset(open_now, parse_dataset({"dataset_id": "a"})).dataset_id == "a"
    with pytest.raises(InvalidStatus, match="dataset status is 'published' but must be one of 'unpublished'"):
        edits.changed_dataset(open_now, parse_dataset({"dataset_id": "b"}))


def test_resource_keeps_keys_and_name_through_changes():
    """Only renewing changes the keys."""
    made = with_resource(DATASET)
    draft = parse_resource({"type": "realtime", "title": "Other", "params": {"unknown_fields": "drop"}})
    changed = edits.with_changed_resource(made, "re_1", draft, NOTHING, version=9).resources[0]
    assert (changed.title, changed.resource_id, changed.enabled) == ("Other", "realtime", True)
    assert changed.opened_by("k", 0)
    off = edits.with_enabled(made, "re_1", enabled=False)
    assert off.resources[0].enabled is False
    assert off.resources[0].keys == made.resources[0].keys


def test_archive_has_a_gap_until_recovery_is_switched_on_again():
    """What came in between cannot be made again."""
    off = parse_resource({"type": "realtime", "params": {"recovery": False}})
    made = edits.with_changed_resource(with_resource(DATASET), "re_1", off, NOTHING, version=8)
    assert made.resources[0].unbroken_since == 0
    on = edits.with_changed_resource(made, "re_1", RESOURCE, NOTHING, version=9)
    assert on.resources[0].unbroken_since == 9
    assert edits.with_changed_resource(on, "re_1", RESOURCE, NOTHING, version=10) == on


def test_copy_is_a_dataset_of_its_own():
    """The same configuration, what waits included, under other uids; no keys, no secrets, no records."""
    draft = (item("delete", field="a"),)
    original = replace(with_resource(DATASET), published=True, since_version=7, draft=draft, restricted=True)
    copy = edits.copied(original, uid="da_2", dataset_id="b", title="B", created_at="now")
    assert (copy.uid, copy.dataset_id, copy.title, copy.revision) == ("da_2", "b", "B", 0)
    assert (copy.published, copy.since_version, copy.draft, copy.restricted) == (False, 0, None, True)
    assert [(one.type, one.params) for one in copy.fields] == [("delete", {"field": "a"})]
    assert copy.fields[0].uid != draft[0].uid
    assert copy.resources[0].uid != original.resources[0].uid
    assert copy.resources[0].keys == ()
    assert copy.resources[0].params == original.resources[0].params


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: edits.with_changed_resource(one, "re_9", RESOURCE, NOTHING, version=1),
        lambda one: edits.with_enabled(one, "re_9", enabled=True),
        lambda one: edits.without_resource(one, "re_9", NOTHING),
    ],
)
def test_unknown_parts_are_not_found(edit):
    """No edit makes what it was asked to change."""
    with pytest.raises(NotFound):
        edit(DATASET)


def test_edits_leave_the_rest_alone():
    """Uid, revision and creation are the catalog's business."""
    made = with_resource(DATASET)
    assert replace(made, resources=()) == DATASET
