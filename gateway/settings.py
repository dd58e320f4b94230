"""What can be set for the gateway?"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES
from headwater.runtime.settings import (
    NO_SECRET,
    REQUIRED,
    FilesSettings,
    KafkaSettings,
    ProcessSettings,
    Secret,
    StoreSettings,
    check_ranges,
    setting,
)

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Settings of the gateway, HEADWATER_GATEWAY_*."""

    env_prefix: ClassVar[str] = "GATEWAY"

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    process: ProcessSettings = field(default_factory=ProcessSettings)

    admin_key: Secret = setting(REQUIRED, "the key of the management API", variable="HEADWATER_ADMIN_KEY")
    secret_key: Secret = setting(
        NO_SECRET,
        "any long random text; signing secrets are kept encrypted with it, and cannot be made without it",
        variable="HEADWATER_SECRET_KEY",
    )
    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8480, "port of push, management and search; 0 takes any free one", low=0, high=65_535)
    public_url: str = setting("", "start of every push_url; when empty, the address that was asked")

    body_limit_bytes: int = setting(
        5 * MIB, "bytes of one request's body, unpacked", low=1024, high=MAX_MESSAGE_BYTES // 2
    )
    body_timeout_s: float = setting(
        30.0, "seconds in which the whole body of a request must arrive; else 408", low=0.1, high=600
    )
    compression_ratio_limit: float = setting(
        200.0, "unpacked bytes per byte sent, from the first MiB on; more gets 413", low=2, high=100_000
    )
    records_limit: int = setting(100_000, "records of one push; more gets 413", low=1, high=10_000_000)
    depth_limit: int = setting(64, "arrays and objects inside each other in one record", low=2, high=200)
    inflight_limit_bytes: int = setting(
        64 * MIB,
        "bytes of bodies that may wait for acknowledgement; more gets 429",
        low=MIB,
        high=16384 * MIB,
    )
    waiters_limit: int = setting(
        10_000,
        "requests that may wait for their records to be searchable; more gets 429",
        low=1,
        high=1_000_000,
    )
    idempotency_keys_limit: int = setting(
        200_000,
        "idempotency keys of the last day, some 300 bytes each, that are remembered; more gets 429",
        low=1,
        high=10_000_000,
    )
    linger_ms: float = setting(
        4.0, "milliseconds the oldest small push waits for others to share its message", low=0, high=1000
    )
    longest_linger_ms: float = setting(
        12.0, "the same for a message that would hold fewer than the worthwhile records", low=0, high=1000
    )
    worthwhile_records: int = setting(16, "records that make a message worth sending", low=1, high=100_000)
    batch_max_bytes: int = setting(
        256 * 1024, "bytes gathered into one message; a larger push travels alone", low=1024, high=4 * MIB
    )
    batch_max_records: int = setting(
        2_000, "records gathered into one message; a larger push travels alone", low=1, high=100_000
    )
    compression: Literal["none", "lz4", "zstd", "gzip"] = setting("none", "compression of messages to Kafka")
    stop_timeout_s: float = setting(
        10.0, "seconds that requests in flight get to finish at a stop", low=0.1, high=60
    )

    def __post_init__(self) -> None:
        check_ranges(self)
