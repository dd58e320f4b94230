"""Query parameters of Explore: values, limits and the documented sentences."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.search.parameters import (
    MAX_CATALOG_REACH,
    check_order,
    parse_as_of,
    parse_order,
    parse_page,
    parse_presentation,
)
from headwater.domain.errors import InvalidQuery
from headwater.domain.versions import moment_us, stamp_at


def refusal(parse, *arguments, **keywords):
    with pytest.raises(InvalidQuery) as caught:
        parse(*arguments, **keywords)
    return caught.value.code, str(caught.value)


def test_defaults():
    """Ten records from the start, in the stable order, in UTC; unknown parameters are ignored."""
    page = parse_page({"include_links": "true", "nonsense": "x", "limit": "", "where": ""})
    assert (page.limit, page.offset, page.order, page.zone) == (10, 0, (), UTC)


@pytest.mark.parametrize(("text", "limit"), [("0", 0), ("100", 100), ("-1", 100), (" 7 ", 7), ("+7", 7)])
def test_limits(text, limit):
    """-1 means as many as possible."""
    assert parse_page({"limit": text}).limit == limit


@pytest.mark.parametrize("text", ["101", "-2", "abc", "1.5", "²", "9" * 40])
def test_other_limits_are_refused(text):
    """With the documented sentence."""
    assert refusal(parse_page, {"limit": text}) == (
        "InvalidRESTParameterError",
        f"Invalid value for limit API parameter: {text} was found but -1 <= limit <= 100 is expected.",
    )


@pytest.mark.parametrize("text", ["-1", "x"])
def test_other_offsets_are_refused(text):
    """By the same pattern."""
    message = f"Invalid value for offset API parameter: {text} was found but offset >= 0 is expected."
    assert refusal(parse_page, {"offset": text})[1] == message


def test_offset_and_limit_reach_so_far_together():
    """Exactly the bound is accepted; the catalog reaches further."""
    assert parse_page({"limit": "100", "offset": "9900"}).offset == 9900
    message = (
        "Invalid value for sum of offset + limit API parameter: 10050 was found but <= 10000 is expected."
    )
    assert refusal(parse_page, {"limit": "100", "offset": "9950"})[1] == message
    assert refusal(parse_page, {"limit": "-1", "offset": "9950"})[1] == message
    assert parse_page({"offset": "29990"}, max_reach=MAX_CATALOG_REACH).offset == 29990


@pytest.mark.parametrize("name", ["select", "where", "group_by", "refine", "exclude", "qv1"])
def test_what_is_not_built_is_refused(name):
    """An answer that ignored it would be wrong."""
    code, message = refusal(parse_presentation, {name: "x"})
    assert code == "InvalidRESTParameterError"
    assert name in message


def test_zones():
    """Names of the IANA database; anything else names the parameter."""
    assert parse_presentation({"timezone": "Europe/Paris"}) == ZoneInfo("Europe/Paris")
    for name in ("UTC", ""):
        assert parse_presentation({"timezone": name}) is UTC
    for name in ("Mars/Olympus", "../etc/passwd", "Europe", "/", "\0", "europe/paris\n"):
        assert "timezone" in refusal(parse_presentation, {"timezone": name})[1]


def test_languages():
    """Only those that there are."""
    assert parse_presentation({"lang": "de"}) is UTC
    assert "lang" in refusal(parse_presentation, {"lang": "xx"})[1]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", ()),
        ("  ", ()),
        ("a", (("a", False),)),
        ("a asc", (("a", False),)),
        (" a  DESC , b", (("a", True), ("b", False))),
        ("`a b` desc", (("a b", True),)),
        ("default.title", (("default.title", False),)),
        ("desc", (("desc", False),)),
    ],
)
def test_orders(text, order):
    """Field [asc|desc], separated by commas."""
    assert parse_order(text) == order


@pytest.mark.parametrize(
    ("text", "word", "position"),
    [
        ("a down", "a down", 0),
        ("a, count(*)", "count(*)", 3),
        ("a,", "end of term", 2),
        ("-a", "-a", 0),
        ("a;drop", "a;drop", 0),
        ("`a", "`a", 0),
    ],
)
def test_other_orders_are_syntax_errors(text, word, position):
    """With the place, from 0."""
    code, message = refusal(parse_order, text)
    assert code == "ODSQLSyntaxError"
    assert message == (
        f"ODSQL syntax exception: unexpected {word} at position {position} in {text}. "
        "Clause(s) containing the error(s): order_by."
    )


def test_unknown_fields_to_sort_by_are_refused():
    """The sentence names the field."""
    check_order((("a", True),), {"a"})
    assert refusal(check_order, (("a", True), ("b", False)), {"a"}) == (
        "ODSQLError",
        "ODSQL query is malformed: Unknown field: b. Clause(s) containing the error(s): order_by.",
    )


@given(st.dictionaries(st.sampled_from(["limit", "offset", "order_by", "timezone", "lang"]), st.text()))
def test_any_text_is_read_or_refused(query):
    """Whatever a person types, the answer is a page within bounds or InvalidQuery."""
    try:
        page = parse_page(query)
    except InvalidQuery:
        return
    assert 0 <= page.limit <= 100
    assert page.offset + page.limit <= 10_000


@pytest.mark.parametrize(
    "text",
    ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T23:13:20 01:00", "2023-11-14 22:13:20"],
)
def test_moment_means_the_last_version_of_its_microsecond(text):
    """So that a record that came at that moment is part of the answer; a plus may have become a space."""
    version = parse_as_of({"as_of": text})
    assert version == stamp_at(1_700_000_000_000_001) - 1
    assert moment_us(version) == 1_700_000_000_000_000


def test_digits_are_a_version():
    """As `_version` of a record shows it; nothing means now."""
    assert parse_as_of({"as_of": "6963200000000000000"}) == 6963200000000000000
    assert parse_as_of({}) is None
    assert parse_as_of({"as_of": " "}) is None


@pytest.mark.parametrize("text", ["yesterday", "-1", str(2**64), "2023-13-01", "9" * 100])
def test_what_is_neither_moment_nor_version_is_refused(text):
    """The sentence shows what a moment looks like."""
    with pytest.raises(InvalidQuery, match="Invalid value for as_of API parameter"):
        parse_as_of({"as_of": text})
