"""What did a person ask for?  Documents of datasets and resources, checked and as values.

Members that an answer has and that cannot be changed are accepted and not looked at, so that a document
that was read can be sent back with a change in it. What is neither known nor of an answer is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.admin.members import Members, shown
from gateway.admin.names import SLUG, SLUG_RULE
from headwater.domain.errors import InvalidDocument
from headwater.domain.fields import bootstrap_schema
from headwater.domain.schema import MAX_FIELDS

ON_ERROR = ("null", "quarantine")
UNKNOWN_FIELDS = ("evolve", "drop", "reject")

_DATASET_MEMBERS = {
    "dataset_id",
    "metadata",
    "on_error",
    "on_processor_error",
    "private",
    "restricted",
    "is_restricted",
    "history",
    "revision",
}
_DATASET_ANSWER = {"uid", "title", "is_published", "created_at"}
_RESOURCE_MEMBERS = {"type", "title", "datasource", "params", "enabled"}
_RESOURCE_ANSWER = {"uid", "resource_id", "push_path", "is_signed"}
_TEXT_METADATA = {"title", "description", "publisher", "license", "language"}
_LIST_METADATA = {"keyword", "theme"}
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\-\[\]:]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")
_MAIL_ADDRESS = re.compile(r"[^\s@,;<>]{1,64}@[^\s@,;<>]{1,255}")
_WEBHOOK = re.compile(r"https?://[^\s/?#]+\S*")
_MAX_ADDRESSES = 50
MAX_URL_LENGTH = 2_000
_MINUTES_OF_A_YEAR = 525_600
MAX_GRACE_SECONDS = 31 * 86_400
_REQUESTS_A_MINUTE = 1_000_000
_DAYS_OF_A_CENTURY = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDraft:
    """What a request says about a dataset; None where it says nothing."""

    dataset_id: str | None
    title: str | None
    metadata: Mapping[str, Any] | None
    on_error: str | None
    on_processor_error: str | None
    private: bool | None
    restricted: bool | None
    history: bool | None
    revision: int | None  # the one that the change is made from


def parse_dataset(document: Mapping[str, Any]) -> DatasetDraft:
    """Return the checked dataset document. Raises InvalidDocument at the first problem."""
    members = Members(document)
    members.check_names(_DATASET_MEMBERS | _DATASET_ANSWER)
    metadata = _metadata(members) if "metadata" in members else None
    return DatasetDraft(
        dataset_id=members.matching("dataset_id", SLUG, SLUG_RULE) if "dataset_id" in members else None,
        title=None if metadata is None else _title_of(metadata),
        metadata=metadata,
        on_error=_policy(members, "on_error"),
        on_processor_error=_policy(members, "on_processor_error"),
        private=_flag(members, "private"),
        restricted=_flag(members, "restricted" if "restricted" in members else "is_restricted"),
        history=_flag(members, "history"),
        revision=members.number("revision", 0, 2**53, 0) if "revision" in members else None,
    )


def _policy(members: Members, name: str) -> str | None:
    return members.choice(name, ON_ERROR) if name in members else None


def _flag(members: Members, name: str) -> bool | None:
    return members.flag(name, default=False) if name in members else None


def _metadata(members: Members) -> dict[str, Any]:
    templates = members.inner("metadata")
    for template in templates.document:
        _check_name(templates, template)
        entries = templates.inner(template)
        for name in entries.document:
            _check_name(entries, name)
            entry = entries.inner(name)
            if "value" not in entry:
                raise entry.wrong("value", "the value of this metadata")
            if template == "default":
                _check_default(entry, name)
    return dict(templates.document)


def _check_name(members: Members, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidDocument(members.at(name), "not a name of metadata (letters, digits, '_', '.', '-')")


def _check_default(entry: Members, name: str) -> None:
    """Check the values of the metadata that Headwater itself shows."""
    value = entry.document["value"]
    if name == "title":
        entry.text("value")
    elif name in _TEXT_METADATA and value is not None and not isinstance(value, str):
        raise entry.wrong("value", "a text or null")
    elif name in _LIST_METADATA and value is not None:
        entry.texts("value")


def _title_of(metadata: Mapping[str, Any]) -> str | None:
    title = metadata.get("default", {}).get("title")
    return None if title is None else str(title["value"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDraft:
    """What a request says about a realtime resource; `params` is complete."""

    title: str | None
    enabled: bool | None
    params: Mapping[str, Any]


def parse_resource(document: Mapping[str, Any]) -> ResourceDraft:
    """Return the checked resource document. Raises InvalidDocument at the first problem."""
    members = Members(document)
    members.check_names(_RESOURCE_MEMBERS | _RESOURCE_ANSWER)
    members.choice("type", ("realtime",))
    source = members.inner("datasource")
    source.check_names(("type",))
    source.choice("type", ("realtime",), "realtime")
    return ResourceDraft(
        title=members.optional_text("title"),
        enabled=members.flag("enabled", default=True) if "enabled" in members else None,
        params=_realtime_params(members.inner("params")),
    )


def _realtime_params(params: Members) -> dict[str, Any]:
    """Return the parameters of a realtime resource with their defaults (reference: management, section 4)."""
    checked = {
        "bootstrap": _bootstrap(params),
        "unknown_fields": params.choice("unknown_fields", UNKNOWN_FIELDS, "evolve"),
        "recovery": params.flag("recovery", default=True),
        "alert": params.flag("alert", default=False),
        "alert_inactivity_minutes": params.number("alert_inactivity_minutes", 1, _MINUTES_OF_A_YEAR, 5),
        "alert_emails": _addresses(params),
        "alert_webhook": _webhook(params),
        "alert_quarantine_percent": _optional_number(params, "alert_quarantine_percent", 1, 100),
        "extract_filename": params.flag("extract_filename", default=False),
        "cors_origins": _origins(params),
        "rate_limit_per_minute": _optional_number(params, "rate_limit_per_minute", 1, _REQUESTS_A_MINUTE),
        "renew_grace_seconds": params.number("renew_grace_seconds", 0, MAX_GRACE_SECONDS, 0),
        "recovery_retention_days": _optional_number(params, "recovery_retention_days", 1, _DAYS_OF_A_CENTURY),
    }
    params.check_names(checked)
    return checked


def _bootstrap(params: Members) -> dict[str, Any] | list[Any]:
    """Return sample data: an object or an array of objects, with as many fields as a dataset may have."""
    value = params.document.get("bootstrap", {})
    samples = value if isinstance(value, list) else [value]
    for index, sample in enumerate(samples):
        if not isinstance(sample, dict):
            place = f"bootstrap[{index}]" if isinstance(value, list) else "bootstrap"
            raise InvalidDocument(
                params.at(place), f"expected an object or an array of objects; got {shown(sample)}"
            )
    found = len(bootstrap_schema(value))
    if found > MAX_FIELDS:
        raise InvalidDocument(params.at("bootstrap"), f"at most {MAX_FIELDS} fields, got {found}")
    return list(value) if isinstance(value, list) else dict(value)


def _origins(params: Members) -> list[str]:
    origins = params.texts("cors_origins")
    for index, origin in enumerate(origins):
        if not _ORIGIN.fullmatch(origin):
            raise InvalidDocument(
                params.at(f"cors_origins[{index}]"),
                f"expected * or an origin such as https://example.org; got {shown(origin)}",
            )
    return origins


def _addresses(params: Members) -> list[str]:
    addresses = params.texts("alert_emails")
    if len(addresses) > _MAX_ADDRESSES:
        raise InvalidDocument(
            params.at("alert_emails"), f"at most {_MAX_ADDRESSES} addresses, got {len(addresses)}"
        )
    for index, address in enumerate(addresses):
        if not _MAIL_ADDRESS.fullmatch(address):
            place = params.at(f"alert_emails[{index}]")
            raise InvalidDocument(place, f"expected a mail address; got {shown(address)}")
    return addresses


def _webhook(params: Members) -> str | None:
    if params.document.get("alert_webhook") is None:
        return None
    url = params.matching("alert_webhook", _WEBHOOK, "a URL that begins with http:// or https://")
    if len(url) > MAX_URL_LENGTH:
        raise InvalidDocument(params.at("alert_webhook"), f"at most {MAX_URL_LENGTH} characters")
    return url


def _optional_number(params: Members, name: str, low: int, high: int) -> int | None:
    return None if params.document.get(name) is None else params.number(name, low, high, low)
