"""What can be set for the sinks?"""

from dataclasses import dataclass, field
from typing import ClassVar

from headwater.runtime.settings import (
    FilesSettings,
    KafkaSettings,
    ProcessSettings,
    StoreSettings,
    check_ranges,
    setting,
)
from sinks.batching import BatchPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """Settings of the sinks service, HEADWATER_SINK_*."""

    env_prefix: ClassVar[str] = "SINK"

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)

    batch_max_rows: int = setting(100_000, "rows of one insert", low=1, high=1_000_000)
    batch_max_bytes: int = setting(
        16 * MIB, "bytes of one insert, unless one run alone has more", low=1024, high=256 * MIB
    )
    # An insert costs the store some 3 ms, however few its rows are, and merging its part costs more.
    insert_interval_s: float = setting(
        0.02,
        "seconds between the starts of two inserts into one table, unless a batch is full",
        low=0,
        high=60,
    )
    insert_rest_factor: float = setting(
        1.0, "rest after a small insert, as a multiple of the time that it took", low=0, high=20
    )
    insert_busy_rows: int = setting(2_000, "rows from which an insert is a large one", low=1, high=1_000_000)
    insert_busy_rest_factor: float = setting(
        3.0, "rest after a large insert, as a multiple of the time that it took", low=0, high=20
    )
    insert_longest_interval_s: float = setting(
        0.25, "seconds between the starts of two inserts at most, however long they take", low=0, high=60
    )
    inserts_in_flight: int = setting(4, "tables that are written to at the same time", low=1, high=64)
    buffer_max_bytes: int = setting(
        64 * MIB,
        "bytes that wait or are being inserted before no more are taken",
        low=MIB,
        high=16 * 1024 * MIB,
    )
    retry_first_s: float = setting(
        0.1, "seconds before the first retry while the store is away", low=0.01, high=10
    )
    retry_longest_s: float = setting(5.0, "seconds between two retries at most", low=0.1, high=60)
    applied_timeout_s: float = setting(
        30.0, "seconds after which telling that rows are stored is given up", low=0.1, high=600
    )
    archive_enabled: bool = setting(True, "keep the raw records of resources whose recovery is on")
    archive_max_bytes: int = setting(
        16 * MIB,
        "bytes of one insert into the archive, unless one run alone has more",
        low=1024,
        high=64 * MIB,
    )
    archive_max_age_s: float = setting(
        2.0, "seconds that a message waits at most before it is archived", low=0.01, high=60
    )
    archive_yield_s: float = setting(
        20.0, "seconds that the archive may lag so that a burst of rows is stored first", low=0, high=600
    )
    catalog_max_age_s: float = setting(
        5.0,
        "seconds for which a catalog not heard of may still decide what producers on Kafka may archive",
        low=2,
        high=60,
    )
    drop_after_s: float = setting(
        5.0, "seconds that a left generation stays for readers who have not heard yet", low=0, high=600
    )
    garbage_interval_s: float = setting(
        600.0, "seconds between two deletions of what syncs left behind, for each dataset", low=1, high=86_400
    )
    stop_timeout_s: float = setting(5.0, "seconds to finish inserts in when told to stop", low=0, high=20)

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def batch_policy(self) -> BatchPolicy:
        """When rows are written, and how many may wait."""
        return BatchPolicy(
            max_rows=self.batch_max_rows,
            max_bytes=self.batch_max_bytes,
            interval_s=self.insert_interval_s,
            rest_factor=self.insert_rest_factor,
            busy_rows=self.insert_busy_rows,
            busy_rest_factor=self.insert_busy_rest_factor,
            longest_interval_s=self.insert_longest_interval_s,
            max_in_flight=self.inserts_in_flight,
            max_buffered_bytes=self.buffer_max_bytes,
        )
