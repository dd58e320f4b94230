"""Which answer does this error get?"""

import inspect

import pytest

from gateway.responses import STATUSES, envelope, extra_headers, status_of
from headwater.domain import errors
from headwater.domain.errors import (
    BrokerUnavailable,
    Conflict,
    Disabled,
    Forbidden,
    HeadwaterError,
    InvalidDocument,
    InvalidExpression,
    InvalidParameter,
    InvalidPush,
    InvalidQuery,
    InvalidRecord,
    InvalidRecordId,
    KeyReused,
    MethodNotAllowed,
    NotFound,
    NotPublished,
    OverLimit,
    ProcessorsUnavailable,
    RateLimited,
    RecordProblem,
    SecretsUnusable,
    StoreUnavailable,
    SyncUnfinished,
    TooLarge,
    TooSlow,
    Unauthorized,
    UnsupportedEncoding,
)

ANSWERS = [
    (InvalidPush("bad", code="invalid_json"), 400, "invalid_json"),
    (InvalidPush("bad"), 400, "invalid_body"),
    (InvalidRecord([], total=1), 400, "invalid_record"),
    (InvalidRecordId("12"), 400, "invalid_record_id"),
    (InvalidDocument("title", "is missing"), 400, "validation_error"),
    (InvalidExpression("no such function", text="=f()", column=2), 400, "invalid_expression"),
    (InvalidQuery("limit"), 400, "InvalidRESTParameterError"),
    (InvalidParameter("wait", "x", "true"), 400, "invalid_parameter"),
    (Unauthorized("no key", code="missing_pushkey"), 401, "missing_pushkey"),
    (Disabled("d", "r"), 403, "push_disabled"),
    (Forbidden("no", code="insufficient_scope"), 403, "insufficient_scope"),
    (TooSlow(30), 408, "request_timeout"),
    (OverLimit("many", code="too_many_records"), 413, "too_many_records"),
    (UnsupportedEncoding("br"), 415, "unsupported_encoding"),
    (KeyReused("k"), 422, "idempotency_key_reused"),
    (NotFound("nothing", code="unknown_dataset"), 404, "unknown_dataset"),
    (MethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
    (NotPublished("d"), 409, "dataset_not_published"),
    (Conflict("changed"), 409, "conflict"),
    (TooLarge(5), 413, "payload_too_large"),
    (RateLimited("full", retry_after_s=2), 429, "too_many_requests"),
    (BrokerUnavailable("away"), 503, "unavailable"),
    (StoreUnavailable("away"), 503, "unavailable"),
    (SecretsUnusable("no key"), 503, "secrets_unusable"),
    (SyncUnfinished("not in time"), 503, "sync_unfinished"),
    (ProcessorsUnavailable(10), 503, "processors_unavailable"),
    (HeadwaterError("?"), 500, "internal_error"),
]


@pytest.mark.parametrize(("error", "status", "code"), ANSWERS)
def test_every_error_has_its_status_and_code(error, status, code):
    """The table of the push reference, row by row."""
    assert (status_of(error), envelope(error)["error_code"]) == (status, code)


def test_no_error_is_forgotten():
    """A new error class gets a row in the table above, or a start-up error is not an answer."""
    known = {type(error) for error, _, _ in ANSWERS} | {errors.SettingsError}
    classes = {
        one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, HeadwaterError)
    }
    leaves = {one for one in classes if not one.__subclasses__()}

    assert {one for one in leaves if one.__module__ == errors.__name__} <= known


def test_refusals_without_a_row_are_not_our_fault():
    """A subclass takes the status of its nearest ancestor."""

    class Quota(errors.Refused):
        """A limit of the owner."""

    assert status_of(Quota("full")) == 403
    assert STATUSES[HeadwaterError] == 500


def test_both_sentences_are_the_same():
    """Some clients read `error`, others `message`."""
    body = envelope(NotPublished("flights"))

    assert body["status"] == "error"
    assert body["error"] == body["message"] == str(NotPublished("flights"))
    assert "errors" not in body


def test_single_records_are_itemised():
    """Index, field and a sentence for each."""
    error = InvalidRecord([RecordProblem(2, "age", "not a number")], total=3)

    assert envelope(error)["errors"] == [{"index": 2, "field": "age", "message": "not a number"}]
    assert "1 of 3" in envelope(error)["message"]


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (MethodNotAllowed("PUT", ["GET", "POST"]), {"Allow": "GET, POST"}),
        (RateLimited("full", retry_after_s=0.2), {"Retry-After": "1"}),
        (RateLimited("full", retry_after_s=2.5), {"Retry-After": "3"}),
        (BrokerUnavailable("away"), {"Retry-After": "1"}),
        (NotPublished("d"), {}),
    ],
)
def test_headers_say_what_to_do(error, headers):
    """Allow for a wrong verb; whole seconds, never zero, for those who should come again."""
    assert extra_headers(error) == headers
