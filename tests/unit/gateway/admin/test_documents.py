"""Documents of datasets and resources: what is taken, and what is said about what is not."""

import pytest

from gateway.admin.documents import parse_dataset, parse_resource
from headwater.domain.errors import InvalidDocument

DEFAULTS = {
    "bootstrap": {},
    "unknown_fields": "evolve",
    "recovery": True,
    "alert": False,
    "alert_inactivity_minutes": 5,
    "alert_emails": [],
    "alert_webhook": None,
    "alert_quarantine_percent": None,
    "extract_filename": False,
    "cors_origins": [],
    "rate_limit_per_minute": None,
    "renew_grace_seconds": 0,
    "recovery_retention_days": None,
}


def titled(value):
    return {"metadata": {"default": {"title": {"value": value}}}}


def realtime(**params):
    return {"type": "realtime", "params": params}


def test_dataset_says_what_it_mentions():
    """What is not mentioned is None, so that a change leaves it alone."""
    draft = parse_dataset({"dataset_id": "a-b_1", **titled("A")})
    assert (draft.dataset_id, draft.title) == ("a-b_1", "A")
    assert (draft.on_error, draft.private, draft.revision) == (None, None, None)
    assert parse_dataset({}).metadata is None


def test_metadata_of_any_template_is_kept():
    """Templates beside the default one are the owner's own."""
    metadata = {"default": {"keyword": {"value": ["a"]}}, "custom": {"anything": {"value": {"x": 1}}}}
    draft = parse_dataset({"metadata": metadata})
    assert draft.metadata == metadata
    assert draft.title is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"dataset_id": ""}, "dataset_id"),
        ({"dataset_id": "A"}, "dataset_id"),
        ({"dataset_id": "ä"}, "dataset_id"),
        ({"dataset_id": "a b"}, "dataset_id"),
        ({"dataset_id": "a\n"}, "dataset_id"),
        ({"dataset_id": "_unrouted"}, "dataset_id"),
        ({"dataset_id": "x" * 101}, "dataset_id"),
        ({"dataset_id": 1}, "dataset_id"),
        ({"dataset_id": None}, "dataset_id"),
        ({"nonsense": 1}, "nonsense"),
        ({"on_error": "ignore"}, "on_error"),
        ({"on_error": None}, "on_error"),
        ({"private": "yes"}, "private"),
        ({"revision": 1.5}, "revision"),
        ({"revision": True}, "revision"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"default": 1}}, "metadata.default"),
        ({"metadata": {"a b": {}}}, "metadata.a b"),
        ({"metadata": {"default": {"title": "A"}}}, "metadata.default.title"),
        ({"metadata": {"default": {"title": {}}}}, "metadata.default.title.value"),
        (titled(""), "metadata.default.title.value"),
        (titled("  "), "metadata.default.title.value"),
        (titled(1), "metadata.default.title.value"),
        (titled(None), "metadata.default.title.value"),
        (titled("x" * 256), "metadata.default.title.value"),
        ({"metadata": {"default": {"description": {"value": 1}}}}, "metadata.default.description.value"),
        ({"metadata": {"default": {"keyword": {"value": "a"}}}}, "metadata.default.keyword.value"),
        ({"metadata": {"default": {"theme": {"value": [1]}}}}, "metadata.default.theme.value"),
    ],
)
def test_wrong_dataset_member_is_named_with_its_path(document, field):
    """The sentence starts with the path and says what is expected."""
    with pytest.raises(InvalidDocument) as caught:
        parse_dataset(document)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_resource_parameters_have_defaults():
    """The answer shows every parameter, so the document has them all."""
    draft = parse_resource({"type": "realtime"})
    assert draft.params == DEFAULTS
    assert (draft.title, draft.enabled) == (None, None)
    assert parse_resource({"type": "realtime", "title": None, "datasource": {}}).params == DEFAULTS


