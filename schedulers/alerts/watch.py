"""Is a resource silent, or are its records refused?  Pure: the alarms of a resource and what becomes of them.

An alarm is raised once, is told once on each channel, and once more when it is over; then it is forgotten.
What is owed to a channel stays owed until it was told there, and nobody hears of the end of something that
he was never told of.

Source: reference, push, section 11.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from headwater.domain.activity import Traffic
from headwater.domain.datasets import Dataset, Resource

MINUTE_US = 60_000_000
GIVE_UP_US = 24 * 60 * MINUTE_US  # what could not be told for so long is not told any more
DEFAULT_INACTIVITY_MINUTES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that is wrong, or was until lately."""

    since_us: int  # since when; microseconds since 1970
    noticed_us: int  # when it was raised or, once it is over, when that was noticed
    over: bool = False
    owed: tuple[str, ...] = ()  # channels that have to be told of this yet
    told: tuple[str, ...] = ()  # channels that were


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of one resource that is watched."""

    since_us: int  # since when it is published, enabled and watched, as far as we have seen
    silence: Alarm | None = None
    quarantine: Alarm | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        alarms = {kind: _alarm(document[kind]) for kind in ("silence", "quarantine")}
        return cls(since_us=int(document["since_us"]), **alarms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What had come in by a resource at a moment: the base of a share."""

    at_us: int
    traffic: Traffic


def is_watched(dataset: Dataset, resource: Resource) -> bool:
    """Tell whether the owner wants to know, and records could come in at all."""
    return bool(resource.params.get("alert")) and dataset.published and resource.enabled


def watched(
    watch: Watch | None, resource: Resource, traffic: Traffic, *, channels: Iterable[str], now_us: int
) -> Watch:
    """Return the watch of a resource after a look at when its newest record came in."""
    watch = watch or Watch(since_us=now_us)
    last_us = max(traffic.at_us, watch.since_us)
    minutes = resource.params.get("alert_inactivity_minutes") or DEFAULT_INACTIVITY_MINUTES
    silent = now_us - last_us > minutes * MINUTE_US
    return replace(
        watch, silence=stepped(watch.silence, silent, since_us=last_us, channels=channels, now_us=now_us)
    )


def judged(
    watch: Watch,
    resource: Resource,
    window: Window,
    traffic: Traffic,
    *,
    channels: Iterable[str],
    now_us: int,
) -> Watch:
    """Return the watch of a resource after a look at the share of records that were refused in a window.

    A window in which nothing came in says nothing; nor does one in which somebody began to count anew.
    """
    percent = resource.params.get("alert_quarantine_percent")
    records = traffic.records - window.traffic.records
    quarantined = traffic.quarantined - window.traffic.quarantined
    if not percent:
        return replace(watch, quarantine=None)
    if records <= 0 or quarantined < 0:
        return watch
    bad = quarantined * 100 >= percent * records
    alarm = stepped(watch.quarantine, bad, since_us=window.at_us, channels=channels, now_us=now_us)
    return replace(watch, quarantine=alarm)


def stepped(
    alarm: Alarm | None, wrong: bool, *, since_us: int, channels: Iterable[str], now_us: int
) -> Alarm | None:
    """Return what becomes of an alarm, given whether something is wrong now."""
    if alarm is not None and alarm.owed and now_us - alarm.noticed_us > GIVE_UP_US:
        alarm = replace(alarm, owed=())
    if wrong and (alarm is None or alarm.over):
        believing = alarm.owed if alarm else ()  # were told that something is wrong, and not that it ended
        owed = tuple(one for one in channels if one not in believing)
        return Alarm(since_us=since_us, noticed_us=now_us, owed=owed, told=believing)
    if not wrong and alarm is not None and not alarm.over:
        alarm = replace(alarm, over=True, owed=alarm.told, told=(), noticed_us=now_us)
    return None if alarm is not None and alarm.over and not alarm.owed else alarm


def told(alarm: Alarm, channel: str) -> Alarm:
    """Return an alarm after a channel was told of it, or will never take it."""
    owed = tuple(one for one in alarm.owed if one != channel)
    return replace(alarm, owed=owed, told=(*alarm.told, channel))


def _alarm(document: Mapping[str, Any] | None) -> Alarm | None:
    if document is None:
        return None
    return Alarm(**{**document, "owed": tuple(document["owed"]), "told": tuple(document["told"])})
