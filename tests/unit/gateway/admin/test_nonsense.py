"""Whatever a document says, it is taken or refused; nothing else ever comes of it."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.documents import parse_dataset, parse_resource
from gateway.admin.edits import new_dataset, with_new_resource
from gateway.admin.items import ITEM_TYPES, parse_item
from gateway.admin.keyring import new_key
from gateway.admin.keys import parse_key
from gateway.admin.members import Members
from gateway.admin.previews import parse_stack
from gateway.admin.quarantine import FILTERS, query_of
from gateway.admin.samples import preview, samples_of
from gateway.admin.stack import with_item
from headwater.domain.datasets import Dataset, FieldItem, Scope, decode_dataset, encode_dataset
from headwater.domain.errors import Invalid, Refused
from headwater.domain.fields import configure
from headwater.domain.schema import Schema

DATASET = Dataset(uid="da_1", dataset_id="a", title="A")
NOTHING = Schema()

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
words = st.one_of(
    texts,
    st.sampled_from(
        ["a", "level", "true", "2024-05-26T10:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01", "id"]
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), words),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)


def documents(*names):
    return st.dictionaries(st.one_of(st.sampled_from(names), texts), values, max_size=6)


PARAMS = (
    "bootstrap",
    "unknown_fields",
    "recovery",
    "alert_inactivity_minutes",
    "alert_emails",
    "alert_webhook",
    "alert_quarantine_percent",
    "cors_origins",
    "rate_limit_per_minute",
    "renew_grace_seconds",
    "recovery_retention_days",
)


@given(documents("dataset_id", "metadata", "on_error", "private", "is_restricted", "history", "revision"))
def test_any_dataset(document):
    """What is taken can be written and read again."""
    try:
        draft = parse_dataset(document)
    except Invalid:
        return
    made = new_dataset(draft, uid="da_1", dataset_id=draft.dataset_id or "a", created_at="now")
    assert decode_dataset(encode_dataset(made)) == made


@given(st.one_of(documents("title", "datasource", "params", "enabled"), st.just({})), documents(*PARAMS))
def test_any_resource(document, params):
    """And its samples can be shown."""
    try:
        draft = parse_resource({"params": params, **document, "type": "realtime"})
    except Invalid:
        return
    made = with_new_resource(DATASET, draft, NOTHING, uid="re_1", key=new_key("k", ""))
    assert decode_dataset(encode_dataset(made)) == made
    orjson.dumps(preview(configure(made), samples_of(made)))


@given(
    st.lists(
        st.builds(
            lambda kind, rest: {**rest, "type": kind},
            st.sampled_from(ITEM_TYPES),
            documents(
                "from_name",
                "to_name",
                "field_label",
                "field",
                "type_param",
                "annotation",
                "args",
                "description",
            ),
        ),
        max_size=6,
    )
)
def test_any_stack(items):
    """Each item alone, one after the other, and all at once."""
    dataset = DATASET
    for number, document in enumerate(items):
        try:
            kind, params = parse_item(document)
            dataset = with_item(dataset, FieldItem(uid=f"df_{number}", type=kind, params=params), NOTHING)
        except (Invalid, Refused):
            continue
    with suppress(Invalid):
        parse_stack(Members({"fields": items}))


@given(documents("scopes", "label", "expires_at"))
def test_any_key(document):
    """A key that is taken may do something, and has not expired."""
    try:
        draft = parse_key(Members(document), 1_700_000_000_000_000)
    except Invalid:
        return
    assert set(draft.scopes) <= set(Scope)
    assert draft.scopes


@given(documents(*FILTERS))
def test_any_filter(document):
    """Of the quarantine; moments are within what the store can compare."""
    try:
        query = query_of(DATASET, Members(document), limit=1, offset=0)
    except Invalid:
        return
    assert 0 <= (query.since_us or 0) < 2**63


@pytest.mark.parametrize("value", ["true", "1", True])
@pytest.mark.parametrize("name", ["accept_loss"])
def test_options_may_come_as_texts(name, value):
    """In a query string there is nothing else."""
    assert Members({name: value}).option(name)
