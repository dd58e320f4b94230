"""Whose fault is it, and does retrying help?

    HeadwaterError
    |- Invalid         sender's fault, never retry   InvalidPush  InvalidRecord  InvalidRecordId
    |                                                InvalidDocument  InvalidQuery  InvalidParameter
    |                                                InvalidExpression
    |                                                KeyReused  UnsupportedEncoding
    |- Refused         ours, on purpose              Unauthorized  Disabled  NotPublished  NotFound
    |                                                Conflict  TooLarge  OverLimit  RateLimited  Forbidden
    |                                                MethodNotAllowed  TooSlow
    |- Unavailable     someone is down, retry        BrokerUnavailable  StoreUnavailable
    |                                                SecretsUnusable  SyncUnfinished  ProcessorsUnavailable
    `- SettingsError   start-up only

Facts are attributes and the sentence is built from them. `code` is the machine word of the error envelope;
the HTTP status belongs to the gateway (gateway/responses.py), not to the error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class HeadwaterError(Exception):
    """Any failure that Headwater itself names."""

    code: ClassVar[str] = "internal_error"


class Invalid(HeadwaterError):
    """The sender's fault: the same request will fail again."""

    code = "bad_request"


class Refused(HeadwaterError):
    """Refused on purpose by a rule that the operator or the owner set."""

    code = "refused"


class Unavailable(HeadwaterError):
    """Somebody we depend on does not answer: the same request may succeed later."""

    code = "unavailable"
    retry_after_s: float = 1.0


class SettingsError(HeadwaterError):
    """One or more settings cannot be used; carries one sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """What is wrong with one record: its position in the request, the field if there is one, a sentence."""

    index: int
    field: str | None
    message: str


class InvalidPush(Invalid):
    """The body of a push is not what a push may be (not JSON, neither object nor array, ...)."""

    def __init__(self, message: str, *, code: str = "invalid_body") -> None:
        self.code = code  # type: ignore[misc]  # invalid_json or invalid_body, by case
        super().__init__(message)


class InvalidRecord(Invalid):
    """Records of a request are unusable; nothing of the request was stored."""

    code = "invalid_record"

    def __init__(self, problems: Sequence[RecordProblem], *, total: int, bad: int | None = None) -> None:
        """`bad` is the number of unusable records when `problems` does not name them all."""
        self.problems = tuple(problems)
        self.total = total
        bad = len({problem.index for problem in problems}) if bad is None else bad
        super().__init__(f"{bad} of {total} records are invalid; nothing was stored")


class InvalidRecordId(Invalid):
    """A record id that is not 40 lower-case hex characters."""

    code = "invalid_record_id"

    def __init__(self, record_id: str) -> None:
        self.record_id = record_id
        super().__init__(f"a record id has 40 hexadecimal characters, {record_id[:60]!r} has not")


class InvalidDocument(Invalid):
    """A management document (dataset, resource, field item) breaks a rule; `field` is its path."""

    code = "validation_error"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


class InvalidQuery(Invalid):
    """A search request breaks a rule; `code` is the documented Explore code."""

    def __init__(self, message: str, *, code: str = "InvalidRESTParameterError") -> None:
        self.code = code  # type: ignore[misc]  # the Explore API documents several
        super().__init__(message)


class InvalidExpression(Invalid):
    """A formula breaks a rule; `column` is where, counted from 1, in the text with its leading `=`."""

    code = "invalid_expression"

    def __init__(self, message: str, *, text: str, column: int) -> None:
        self.text = text
        self.column = column
        super().__init__(f"column {column}: {message}")

    @property
    def caret(self) -> str:
        """The text with a caret under the column, for people."""
        return f"{self.text}\n{' ' * (self.column - 1)}^"


class InvalidParameter(Invalid):
    """A known parameter of a request, in its query or its headers, has a value that cannot be used."""

    code = "invalid_parameter"

    def __init__(self, name: str, given: str, expected: str) -> None:
        self.name = name
        super().__init__(f"{name} is {given[:60]!r}; expected {expected}")


class Unauthorized(Refused):
    """No key, or a key that does not open this door."""

    def __init__(self, message: str, *, code: str = "unauthorized") -> None:
        self.code = code  # type: ignore[misc]  # missing_pushkey, invalid_pushkey, unauthorized
        super().__init__(message)


class Disabled(Refused):
    """The resource does not accept records now."""

    code = "push_disabled"

    def __init__(self, dataset_id: str, resource_id: str) -> None:
        super().__init__(f"push is disabled for resource {resource_id!r} of dataset {dataset_id!r}")


class NotPublished(Refused):
    """The dataset is not published, so its resources accept nothing."""

    code = "dataset_not_published"

    def __init__(self, dataset_id: str) -> None:
        super().__init__(f"dataset {dataset_id!r} is not published; publish it before you push")


class NotFound(Refused):
    """No such thing; `code` says which thing."""

    def __init__(self, message: str, *, code: str = "not_found") -> None:
        self.code = code  # type: ignore[misc]  # unknown_dataset, unknown_resource, not_found, NotFoundResource
        super().__init__(message)


class Conflict(Refused):
    """Somebody else changed the document first, or the name is taken."""

    code = "conflict"


class MethodNotAllowed(Refused):
    """The path exists, the verb does not; `allowed` names those that do."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"{method} is not allowed here; use {', '.join(allowed)}")


class Forbidden(Refused):
    """The key is right, and may not do this."""

    def __init__(self, message: str, *, code: str = "forbidden") -> None:
        self.code = code  # type: ignore[misc]  # forbidden, insufficient_scope, origin_not_allowed
        super().__init__(message)


class KeyReused(Invalid):
    """An idempotency key came again with another body."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(f"the idempotency key {key[:60]!r} was used for another body before; take a new one")


class UnsupportedEncoding(Invalid):
    """The body is compressed in a way that is not read here."""

    code = "unsupported_encoding"

    def __init__(self, encoding: str) -> None:
        super().__init__(f"Content-Encoding {encoding[:60]!r} is not supported; use gzip, deflate or zstd")


class OverLimit(Refused):
    """A record or a request has more of something than it may; `code` says of what."""

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code  # type: ignore[misc]  # too_many_records, too_many_fields, too_deep, ...
        super().__init__(message)


class TooLarge(Refused):
    """The request is over a limit in bytes."""

    code = "payload_too_large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the request is larger than the limit of {limit_bytes} bytes; split it")


class TooSlow(Refused):
    """The body of a request did not come in time."""

    code = "request_timeout"

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(
            f"the body did not arrive within {limit_s:g} seconds; send it again, in smaller parts"
        )


class RateLimited(Refused):
    """More than we take in right now; come back after `retry_after_s`."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class BrokerUnavailable(Unavailable):
    """Kafka did not acknowledge in time; whether it has the records is not known."""


class SecretsUnusable(Unavailable):
    """Secrets cannot be sealed or opened: the operator gave no key, or another one than before."""

    code = "secrets_unusable"


class StoreUnavailable(Unavailable):
    """ClickHouse did not answer, or answered that it cannot now; repeating is safe."""


class ProcessorsUnavailable(Unavailable):
    """No processor answered what only processors know; nothing was changed."""

    code = "processors_unavailable"

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"no processor answered within {waited_s:g} seconds; try again when one is running")


class SyncUnfinished(Unavailable):
    """A sync could not be ended: its records are stored, and what it would remove is still there."""

    code = "sync_unfinished"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the sync is not finished: {reason}; nothing was removed yet, and sending it again is safe"
        )
