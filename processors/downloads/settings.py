"""What can be set for downloads?"""

from dataclasses import dataclass
from typing import ClassVar

from headwater.runtime.settings import check_ranges, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadSettings:
    """Settings of what the processor File fetches, HEADWATER_PROCESSOR_DOWNLOADS_*."""

    env_prefix: ClassVar[str] = "PROCESSOR_DOWNLOADS"

    max_bytes: int = setting(
        20 * 1024 * 1024, "bytes that one downloaded file may have", low=1, high=1024 * 1024 * 1024
    )
    timeout_s: float = setting(15.0, "seconds that one download may take", low=0.1, high=600)
    call_max_s: float = setting(
        20.0, "seconds after which the files of a batch that are left wait for a later try", low=0.01, high=60
    )
    at_once: int = setting(8, "downloads under way at the same time", low=1, high=100)
    remembered: int = setting(10_000, "answers of downloads that are remembered", low=0, high=1_000_000)
    remembered_s: float = setting(
        600.0, "seconds for which an address is not fetched again", low=0, high=86_400
    )

    def __post_init__(self) -> None:
        check_ranges(self)
