"""iJSON rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.ijson_rules import MAX_STEPS, InvalidRule, parse_rule

NAMES = st.sampled_from(["a", "b", "item"])
DOCUMENTS = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=15,
)
RULES = st.lists(NAMES, min_size=1, max_size=4).map(".".join)


def test_names_lead_into_objects():
    """Each name is a key."""
    assert parse_rule("a.b").value({"a": {"b": 1}}) == 1


@pytest.mark.parametrize("document", [{"a": 1}, {"a": [{"b": 1}]}, {"b": 1}, [], "a", None, 5])
def test_names_that_lead_nowhere_find_nothing(document):
    """A missing key is an empty value."""
    assert parse_rule("a.b").value(document) is None


def test_item_leads_to_every_member():
    """The reference's example."""
    stations = {"stations": [{"name": "x"}, {"name": "y"}]}

    assert parse_rule("stations.item.name").values(stations) == ["x", "y"]


def test_a_member_where_the_rule_ends_nowhere_counts():
    """There is one value for each member, whatever is in it."""
    assert parse_rule("item.name").values([{"name": "x"}, {}, 5, None]) == ["x", None, None, None]


def test_inner_arrays_are_entered_in_turn():
    """An inner array that is empty, or none, counts as one empty value."""
    assert parse_rule("item.item").values([[1, 2], [], 3, [4]]) == [1, 2, None, None, 4]


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"a": 5}, {"a": []}])
def test_without_an_array_there_are_no_values(document):
    """The outermost array decides whether there is anything to expand."""
    assert parse_rule("a.item").values(document) == []


def test_a_key_item_is_entered_too():
    """In the library ijson both have the same name."""
    assert parse_rule("a.item.b").values({"a": {"item": {"b": 1}}}) == [1]


def test_a_rule_into_an_array_leads_to_its_members():
    """A rule without item is completed, one with item is left alone."""
    assert str(parse_rule("a.b").into_array) == "a.b.item"
    assert str(parse_rule("a.item.b").into_array) == "a.item.b"


@pytest.mark.parametrize("text", ["", " ", ".", "a.", ".a", "a..b"])
def test_an_empty_name_is_refused(text):
    """No key is empty here."""
    with pytest.raises(InvalidRule, match="joined by"):
        parse_rule(text)


def test_a_rule_of_too_many_names_is_refused():
    """Nothing is nested that deeply."""
    assert parse_rule(".".join("a" * MAX_STEPS))
    with pytest.raises(InvalidRule, match="at most"):
        parse_rule(".".join("a" * (MAX_STEPS + 1)))


@given(rule=RULES)
def test_a_rule_is_written_as_it_was_read(rule):
    """Its text says all there is to it."""
    assert str(parse_rule(rule)) == rule


@given(rule=RULES, document=DOCUMENTS)
def test_every_value_comes_from_the_document(rule, document):
    """A rule finds, it never makes anything; and never more than there is."""
    inside = [id(one) for one in everything(document)]

    values = parse_rule(rule).values(document)

    assert all(value is None or id(value) in inside for value in values)
    assert len(values) <= len(inside)


@given(document=DOCUMENTS)
def test_members_of_an_array_are_its_members(document):
    """The plain rule is the array itself."""
    expected = document if isinstance(document, list) else None

    if expected is not None:
        assert parse_rule("item").values(document) == expected


def everything(document):
    yield document
    members = document.values() if isinstance(document, dict) else document
    for member in members if isinstance(document, (dict, list)) else ():
        yield from everything(member)
