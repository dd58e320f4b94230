"""When is somebody told?  Once per silence and once when it is over, and never of what nobody asked for."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.activity import Traffic
from headwater.domain.datasets import Dataset, Resource
from schedulers.alerts.watch import GIVE_UP_US, MINUTE_US, Watch, Window, is_watched, judged, told, watched

START_US = 1_700_000_000_000_000
CHANNELS = ("mail", "webhook")


def resource(**params):
    return Resource(uid="re_1", resource_id="r", title="r", params={"alert": True, **params})


def looked(watch, minutes, last_minutes=None, **params):
    """Look `minutes` after the start at a resource whose newest record came at `last_minutes`."""
    at_us = 0 if last_minutes is None else START_US + last_minutes * MINUTE_US
    now_us = START_US + minutes * MINUTE_US
    return watched(watch, resource(**params), Traffic(at_us=at_us), channels=CHANNELS, now_us=now_us)


def all_told(watch):
    alarm = watch.silence
    for channel in alarm.owed:
        alarm = told(alarm, channel)
    return replace(watch, silence=alarm)


def test_a_silence_is_told_once():
    """The second look at the same silence owes nobody anything."""
    watch = looked(looked(None, 0), 5.1)
    assert watch.silence.owed == CHANNELS
    assert watch.silence.since_us == START_US

    later = looked(all_told(watch), 60)
    assert later.silence.owed == ()


def test_the_clock_starts_when_the_resource_is_first_seen():
    """Published or enabled just now, with nothing received since."""
    assert looked(looked(None, 100), 104.9).silence is None
    assert looked(looked(None, 100), 105.1).silence is not None


def test_the_end_of_a_silence_is_told_once():
    """And then everything is as if it had not been."""
    silent = all_told(looked(looked(None, 0), 6))

    again = looked(silent, 7, last_minutes=7)
    assert again.silence.over
    assert again.silence.owed == CHANNELS
    assert looked(all_told(again), 8, last_minutes=7).silence is None


def test_who_was_not_told_of_a_silence_is_not_told_of_its_end():
    """A mail server that was away all the time gets neither."""
    silent = looked(looked(None, 0), 6)

    assert looked(silent, 7, last_minutes=7).silence is None


def test_each_silence_counts():
    """A new one after a recovery is told again."""
    watch = all_told(looked(looked(None, 0), 6))
    watch = all_told(looked(watch, 7, last_minutes=7))

    assert looked(watch, 13, last_minutes=7).silence.owed == CHANNELS


def test_the_owner_says_how_long_is_too_long():
    """Minutes, 5 when nothing is said."""
    assert looked(looked(None, 0), 29, alert_inactivity_minutes=30).silence is None
    assert looked(looked(None, 0), 31, alert_inactivity_minutes=30).silence is not None


def test_what_cannot_be_told_for_a_day_is_given_up():
    """Nobody waits for yesterday's alarm."""
    silent = looked(looked(None, 0), 6)
    late = watched(
        silent, resource(), Traffic(), channels=CHANNELS, now_us=silent.silence.noticed_us + GIVE_UP_US + 1
    )

    assert late.silence.owed == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"published": False}, False), ({"enabled": False}, False), ({"alert": False}, False)],
)
def test_only_what_can_receive_and_is_wanted_is_watched(changes, expected):
    """No alert while disabled or unpublished."""
    one = replace(resource(alert=changes.get("alert", True)), enabled=changes.get("enabled", True))
    dataset = Dataset(
        uid="da_1",
        dataset_id="one",
        title="One",
        published=changes.get("published", True),
        resources=(one,),
    )

    assert is_watched(dataset, one) is expected


def judge(watch, before, after, percent=10):
    """Judge a window that began with `before` and ends with `after`: (records, quarantined)."""
    window = Window(at_us=START_US, traffic=Traffic(records=before[0], quarantined=before[1]))
    traffic = Traffic(records=after[0], quarantined=after[1])
    return judged(
        watch,
        resource(alert_quarantine_percent=percent),
        window,
        traffic,
        channels=CHANNELS,
        now_us=START_US + MINUTE_US,
    )


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        ((0, 0), (100, 9), False),
        ((0, 0), (100, 10), True),
        ((1000, 1000), (1100, 1005), False),
        ((100, 0), (100, 0), False),
        ((100, 50), (10, 10), False),
    ],
)
def test_the_share_of_refused_records_is_that_of_the_window(before, after, raised):
    """What came in before it does not count, and counts that begin anew say nothing."""
    watch = judge(Watch(since_us=START_US), before, after)

    assert (watch.quarantine is not None) is raised


def test_a_better_window_ends_the_alarm_and_an_empty_one_does_not():
    """No records are no good records."""
    bad = judge(Watch(since_us=START_US), (0, 0), (10, 10))
    bad = replace(bad, quarantine=told(bad.quarantine, "mail"))

    assert judge(bad, (10, 10), (10, 10)).quarantine == bad.quarantine
    assert judge(bad, (10, 10), (20, 10)).quarantine.over


def test_without_a_percentage_nobody_is_told_of_refusals():
    """It is off until the owner says how much is too much."""
    bad = judge(Watch(since_us=START_US), (0, 0), (10, 10))

    assert judge(bad, (0, 0), (10, 10), percent=None).quarantine is None


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), max_size=40))
def test_alarms_alternate_whatever_happens(story):
    """Each channel hears of silence, end, silence, end: never twice the same."""
    heard, now, last = [], 0, 0
    watch = looked(None, 0)
    for minutes, receives, reachable in story:
        now += minutes
        last = now if receives else last
        watch = looked(watch, now, last_minutes=last)
        if reachable and watch.silence and "mail" in watch.silence.owed:
            heard.append(watch.silence.over)
            watch = replace(watch, silence=told(watch.silence, "mail"))

    assert all(one != other for one, other in pairwise(heard))
    assert heard[:1] in ([], [False])


def test_a_watch_survives_being_written_down():
    """Whoever takes over goes on where the last one was."""
    watch = looked(looked(None, 0), 6)
    watch = replace(watch, silence=told(watch.silence, "mail"))

    assert Watch.from_json(watch.to_json()) == watch
