"""What does an alert say?  Pure: an alarm becomes a mail, or the JSON of a webhook.

Source: reference, push, section 11.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from headwater.domain.datasets import Dataset, Resource
from headwater.runtime.clock import moment
from headwater.runtime.mail import Mail
from schedulers.alerts.watch import Alarm

SILENCE, QUARANTINE = "silence", "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all notices of one installation share."""

    domain: str  # what the installation is called
    public_url: str  # start of the links; empty: none
    zone: ZoneInfo  # of the local times


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alarm of one resource, to be told."""

    kind: str  # SILENCE or QUARANTINE
    dataset: Dataset
    resource: Resource
    alarm: Alarm

    @property
    def id(self) -> str:
        """The same for the same news, so that whoever gets it twice can tell."""
        alarm = self.alarm
        facts = (self.kind, self.dataset.uid, self.resource.uid, alarm.since_us, alarm.noticed_us, alarm.over)
        return sha256(repr(facts).encode()).hexdigest()[:32]

    @property
    def sentence(self) -> str:
        """What happened."""
        since, noticed = _iso(moment(self.alarm.since_us)), _iso(moment(self.alarm.noticed_us))
        if self.kind == SILENCE:
            return (
                f"Data received again, by {noticed}" if self.alarm.over else f"No data received since {since}"
            )
        percent = self.resource.params.get("alert_quarantine_percent")
        if self.alarm.over:
            return f"Fewer than {percent} % of the records are refused again, by {noticed}"
        return f"At least {percent} % of the records received since {since} went to quarantine"


def mail_of(notice: Notice, to: tuple[str, ...], head: Letterhead) -> Mail:
    """Return the mail that tells of it."""
    noticed = moment(notice.alarm.noticed_us)
    local = noticed.astimezone(head.zone)
    lines = {
        "Dataset": f"{notice.dataset.title} ({notice.dataset.dataset_id})",
        "Resource": f"{notice.resource.title} ({notice.resource.resource_id})",
        "Time": f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()} ({noticed:%Y-%m-%d %H:%M:%S} UTC)",
        "Message": notice.sentence,
        "Links": _link(notice, head),
    }
    text = "".join(f"{name + ':':<10}{value}\n" for name, value in lines.items() if value)
    subject = f"{head.domain} - Alert on dataset {notice.dataset.title}"
    return Mail(id=notice.id, to=to, subject=subject, text=text)


def document_of(notice: Notice, head: Letterhead) -> dict[str, Any]:
    """Return the JSON document that tells a webhook of it."""
    alarm = notice.alarm
    return {
        "id": notice.id,
        "type": f"alert.{notice.kind}" + (".over" if alarm.over else ""),
        "timestamp": _iso(moment(alarm.noticed_us)),
        "since": _iso(moment(alarm.since_us)),
        "message": notice.sentence,
        "dataset": {
            "uid": notice.dataset.uid,
            "dataset_id": notice.dataset.dataset_id,
            "title": notice.dataset.title,
        },
        "resource": {
            "uid": notice.resource.uid,
            "resource_id": notice.resource.resource_id,
            "title": notice.resource.title,
        },
        "link": _link(notice, head),
    }


def _link(notice: Notice, head: Letterhead) -> str:
    if not head.public_url:
        return ""
    return f"{head.public_url.rstrip('/')}/api/explore/v2.1/catalog/datasets/{notice.dataset.dataset_id}"


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
