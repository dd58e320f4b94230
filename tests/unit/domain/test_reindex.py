"""Which changes of a configuration are breaking."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.reindex import breaks, is_breaking
from headwater.domain.schema import Rung, Schema

BOOTSTRAP = {"station": "A1", "level": 1.5}
SEEN = Schema({"station": {Rung.TEXT}, "level": {Rung.DOUBLE}, "note": {Rung.TEXT}, "n": {Rung.INT}})


def item(kind, **params):
    return FieldItem(uid="df_1", type=kind, params=params)


def dataset(*items):
    resource = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": BOOTSTRAP})
    return Dataset(uid="da_1", dataset_id="a", title="A", resources=(resource,), fields=items)


names = st.sampled_from(["station", "level", "note", "n", "unheard_of"])
fresh_names = st.from_regex(r"x_[a-z]{1,8}", fullmatch=True)
harmless = st.one_of(
    st.builds(lambda a, b: item("rename", from_name=a, to_name=b), names, fresh_names),
    st.builds(lambda a: item("rename", from_name=a, field_label="Label"), names),
    st.builds(lambda a: item("description", field=a, description="what it is"), names),
    st.builds(lambda a: item("order", args=a), st.lists(names, min_size=1, unique=True)),
    st.builds(
        lambda a, kind: item("annotate", field=a, annotation=kind, args=[]),
        names,
        st.sampled_from(["facet", "sortable", "disjunctive", "unit", "decimals", "multivalued"]),
    ),
)
breaking = st.sampled_from(
    [
        item("annotate", field="station", annotation="id", args=[]),
        item("annotate", field="never_seen", annotation="id", args=[]),
        item("type", field="level", type_param="text"),
        item("type", field="n", type_param="int"),
        item("delete", field="note"),
    ]
)


@given(st.lists(breaking, max_size=2), st.lists(harmless, max_size=6))
def test_what_only_readers_see_is_never_breaking(before, added):
    """Renaming, labels, descriptions, order and facets change no id and no stored value."""
    old = dataset(*before)
    assert not breaks(old, (*old.fields, *added), SEEN)


@given(st.lists(harmless, max_size=4), breaking)
def test_what_changes_ids_or_values_is_breaking_and_so_is_its_undoing(before, added):
    """Unique key, types and discarded fields, whatever the fields are called by then."""
    old = dataset(*before)
    new = replace(old, fields=(added, *before))
    assert is_breaking(old, new, SEEN)
    assert is_breaking(new, old, SEEN)


def test_type_that_a_field_has_already_is_not_breaking():
    """Declaring twice is declaring once."""
    assert not breaks(dataset(), (item("type", field="level", type_param="double"),), SEEN)


@pytest.mark.parametrize("kind", ["type", "delete"])
def test_field_that_no_record_had_can_be_configured_freely(kind):
    """There is no value of it to store otherwise."""
    stack = (item(kind, field="later", type_param="int"),)
    assert not breaks(dataset(), stack, SEEN)


def test_nothing_is_breaking_before_the_first_record():
    """A dataset may be published first and configured then."""
    stack = (item("annotate", field="station", annotation="id", args=[]),)
    assert not breaks(dataset(), stack, Schema())


def test_another_separator_of_a_declared_text_is_breaking():
    """It stands inside the stored values; of other fields it is the readers' business."""
    annotate = item("annotate", field="station", annotation="multivalued", args=["|"])
    assert breaks(dataset(), (annotate,), SEEN)
    assert not breaks(dataset(), (replace(annotate, params={**annotate.params, "field": "note"}),), SEEN)


def test_other_bootstrap_data_can_be_breaking():
    """It declares types too."""
    old = dataset()
    resource = replace(old.resources[0], params={"bootstrap": {"station": "A1", "level": 1}})
    assert is_breaking(old, old.with_resource(resource), SEEN)
