"""What becomes of a dataset's records."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin import life
from gateway.admin.life import Order
from gateway.admin.states import InvalidStatus
from headwater.domain.builds import is_whole
from headwater.domain.datasets import Build, BuildState, Dataset, FieldItem, Resource
from headwater.domain.errors import Conflict, HeadwaterError, NotFound

ITEM = FieldItem(uid="df_1", type="delete", params={"field": "a"})
ORDER = Order(uid="bu_1", now_us=5)
ACCEPTING = replace(ORDER, accept_loss=True)
WHOLE = Resource(uid="re_1", resource_id="realtime", title="r")
UNARCHIVED = Resource(uid="re_2", resource_id="volatile", title="v", params={"recovery": False})


def dataset(*resources, **members):
    return Dataset(uid="da_1", dataset_id="a", title="A", resources=resources, **members)


def open_dataset(*resources, **members):
    return dataset(*resources, published=True, since_version=7, **members)


def in_state(before, state):
    return replace(before, build=replace(before.build, state=state))


def test_every_publication_but_the_first_opens_a_new_generation():
    """So it starts empty, and what arrived before it is discarded; publishing twice changes nothing."""
    first = life.published(dataset(), 7, ORDER)
    assert (first.generation, first.since_version) == (1, 7)
    assert life.published(first, 8, ORDER) is first
    closed = life.unpublished(first, 8)
    assert (closed.published, closed.generation) == (False, 1)
    again = life.published(closed, 9, ORDER)
    assert (again.published, again.generation, again.since_version) == (True, 2, 9)


def test_publication_after_a_recovery_starts_empty_too():
    """A recovery lets in all versions; that must not be taken for a first publication."""
    recovered = open_dataset(WHOLE, generation=3, last_generation=3)
    closed = life.unpublished(replace(recovered, since_version=0), 9)
    assert life.published(closed, 10, ORDER).generation == 4


def test_draft_is_built_by_publishing_and_stays_until_the_switch():
    """The new generation has the next number; readers see the present one."""
    built = life.published(open_dataset(WHOLE, draft=(ITEM,), failure="why"), 8, ORDER)
    expected = Build(uid="bu_1", generation=2, fields=(ITEM,), history=False, requested_at_us=5)
    assert (built.build, built.generation, built.last_generation) == (expected, 1, 2)
    assert (built.draft, built.fields, built.failure, built.since_version) == ((ITEM,), (), "", 7)


@pytest.mark.parametrize(
    "broken",
    [
        UNARCHIVED,
        replace(WHOLE, params={"recovery_retention_days": 3}),
        replace(WHOLE, archived_since=8),
        replace(WHOLE, unbroken_since=8),
    ],
)
def test_build_that_would_lose_records_must_be_accepted(broken):
    """Without archive, with a part of it, or with gaps in it."""
    before = open_dataset(broken, draft=(ITEM,))
    with pytest.raises(Conflict, match=f"'{broken.resource_id}'.*accept_loss"):
        life.published(before, 8, ORDER)
    assert life.published(before, 8, ACCEPTING).build


@pytest.mark.parametrize(
    "members", [{"archived_since": 7}, {"unbroken_since": 3}, {"archived_since": 9, "held_since": 9}]
)
def test_archive_that_has_all_of_this_is_whole(members):
    """What was lost of an earlier publication, or was never the resource's, is not the dataset's any more."""
    assert is_whole(open_dataset(), replace(WHOLE, **members))


def test_second_build_waits_for_the_first():
    """One at a time; the sentence names the state."""
    built = life.published(open_dataset(WHOLE, draft=(ITEM,)), 8, ORDER)
    with pytest.raises(InvalidStatus, match="status is 'queued' but must be one of 'idle, error'"):
        life.recovered(built, "re_1", ORDER)
    filling = in_state(built, BuildState.SETTLING)
    with pytest.raises(InvalidStatus, match="status is 'processing'"):
        life.with_history(filling, ORDER, history=True)


def test_recovery_copies_what_was_never_archived():
    """So a resource without recovery beside the recovered one loses nothing."""
    recovered = life.recovered(open_dataset(WHOLE, UNARCHIVED), "re_1", ORDER)
    assert (recovered.build.recovers, recovered.build.generation) == ("re_1", 2)
    with pytest.raises(Conflict):
        life.recovered(open_dataset(WHOLE, UNARCHIVED), "re_2", ORDER)
    with pytest.raises(NotFound):
        life.recovered(open_dataset(WHOLE), "re_9", ORDER)


@pytest.mark.parametrize(
    "action",
    [
        lambda one: life.recovered(one, "re_1", ORDER),
        lambda one: life.truncated(one, 8),
        lambda one: life.with_scratched_archive(one, "re_1", 8),
    ],
)
def test_what_needs_records_needs_a_published_dataset(action):
    """Otherwise there is nothing that could change."""
    with pytest.raises(InvalidStatus, match="status is 'unpublished' but must be one of 'published'"):
        action(dataset(WHOLE))


def test_history_of_a_published_dataset_is_a_build():
    """Of an unpublished one it counts with its first record; of one that has it already nothing changes."""
    assert life.with_history(dataset(), ORDER, history=True).history
    before = open_dataset(WHOLE)
    assert life.with_history(before, ORDER, history=False) is before
    after = life.with_history(before, ORDER, history=True)
    assert (after.history, after.build.history) == (False, True)


def test_unpublishing_brings_into_force_what_waits():
    """There is nothing left that would have to be made again."""
    closed = life.unpublished(open_dataset(WHOLE, draft=(ITEM,)), 9)
    assert (closed.fields, closed.draft, closed.published) == ((ITEM,), None, False)
    building = life.with_history(open_dataset(WHOLE), ORDER, history=True)
    assert life.unpublished(building, 9).history
    assert life.unpublished(building, 9).build is None


def test_truncated_dataset_is_a_new_generation_under_the_stack_being_built():
    """It is empty at once; a draft that nobody published still waits."""
    emptied = life.truncated(open_dataset(WHOLE, draft=(ITEM,)), 9)
    assert (emptied.generation, emptied.since_version, emptied.draft) == (2, 9, (ITEM,))
    building = life.published(open_dataset(WHOLE, draft=(ITEM,)), 8, ORDER)
    emptied = life.truncated(building, 9)
    assert (emptied.generation, emptied.build, emptied.fields, emptied.draft) == (3, None, (ITEM,), None)


def test_aborted_build_leaves_the_draft():
    """Until readers see the result; then there is nothing to abort."""
    building = life.published(open_dataset(WHOLE, draft=(ITEM,)), 8, ORDER)
    assert life.aborted(building) == replace(building, build=None)
    with pytest.raises(InvalidStatus, match="status is 'idle' but must be one of 'queued, processing'"):
        life.aborted(open_dataset())
    with pytest.raises(Conflict):
        life.aborted(in_state(building, BuildState.SETTLING))


def test_scratched_archive_begins_anew():
    """What the dataset holds stays, and cannot be made again."""
    scratched = life.with_scratched_archive(open_dataset(WHOLE), "re_1", 9)
    assert scratched.resources[0].archived_since == 9
    assert not is_whole(scratched, scratched.resources[0])


def test_warning_names_what_cannot_come_back():
    """None where everything can."""
    assert life.loss_warning(open_dataset(WHOLE), "truncating") == ""
    assert "'volatile'" in life.loss_warning(open_dataset(WHOLE, UNARCHIVED), "truncating")


def switched(one):
    if one.build is None:
        return one
    return in_state(replace(one, generation=one.build.generation), BuildState.SETTLING)


def settled(one):
    return replace(one, build=None) if one.build and one.build.state is BuildState.SETTLING else one


ACTIONS = {
    "publish": lambda one: life.published(one, 10, ACCEPTING),
    "change and publish": lambda one: life.published(replace(one, draft=(ITEM,)), 10, ORDER),
    "unpublish": lambda one: life.unpublished(one, 10),
    "truncate": lambda one: life.truncated(one, 10),
    "recover": lambda one: life.recovered(one, "re_1", ACCEPTING),
    "history": lambda one: life.with_history(one, ACCEPTING, history=not one.history),
    "abort": life.aborted,
    "switch": switched,
    "settle": settled,
}


@given(st.lists(st.sampled_from(sorted(ACTIONS)), max_size=12))
def test_no_generation_is_ever_given_twice(actions):
    """A number names one life of the table; whatever is done, the highest one only rises."""
    before, given_out = dataset(WHOLE), {1}
    for action in actions:
        try:
            after = ACTIONS[action](before)
        except HeadwaterError:
            continue
        fresh = after.last_generation != before.last_generation
        if fresh:
            assert after.last_generation not in given_out
            given_out.add(after.last_generation)
        assert after.last_generation >= before.last_generation
        assert after.generation <= after.last_generation
        assert after.build is None or not after.is_over(after.build.generation)
        before = after
