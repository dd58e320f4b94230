"""How much, how fast?  Every metric of every process, created once, on a registry of our own.

A constant is named as its metric, without the prefix `headwater_` and the suffix `_total`.
docs/metrics.md is generated from this list.

Records end as stored, quarantined, refused or discarded. In sums over all processes:
push_records = processed_records + in flight + waiting; refused records were never acknowledged.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

PREFIX = "headwater"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody graphs
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

SHORT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FRESHNESS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


def _counter(name: str, help_text: str, *labels: str) -> Counter:
    return Counter(name, help_text, labels, namespace=PREFIX, registry=REGISTRY)


def _gauge(name: str, help_text: str, *labels: str) -> Gauge:
    return Gauge(name, help_text, labels, namespace=PREFIX, registry=REGISTRY)


def _histogram(name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, help_text, labels, namespace=PREFIX, registry=REGISTRY, buckets=buckets)


# Every process
BUILD_INFO = _gauge("build_info", "Always 1; its labels say what runs.", "service", "version")
READY = _gauge("ready", "1 while /readyz answers 200.")
EVENT_LOOP_LAG_SECONDS = _gauge(
    "event_loop_lag_seconds", "How late the event loop woke a one-second sleep, the last time."
)
RETRIES = _counter("retries_total", "Attempts repeated because somebody was down.", "service", "cause")
CATALOG_DATASETS = _gauge("catalog_datasets", "Datasets that this process knows.")

# Gateway
HTTP_REQUESTS = _counter("http_requests_total", "Requests answered.", "route", "method", "status")
HTTP_REQUEST_SECONDS = _histogram(
    "http_request_seconds", "Seconds from a request's head to its answer.", SHORT_S, "route"
)
PUSH_RECORDS = _counter("push_records_total", "Records acknowledged to their senders.", "op")
REFUSED_REQUESTS = _counter("refused_requests_total", "Requests refused, by error code.", "code")
REFUSED_RECORDS = _counter("refused_records_total", "Records of refused pushes, by error code.", "code")
BATCH_RECORDS = _histogram("batch_records", "Records gathered into one Kafka message.", COUNTS)
PRODUCE_SECONDS = _histogram(
    "produce_seconds", "Seconds until all in-sync brokers acknowledged one message.", SHORT_S
)
WAITING_PUSHES = _gauge("waiting_pushes", "Requests that wait for their records to be searchable.")
IDEMPOTENCY_KEYS = _gauge("idempotency_keys", "Idempotency keys of the last day that are remembered.")
REPEATED_PUSHES = _counter(
    "repeated_pushes_total", "Requests whose idempotency key was known to be stored: nothing was sent."
)
QUARANTINE_LEFT = _counter(
    "quarantine_left_total", "Refused records that left quarantine: replayed, or dropped.", "reason"
)
INFLIGHT_BYTES = _gauge("inflight_bytes", "Bytes of requests that wait for the broker's acknowledgement.")

# Processors
PROCESSED_RECORDS = _counter("processed_records_total", "Records taken from the raw topic.", "op")
QUARANTINED_RECORDS = _counter("quarantined_records_total", "Records sent to quarantine, by reason.", "code")
DISCARDED_RECORDS = _counter("discarded_records_total", "Records that a rule discarded.", "rule")
FIELD_NOTES = _counter("field_notes_total", "Values left out because they did not fit their field's type.")
EMITTED_ROWS = _counter("emitted_rows_total", "Rows written to the records topic.")
PROCESSING_SECONDS = _histogram("processing_seconds", "Seconds to make rows of one run.", SHORT_S)
STACK_SECONDS = _histogram("stack_seconds", "Seconds of one slice of records in its stack.", SHORT_S)
POSTPONED_RECORDS = _counter(
    "postponed_records_total", "Records that wait because a provider did not answer, each time.", "provider"
)
GIVEN_UP_RECORDS = _counter(
    "given_up_records_total", "Records stored without the answer of a provider, each time.", "provider"
)
GEOCODING_QUESTIONS = _counter(
    "geocoding_questions_total",
    "Questions to geocoders, each once for a batch; answered from memory or store, or found, not_found, "
    "refused, away.",
    "provider",
    "outcome",
)
GEOCODING_SECONDS = _histogram(
    "geocoding_seconds", "Seconds of one request that a geocoder answered.", SHORT_S, "provider"
)
GEOCODING_RESTING = _gauge(
    "geocoding_resting", "1 while a geocoder is left alone because it failed, or asked for it.", "provider"
)
GEOCODING_CACHE_FAILURES = _counter(
    "geocoding_cache_failures_total", "Times that the answers kept in the store could not be read or written."
)
RUN_RECORDS = _histogram("run_records", "Records of one run of raw batches.", COUNTS)
SCHEMA_GROWTHS = _counter("schema_growths_total", "Times that a dataset's inferred schema grew.")

# Sinks
STORED_ROWS = _counter("stored_rows_total", "Rows that ClickHouse acknowledged.")
INSERT_SECONDS = _histogram("insert_seconds", "Seconds of one insert.", SHORT_S)
INSERT_ROWS = _histogram("insert_rows", "Rows of one insert.", COUNTS)
FLUSH = _counter("flush_total", "Batches written, by what made them due.", "reason")
ARCHIVED_MESSAGES = _counter("archived_messages_total", "Messages of topic raw written to the archive.")

# Schedulers
CANARY_PUSH_TO_SEARCHABLE = _histogram(
    "canary_push_to_searchable_seconds",
    "Seconds from before a push until its record could be read from the store.",
    FRESHNESS_S,
)
CANARY_FAILURES = _counter("canary_failures_total", "Canary rounds that failed, by cause.", "cause")
CANARY_LAST_SUCCESS_SECONDS = _gauge(
    "canary_last_success_timestamp_seconds", "Unix time of the last canary record that was found."
)
REPLAYED_RECORDS = _counter(
    "replayed_records_total", "Records sent again to fill a new generation of their dataset."
)
BUILDS = _counter("builds_total", "New generations that were built, or given up.", "outcome")
ALERTS = _counter(
    "alerts_total", "Notices to owners of resources, by channel and outcome.", "channel", "outcome"
)


def all_metrics() -> dict[str, MetricWrapperBase]:
    """Return every metric of this module by the name of its constant, in the order of the file."""
    return {name: one for name, one in globals().items() if isinstance(one, MetricWrapperBase)}
