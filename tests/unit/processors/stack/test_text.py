"""What is done to texts?"""

import copy
import time
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.domain.points import GeoPoint
from processors.stack import text_patterns
from processors.stack.markup import text_in_html
from processors.stack.outcomes import TOO_SLOW, Failed
from processors.stack.parsing import parse_processor
from processors.stack.processor import Category
from processors.stack.registry import kind_of, kinds

PARAMETERS = {
    "concatenate_text": {"left_value": "a", "right_value": "b", "output_field": "c", "separator": "-"},
    "decode_html_entities": {"field": "a"},
    "extract_html": {"field": "a"},
    "extract_text": {"field": "a", "regular_expression": r"(?P<c>\w+)\b"},
    "extract_url": {"field": "a", "output_field": "c"},
    "normalize_unicode_values": {"fields": ["a", "b"]},
    "normalize_url": {"field": "a"},
    "string_replace": {"field": "a", "old": "1", "new": "22"},
    "replace_via_regexp": {"field": "a", "regular_expression": r"(\w)\b", "new_value": r"\1\1"},
    "split_text": {"field": "a", "separator": "1", "index": 2, "output_field": "c"},
    "normalize_date": {"field": "a", "date_format": "%Y-%m-%d"},
    "set_timezone": {"field": "a", "timezone": "Europe/Zurich"},
}
ALL_FIELDS = {
    "decode_html_entities": {"all_fields": True},
    "normalize_unicode_values": {"all_fields": True},
    "string_replace": {"all_fields": True, "old": "1", "new": "22"},
    "replace_via_regexp": {"all_fields": True, "regular_expression": r"(\w)\b", "new_value": r"\1\1"},
}
CASES = [*PARAMETERS.items(), *ALL_FIELDS.items()]

ODD_TEXTS = st.one_of(
    st.text(),
    st.text("<>&;/!-\"' apscriptstyle#1http:.,()[]é\u0301\ud800\n", max_size=60),
    st.just("x1" * 5000),
    st.just("\ud800"),
    st.just("2024-02-30"),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ODD_TEXTS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "d"]), JSON), max_size=4)


def step_of(type_name, **parameters):
    return parse_processor(kind_of(type_name), parameters).compiled()


def test_the_families_are_complete():
    """Every processor of text and date takes part in the tests below."""
    families = {kind.type for kind in kinds() if kind.category in (Category.TEXT, Category.DATE)}

    assert families == set(PARAMETERS)


@pytest.mark.parametrize(("type_name", "parameters"), CASES)
@settings(max_examples=40, deadline=None)
@given(records=RECORDS)
def test_no_value_makes_a_step_raise(type_name, parameters, records):
    """Whatever JSON comes: an outcome for each record, the values themselves untouched."""
    step = step_of(type_name, **parameters)
    given_records = [dict(record) for record in records]
    before = copy.deepcopy(records)

    outcomes = step(given_records, list(range(len(records))))

    assert len(outcomes) == len(records)
    assert all(isinstance(outcome, (dict, Failed)) for outcome in outcomes)
    assert records == before
    if not any(isinstance(outcome, Failed) for outcome in outcomes) and type_name != "concatenate_text":
        assert outcomes is given_records


@pytest.mark.parametrize(
    ("type_name", "parameters"), [case for case in CASES if kind_of(case[0]).category is Category.TEXT]
)
def test_values_that_are_no_json_scalars_stay(type_name, parameters):
    """A point or a file that an earlier processor made is not taken to pieces in place."""
    record = {"a": GeoPoint.at(46.5, 6.6), "b": GeoPoint.at(1, 2)}

    step_of(type_name, **parameters)([record], [1])

    assert record["a"] == GeoPoint.at(46.5, 6.6)


@pytest.mark.parametrize(("type_name", "parameters"), CASES)
def test_a_failure_empties_what_the_processor_writes(type_name, parameters):
    """The fields that become empty when it fails are named, unless they depend on the record."""
    processor = parse_processor(kind_of(type_name), parameters)

    if parameters.get("all_fields"):
        assert processor.outputs() is None
    elif type_name == "normalize_unicode_values":
        assert processor.outputs() == ("a", "b")
    else:
        makes_another = "output_field" in parameters or type_name == "extract_text"
        assert processor.outputs() == (("c",) if makes_another else ("a",))


