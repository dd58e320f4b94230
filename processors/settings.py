"""What can be set for the processors?"""

from dataclasses import dataclass, field
from typing import ClassVar

from headwater.runtime.settings import (
    FilesSettings,
    KafkaSettings,
    OutboundSettings,
    ProcessSettings,
    StoreSettings,
    check_ranges,
    setting,
)
from processors.downloads.settings import DownloadSettings
from processors.geocoding.settings import GeocodingSettings
from processors.joining.settings import JoinSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """Settings of the processors service, HEADWATER_PROCESSOR_*."""

    env_prefix: ClassVar[str] = "PROCESSOR"

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    geocoding: GeocodingSettings = field(default_factory=GeocodingSettings)
    joins: JoinSettings = field(default_factory=JoinSettings)
    downloads: DownloadSettings = field(default_factory=DownloadSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)

    runs_in_flight: int = setting(4, "runs converted or sent at the same time", low=1, high=64)
    run_max_bytes: int = setting(
        512 * 1024, "bytes of messages that are joined into one run", low=1024, high=8 * 1024 * 1024
    )
    run_max_messages: int = setting(5_000, "messages that are joined into one run", low=1, high=50_000)
    catalog_patience_s: float = setting(
        5.0, "seconds to wait for a dataset's revision that the gateway knew", low=0.1, high=60
    )
    catalog_max_age_s: float = setting(
        5.0, "seconds that the catalog may not have been heard of before records wait for it", low=2, high=60
    )
    datasets_in_memory: int = setting(10_000, "datasets whose converters are kept", low=1, high=1_000_000)
    give_up_after_s: float = setting(
        600.0,
        "seconds that a record waits for a provider before it is stored without its answer",
        low=1,
        high=86_400,
    )
    forget_after_s: float = setting(
        7 * 86_400.0, "seconds that an answer is asked for again after that", low=60, high=90 * 86_400
    )
    retry_first_s: float = setting(
        0.1, "seconds before the first retry while Kafka is away", low=0.01, high=10
    )
    retry_longest_s: float = setting(5.0, "seconds between retries at most", low=0.1, high=60)

    def __post_init__(self) -> None:
        check_ranges(self)
