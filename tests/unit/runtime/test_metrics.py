"""Metrics: one complete, documented list."""

import re

from prometheus_client import generate_latest

from headwater.runtime import metrics

NAMES = {
    "build_info",
    "ready",
    "event_loop_lag_seconds",
    "retries_total",
    "catalog_datasets",
    "repeated_pushes_total",
    "idempotency_keys",
    "waiting_pushes",
    "archived_messages_total",
    "http_requests_total",
    "http_request_seconds",
    "push_records_total",
    "refused_requests_total",
    "refused_records_total",
    "batch_records",
    "produce_seconds",
    "quarantine_left_total",
    "inflight_bytes",
    "processed_records_total",
    "quarantined_records_total",
    "discarded_records_total",
    "field_notes_total",
    "emitted_rows_total",
    "processing_seconds",
    "stack_seconds",
    "postponed_records_total",
    "given_up_records_total",
    "run_records",
    "geocoding_questions_total",
    "geocoding_seconds",
    "geocoding_resting",
    "geocoding_cache_failures_total",
    "schema_growths_total",
    "stored_rows_total",
    "insert_seconds",
    "insert_rows",
    "flush_total",
    "canary_push_to_searchable_seconds",
    "canary_failures_total",
    "canary_last_success_timestamp_seconds",
    "replayed_records_total",
    "builds_total",
    "alerts_total",
}


def exposed() -> set[str]:
    """Return the names of our metrics as Prometheus reads them."""
    text = generate_latest(metrics.REGISTRY).decode()
    return {
        name for name in re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE) if name.startswith("headwater_")
    }


def test_the_list_is_complete():
    """Names are public: adding or renaming one is a decision, and a line of the changelog."""
    assert exposed() == {f"headwater_{name}" for name in NAMES}


def test_every_metric_is_explained_by_a_sentence():
    """A graph needs a sentence under it."""
    for name, one in metrics.all_metrics().items():
        assert one._documentation.endswith("."), name


def test_a_constant_is_named_as_its_metric():
    """Who reads a graph finds the line of code that counts."""
    for constant, one in metrics.all_metrics().items():
        assert one._name.removeprefix("headwater_").startswith(constant.lower().removesuffix("_seconds")), (
            constant
        )


def test_freshness_has_buckets_around_the_promise_of_two_seconds():
    """A histogram that jumps from 1 to 5 cannot show whether the promise held."""
    bounds = metrics.CANARY_PUSH_TO_SEARCHABLE._upper_bounds

    assert {1.5, 2.0, 2.5} <= set(bounds)


def test_no_label_can_grow_without_bound():
    """A label per dataset or key would make /metrics as large as the catalog."""
    allowed = {"route", "method", "status", "op", "code", "rule", "service", "cause", "reason", "version"}
    allowed |= {"channel", "outcome", "provider"}
    for name, one in metrics.all_metrics().items():
        assert set(one._labelnames) <= allowed, name