@pytest.mark.parametrize("type_name", ["extract_text", "replace_via_regexp"])
def test_a_batch_of_slow_texts_comes_to_an_end(type_name, monkeypatch):
    """After a few texts that took too long the others get little time; quick ones are done all the same."""
    monkeypatch.setattr(text_patterns, "PATIENCE_S", 0.05)
    slow, quick = "a" * 2000 + "bc", "aaaaac"
    step = step_of(type_name, field="a", regular_expression=r"(?P<x>(a+)(a+)(a+)(a+)\2c)")
    records = [{"a": slow} for _ in range(text_patterns.MANY_SLOW + 40)] + [{"a": quick}]
    began = time.process_time()

    outcomes = step(records, [1] * len(records))

    assert {outcome.code for outcome in outcomes[:-1]} == {TOO_SLOW}
    assert isinstance(outcomes[-1], dict)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "html",
    [
        *("<a " * 200_000, "<a" * 200_000 + ">", '<a "' * 200_000 + ">", '<a ="' * 200_001 + ">"),
        *("<!--" * 200_000, "<!-- >" * 200_000, "<script>" * 100_000, "</" * 200_000 + ">"),
        *("<a " + "= " * 200_000 + ">", "<" * 200_000 + ">", "&" * 500_000, "<p>" * 100_000),
    ],
    ids=lambda html: html[:8],
)
def test_broken_html_takes_linear_time(html):
    """A megabyte of tags that never end is done in a moment."""
    began = time.process_time()

    text_in_html(html)

    assert time.process_time() - began < 3


class Reference(HTMLParser):
    """Collects the text as Python's own parser sees it."""

    def __init__(self):
        super().__init__()
        self.text = ""

    def handle_data(self, data):
        self.text += data


def elements(inside):
    attributes = st.sampled_from(["", ' class="a>b"', " title='x'", " checked", " a=b"])
    name = st.sampled_from(["b", "p", "a", "div", "span"])
    return st.tuples(name, attributes, st.lists(inside, max_size=3)).map(
        lambda parts: f"<{parts[0]}{parts[1]}>{''.join(parts[2])}</{parts[0]}>"
    )


@settings(max_examples=200)
@given(st.recursive(st.text("ab &;éx1\n", max_size=5), elements, max_leaves=8))
def test_well_formed_html_has_the_text_that_a_parser_finds(html):
    """But for the spaces that keep blocks apart."""
    reference = Reference()
    reference.feed(html)
    reference.close()

    assert "".join(text_in_html(html).split()) == "".join(reference.text.split())


@given(st.text("eEaA\u0301\u030a\u0323é1 ", max_size=20))
def test_normalized_texts_are_composed_and_stay_so(text):
    """NFC, and doing it twice changes nothing."""
    step = step_of("normalize_unicode_values", fields=["a"])
    record = {"a": text}

    step([record], [1])
    once = record["a"]
    step([record], [1])

    assert record["a"] == once == unicodedata.normalize("NFC", text)


@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=5), st.integers(1, 7))
def test_a_part_is_what_was_joined(parts, index):
    """Splitting undoes joining."""
    record = {"a": ",".join(parts)}

    step_of("split_text", field="a", separator=",", index=index, output_field="b")([record], [1])

    assert record["b"] == ((parts[index - 1] or None) if index <= len(parts) else None)


@given(st.text("ab ", max_size=8), st.text("ab ", max_size=8))
def test_all_fields_is_every_field(first, second):
    """The same as one processor for each field, as far as fields hold texts."""
    together, apart = {"a": first, "b": second}, {"a": first, "b": second}

    step_of("string_replace", all_fields=True, old="a", new="bb")([together], [1])
    for name in ("a", "b"):
        step_of("string_replace", field=name, old="a", new="bb")([apart], [1])

    assert together == apart
