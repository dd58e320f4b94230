"""What can be set for the schedulers?"""

from dataclasses import dataclass, field
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.runtime.settings import (
    KafkaSettings,
    OutOfRange,
    ProcessSettings,
    SmtpSettings,
    StoreSettings,
    check_ranges,
    setting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """Settings of the schedulers, HEADWATER_SCHEDULER_*."""

    env_prefix: ClassVar[str] = "SCHEDULER"

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)
    smtp: SmtpSettings = field(default_factory=SmtpSettings)

    gateway_url: str = setting("http://127.0.0.1:8480", "gateway that the canary pushes to")
    canary_enabled: bool = setting(True, "whether the canary measures push-to-searchable all the time")
    canary_interval_s: float = setting(
        5.0, "seconds between the starts of two canary pushes", low=0.1, high=3600
    )
    canary_push_timeout_s: float = setting(
        10.0, "seconds to wait for the gateway's answer to a canary push", low=0.1, high=60
    )
    canary_search_timeout_s: float = setting(
        4.0, "seconds from its push after which a canary record counts as missing", low=0.1, high=60
    )
    canary_poll_ms: float = setting(
        5.0,
        "milliseconds between two looks for a canary record at first; later a twentieth of the time so far",
        low=1,
        high=1000,
    )

    rebuild_enabled: bool = setting(True, "whether this scheduler fills new generations of datasets")
    rebuilds_at_once: int = setting(2, "datasets that are rebuilt at the same time", low=1, high=32)
    rebuild_ahead_records: int = setting(
        20_000,
        "replayed records under way at once; live records wait behind them",
        low=100,
        high=1_000_000,
    )
    rebuild_settle_s: float = setting(
        10.0,
        "seconds to follow the log after a switch; twice the processors' catalog_max_age_s",
        low=0,
        high=3600,
    )

    republish_enabled: bool = setting(
        True, "whether this scheduler makes datasets again when one that they join has changed"
    )
    republish_quiet_s: float = setting(
        10.0,
        "seconds that a joined dataset has to be quiet; more than HEADWATER_PROCESSOR_JOIN_REFRESH_S",
        low=2,
        high=86_400,
    )
    republish_every_s: float = setting(
        300.0, "seconds between two times that one dataset is made again", low=2, high=86_400
    )

    alerts_enabled: bool = setting(True, "whether this scheduler watches for resources that are silent")
    alert_interval_s: float = setting(5.0, "seconds between two looks at all resources", low=0.1, high=3600)
    alert_quarantine_window_s: float = setting(
        60.0, "seconds over which the share of refused records is taken", low=0.1, high=86_400
    )
    alert_emails: tuple[str, ...] = setting((), "who is told where a resource does not say")
    alert_webhook_timeout_s: float = setting(10.0, "seconds that a webhook may take", low=0.1, high=120)
    domain: str = setting("headwater", "name of the installation in alerts")
    public_url: str = setting("", "start of the links in alerts, as people reach the gateway")
    time_zone: str = setting("Europe/Paris", "zone of the local times in alerts")

    def __post_init__(self) -> None:
        check_ranges(self)
        try:
            ZoneInfo(self.time_zone)
        except (ValueError, ZoneInfoNotFoundError) as error:
            expected = "expected a time zone such as Europe/Paris"
            raise OutOfRange("time_zone", f"HEADWATER_SCHEDULER_TIME_ZONE is unknown; {expected}") from error
