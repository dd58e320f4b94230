"""What can be set for the schedulers?"""

from dataclasses import dataclass, field
from typing import ClassVar

from headwater.runtime.settings import KafkaSettings, ProcessSettings, StoreSettings, check_ranges, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """Settings of the schedulers, HEADWATER_SCHEDULER_*."""

    env_prefix: ClassVar[str] = "SCHEDULER"

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)

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
        5.0, "milliseconds between two looks for a canary record; the error of the measure", low=1, high=1000
    )

    def __post_init__(self) -> None:
        check_ranges(self)
