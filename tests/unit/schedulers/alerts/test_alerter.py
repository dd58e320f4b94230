"""Owners are told once, by mail and by webhook, whoever is restarted or away meanwhile."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from headwater.domain.datasets import Dataset, Resource
from headwater.domain.leases import LEASES
from headwater.runtime.activity import MemoryActivity
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments, MemoryLog
from headwater.runtime.leases import Leases
from headwater.runtime.memory.catalog import MemoryCatalog
from headwater.runtime.memory.mail import MemoryMailer
from schedulers.alerts.alerter import RETRY_ROUNDS, Alerter
from schedulers.alerts.notices import Letterhead
from schedulers.alerts.webhook import WebhookUnavailable
from schedulers.settings import SchedulerSettings

START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
HOOK = "http://127.0.0.1:9/hook"


class Hook:
    """Remembers what it was told, unless it is away."""

    def __init__(self):
        self.told, self.available = [], True

    async def post(self, url, document):
        if not self.available:
            raise WebhookUnavailable("away")
        self.told.append((url, document))


class Bench:
    """One dataset with one watched resource, and schedulers that share a log of leases."""

    def __init__(self):
        self.clock = ManualClock(START_US)
        self.catalog, self.activity = MemoryCatalog(), MemoryActivity()
        self.mailer, self.hook = MemoryMailer(), Hook()
        self.log = MemoryLog()
        self.settings = SchedulerSettings(alert_emails=("ops@example.org",), alert_quarantine_window_s=60)

    async def start(self, **params):
        await self.catalog.start()
        one = Resource(uid="re_1", resource_id="r", title="Sensors", params={"alert": True, **params})
        dataset = Dataset(uid="da_1", dataset_id="one", title="One", published=True, resources=(one,))
        await self.catalog.write(dataset)
        self.alerter = await self.scheduler()
        await self.alerter.look()

    async def scheduler(self):
        documents = MemoryDocuments(LEASES, self.log)
        await documents.start()
        return Alerter(
            self.settings,
            head=Letterhead(
                domain="example.org", public_url="https://example.org/", zone=ZoneInfo("Europe/Paris")
            ),
            catalog=self.catalog,
            activity=self.activity,
            leases=Leases(documents, self.clock),
            mailer=self.mailer,
            webhook=self.hook,
            clock=self.clock,
        )

    def receive(self, records=1, quarantined=0):
        self.activity.write(
            "in/da_1/r/p1",
            {"at_us": self.clock.now_us(), "records": records, "quarantined": quarantined},
        )

    async def change(self, **changes):
        dataset = self.catalog.get("da_1")
        one = replace(dataset.resources[0], enabled=changes.pop("enabled", True))
        await self.catalog.write(replace(dataset, resources=(one,), **changes))

    async def after(self, minutes, alerter=None):
        self.clock.advance(minutes * 60)
        await (alerter or self.alerter).look()


@pytest.fixture
async def bench():
    bench = Bench()
    await bench.start()
    return bench


async def test_a_silence_and_its_end_are_one_mail_each(bench):
    """No repetition until data has arrived again."""
    bench.receive()
    for _ in range(20):
        await bench.after(1)
    assert [mail.subject for mail in bench.mailer.sent] == ["example.org - Alert on dataset One"]
    assert "No data received since 2026-01-01T00:00:00+00:00" in bench.mailer.sent[0].text

    bench.receive()
    await bench.after(1)
    await bench.after(1)
    assert len(bench.mailer.sent) == 2
    assert "Data received again" in bench.mailer.sent[1].text


async def test_a_mail_says_when_and_where_to_look(bench):
    """Dataset, time in both zones, message, links."""
    await bench.after(6)

    text = bench.mailer.sent[0].text
    assert bench.mailer.sent[0].to == ("ops@example.org",)
    assert "One (one)" in text
    assert "2026-01-01 01:06:00 CET (2026-01-01 00:06:00 UTC)" in text
    assert "https://example.org/api/explore/v2.1/catalog/datasets/one" in text


async def test_the_resource_says_who_is_told():
    """Its addresses instead of the installation's, and its webhook besides."""
    bench = Bench()
    await bench.start(alert_emails=["owner@example.org"], alert_webhook=HOOK)
    await bench.after(6)

    assert [mail.to for mail in bench.mailer.sent] == [("owner@example.org",)]
    [(url, document)] = bench.hook.told
    assert url == HOOK
    assert (document["type"], document["dataset"]["uid"]) == ("alert.silence", "da_1")
    assert document["id"] == bench.mailer.sent[0].id


async def test_another_scheduler_repeats_nothing(bench):
    """What was raised and told is kept with the lease."""
    await bench.after(6)
    successor = await bench.scheduler()
    await bench.after(6, successor)
    await bench.after(6, successor)

    assert len(bench.mailer.sent) == 1


async def test_a_second_scheduler_waits_while_the_first_works(bench):
    """Only one tells."""
    second = await bench.scheduler()
    bench.clock.advance(301)
    await bench.alerter.look()
    await second.look()

    assert len(bench.mailer.sent) == 1


async def test_what_could_not_be_told_is_told_later():
    """And the channel that was told is not told again."""
    bench = Bench()
    await bench.start(alert_webhook=HOOK)
    bench.hook.available = False
    await bench.after(6)
    assert len(bench.mailer.sent) == 1

    bench.hook.available = True
    for _ in range(RETRY_ROUNDS + 1):
        await bench.after(0.1)
    assert (len(bench.mailer.sent), len(bench.hook.told)) == (1, 1)


async def test_a_refused_mail_is_not_tried_again(bench):
    """A wrong address does not get better."""
    bench.mailer.refuses.add("ops@example.org")
    await bench.after(6)
    bench.mailer.refuses.clear()
    for _ in range(RETRY_ROUNDS + 1):
        await bench.after(0.1)

    assert bench.mailer.sent == []


@pytest.mark.parametrize("change", [{"enabled": False}, {"published": False}])
async def test_nobody_is_told_of_a_resource_that_can_receive_nothing(bench, change):
    """And the clock starts anew when it can again."""
    await bench.after(3)
    await bench.change(**change)
    await bench.after(60)
    await bench.change(published=True)
    await bench.after(0)
    await bench.after(4)
    assert bench.mailer.sent == []

    await bench.after(2)
    assert len(bench.mailer.sent) == 1


async def test_too_many_refused_records_are_told():
    """By the share of a window, once, and once when it is over."""
    bench = Bench()
    await bench.start(alert_quarantine_percent=20, alert_inactivity_minutes=60)
    bench.receive(10, 5)
    await bench.after(1.1)
    await bench.after(1.1)
    bench.receive(100, 5)
    await bench.after(1.1)

    first, second = (mail.text for mail in bench.mailer.sent)
    assert "At least 20 % of the records" in first
    assert "Fewer than 20 %" in second


async def test_without_a_mail_server_only_the_webhook_is_told(monkeypatch):
    """Nothing is owed to a channel that does not exist."""
    bench = Bench()
    monkeypatch.setattr(MemoryMailer, "is_configured", False)
    await bench.start(alert_webhook=HOOK)
    await bench.after(6)

    assert len(bench.hook.told) == 1
