"""What belongs into a new generation, and how the document changes on the way there."""

from dataclasses import replace

import pytest

from headwater.domain.datasets import Build, BuildState, Dataset, FieldItem, Resource
from schedulers.rebuild.plan import (
    MAX_COUNT,
    Abandoned,
    BuildFailed,
    Plan,
    StartOver,
    check,
    failed,
    filling,
    settled,
    switched,
)

KEY = (FieldItem(uid="df_1", type="annotate", params={"field": "n", "annotation": "id"}),)
SINCE = 10 * MAX_COUNT


def resource(name, *, recovery=True, archived_since=0):
    return Resource(
        uid=f"re_{name}",
        resource_id=name,
        title=name,
        archived_since=archived_since,
        params={"recovery": recovery},
    )


BUILD = Build(uid="bu_1", generation=2, fields=KEY, history=True)
DATASET = Dataset(
    uid="da_1",
    dataset_id="one",
    title="One",
    published=True,
    last_generation=2,
    since_version=SINCE,
    resources=(resource("a"), resource("b", archived_since=SINCE + 5), resource("c", recovery=False)),
    build=BUILD,
    draft=KEY,
    failure="last time it failed",
    revision=7,
)


def plan(**changes):
    build = replace(BUILD, **changes)
    return Plan.of(replace(DATASET, build=build), build)


def test_a_rebuild_takes_what_the_dataset_holds_now():
    """Earlier lives stay away, and so does what its owner deleted from the archive."""
    assert plan().archive_floor("a") == SINCE
    assert plan().archive_floor("b") == SINCE + 5


def test_a_recovery_takes_all_lives_of_its_resource():
    """And of the others what the dataset holds now."""
    recovery = plan(recovers="re_a")

    assert recovery.archive_floor("a") == 0
    assert recovery.archive_floor("b") == SINCE + 5
    assert recovery.archive_from is None


def test_the_archive_is_read_from_where_it_may_count():
    """A message before that has no record of this life, however many it has."""
    assert plan().archive_from == (SINCE - MAX_COUNT, 0, 0)


def test_what_is_not_archived_is_copied_where_the_configuration_stays():
    """Rows that the new configuration would make otherwise cannot be taken as they are."""
    assert not plan().copies
    assert plan(recovers="re_a").copies
    assert plan(fields=()).copies
    assert plan().unarchived == ("c",)


def test_an_old_archive_of_a_resource_without_recovery_is_not_replayed():
    """It lacks what came after it, deletions too."""
    assert plan().archive_floor("c") is None


def test_records_of_a_deleted_resource_still_belong_to_the_dataset():
    """Who deletes a resource keeps its records."""
    assert plan().archive_floor("gone") == SINCE


def test_live_records_count_whatever_was_deleted_from_the_archive():
    """The owner deleted a backup, not the records."""
    assert plan().live_floor("b") == SINCE
    assert plan(recovers="re_b").live_floor("b") == SINCE + 5


def test_a_switch_shows_the_new_generation_as_it_was_asked_for():
    """Fields, history and generation change in one write; the positions tell where to go on."""
    new = switched(filling(DATASET), {0: 17, 1: 4}, merged=False)

    assert (new.generation, new.fields, new.history, new.draft) == (2, KEY, True, None)
    assert (new.since_version, new.patched, new.failure) == (SINCE, False, "")
    assert new.build.state is BuildState.SETTLING
    assert new.build.positions == {"0": 17, "1": 4}
    assert settled(new).build is None


def test_a_recovery_ends_the_floor_of_earlier_lives():
    """Its records are older than the present publication."""
    dataset = replace(DATASET, build=replace(BUILD, recovers="re_a", state=BuildState.FILLING))

    assert switched(dataset, {}, merged=False).since_version == 0


def test_after_a_switch_the_dataset_holds_what_its_archives_have():
    """The next build loses nothing, and brings back no earlier life of resources that were not recovered."""
    build = replace(BUILD, recovers="re_a", state=BuildState.FILLING)
    new = switched(replace(DATASET, build=build), {}, merged=False)

    assert [one.held_since for one in new.resources] == [0, SINCE + 5, 0]
    other = resource("d")
    before = replace(DATASET, build=build, resources=(*DATASET.resources, other))
    later = switched(before, {}, merged=False)
    assert Plan.of(later, replace(BUILD, recovers="")).archive_floor("d") == SINCE


def test_readers_look_for_patches_where_some_were_replayed():
    """A truncated dataset knows of none, its archive may hold some."""
    assert switched(filling(DATASET), {}, merged=True).patched


def test_nobody_switches_twice():
    """The second one must go on from the positions of the first."""
    with pytest.raises(StartOver):
        switched(switched(filling(DATASET), {}, merged=False), {}, merged=False)


def test_only_a_waiting_build_begins():
    """Writing what is there already would only make a revision."""
    assert filling(filling(DATASET)) is not DATASET
    again = filling(DATASET)
    assert filling(again) is again


def test_a_failure_is_told_unless_readers_see_the_new_generation():
    """After the switch there is nothing to give up any more."""
    settling = switched(filling(DATASET), {}, merged=False)

    assert failed(DATASET, "No.").failure == "No."
    assert failed(DATASET, "No.").build is None
    assert failed(settling, "No.") == settling


@pytest.mark.parametrize(
    ("dataset", "error"),
    [
        (None, Abandoned),
        (replace(DATASET, build=None), Abandoned),
        (replace(DATASET, build=replace(BUILD, uid="bu_2")), Abandoned),
        (switched(filling(DATASET), {}, merged=False), StartOver),
        (replace(DATASET, published=False), BuildFailed),
        (replace(DATASET, generation=3), BuildFailed),
    ],
)
def test_a_build_is_not_filled_any_more_when(dataset, error):
    """Each way in which it can be over before the switch."""
    with pytest.raises(error):
        check(dataset, BUILD, switched=False)


def test_after_the_switch_only_another_generation_ends_it():
    """What took the old way has to follow, even when the build was taken out of the document."""
    settling = settled(switched(filling(DATASET), {}, merged=False))

    assert check(settling, BUILD, switched=True) == settling
    with pytest.raises(Abandoned):
        check(replace(settling, generation=3), BUILD, switched=True)
    with pytest.raises(Abandoned):
        check(None, BUILD, switched=True)
