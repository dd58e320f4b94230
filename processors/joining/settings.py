"""What can be set for joins?"""

from dataclasses import dataclass
from typing import ClassVar

from headwater.runtime.settings import check_ranges, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSettings:
    """Settings of the join of datasets, HEADWATER_PROCESSOR_JOIN_*."""

    env_prefix: ClassVar[str] = "PROCESSOR_JOIN"

    limit_records: int = setting(
        100_000, "records from which on a dataset is too large to be joined", low=1, high=100_000_000
    )
    whole_records: int = setting(
        50_000, "records up to which a joined dataset is held whole in memory", low=0, high=10_000_000
    )
    held_records: int = setting(
        500_000, "records of all joined datasets that are held in memory", low=1_000, high=100_000_000
    )
    held_mib: int = setting(
        256, "MiB that the held records may take, roughly estimated", low=1, high=1_000_000
    )
    refresh_s: float = setting(
        1.0, "seconds after which a change of a joined dataset counts at the latest", low=0.01, high=3600
    )
    max_age_s: float = setting(
        300.0,
        "seconds after which held records are read again although nobody told of a change",
        low=1,
        high=86_400,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