def test_resource_parameters_are_taken():
    """Every documented parameter can be set."""
    params = {
        "bootstrap": [{"a": 1}, {"b": "x"}],
        "unknown_fields": "reject",
        "recovery": False,
        "alert": True,
        "alert_inactivity_minutes": 60,
        "alert_emails": ["ops@example.org", "a.b+c@example.org"],
        "alert_webhook": "https://example.org/hook?x=1",
        "alert_quarantine_percent": 5,
        "extract_filename": True,
        "cors_origins": ["*", "https://example.org:8443"],
        "rate_limit_per_minute": 600,
        "renew_grace_seconds": 3600,
        "recovery_retention_days": 30,
    }
    assert parse_resource(realtime(**params)).params == params


def test_resource_that_was_read_can_be_sent_back():
    """Members of an answer that cannot change are not looked at."""
    answer = {
        "uid": "re_1",
        "resource_id": "realtime",
        "type": "realtime",
        "title": "t",
        "datasource": {"type": "realtime"},
        "params": DEFAULTS,
        "enabled": False,
        "push_path": "/api/...",
    }
    draft = parse_resource(answer)
    assert (draft.title, draft.enabled) == ("t", False)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "type"),
        ({"type": "ftp"}, "type"),
        ({"type": ["realtime"]}, "type"),
        ({"type": "realtime", "title": ""}, "title"),
        ({"type": "realtime", "title": 1}, "title"),
        ({"type": "realtime", "pushkey": "mine"}, "pushkey"),
        ({"type": "realtime", "enabled": 1}, "enabled"),
        ({"type": "realtime", "datasource": {"type": "ftp"}}, "datasource.type"),
        ({"type": "realtime", "datasource": {"type": "realtime", "url": "x"}}, "datasource.url"),
        ({"type": "realtime", "datasource": "realtime"}, "datasource"),
        ({"type": "realtime", "params": []}, "params"),
        (realtime(nonsense=1), "params.nonsense"),
        (realtime(bootstrap=1), "params.bootstrap"),
        (realtime(bootstrap=None), "params.bootstrap"),
        (realtime(bootstrap=[{}, 1]), "params.bootstrap[1]"),
        (realtime(bootstrap={f"f{n}": 1 for n in range(501)}), "params.bootstrap"),
        (realtime(unknown_fields="accept"), "params.unknown_fields"),
        (realtime(recovery="no"), "params.recovery"),
        (realtime(alert=None), "params.alert"),
        (realtime(alert_inactivity_minutes=0), "params.alert_inactivity_minutes"),
        (realtime(alert_inactivity_minutes=2.5), "params.alert_inactivity_minutes"),
        (realtime(extract_filename=0), "params.extract_filename"),
        (realtime(cors_origins="*"), "params.cors_origins"),
        (realtime(cors_origins=["*", "example.org"]), "params.cors_origins[1]"),
        (realtime(cors_origins=["https://example.org/path"]), "params.cors_origins[0]"),
        (realtime(renew_grace_seconds=-1), "params.renew_grace_seconds"),
        (realtime(rate_limit_per_minute=0), "params.rate_limit_per_minute"),
        (realtime(alert_emails="ops@example.org"), "params.alert_emails"),
        (realtime(alert_emails=["ops@example.org", "a@b\nBcc: c@d"]), "params.alert_emails[1]"),
        (realtime(alert_emails=["a@b"] * 51), "params.alert_emails"),
        (realtime(alert_webhook="ftp://example.org"), "params.alert_webhook"),
        (realtime(alert_webhook="https://example.org/" + "x" * 2000), "params.alert_webhook"),
        (realtime(alert_quarantine_percent=101), "params.alert_quarantine_percent"),
        (realtime(renew_grace_seconds="0"), "params.renew_grace_seconds"),
        (realtime(recovery_retention_days=0), "params.recovery_retention_days"),
    ],
)
def test_wrong_resource_member_is_named_with_its_path(document, field):
    """Also inside parameters and lists."""
    with pytest.raises(InvalidDocument) as caught:
        parse_resource(document)
    assert caught.value.field == field


def test_sentence_says_what_is_expected_and_what_came():
    """A person can mend the document without reading ours."""
    with pytest.raises(InvalidDocument, match="expected one of evolve, drop, reject; got 5"):
        parse_resource(realtime(unknown_fields=5))
    with pytest.raises(InvalidDocument, match="expected one of realtime; it is missing"):
        parse_resource({})
