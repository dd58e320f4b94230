"""Values compare as the reference says, in both directions and in chains."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.join_keys import MAX_NUMBER, as_type, fingerprint, folded, key_of
from headwater.domain.points import GeoPoint
from headwater.domain.types import FieldType

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=True),
    st.text(),
    st.from_regex(r"\A[+-]?[0-9]{0,4}[.,]?[0-9]{0,4}\Z"),
    st.lists(st.one_of(st.text(max_size=3), st.integers(0, 3)), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(0, 3), max_size=3),
)


@pytest.mark.parametrize(
    "same",
    [
        (2, 2.0, "2", "2.0", "2,0", "02", "+2", "2.", "2,"),
        ("01262", "1262", 1262, 1262.0, "1262.00"),
        (0, 0.0, -0.0, "0", "-0", "-.0", "000", "+0,0"),
        (0.5, ".5", "0.5", ",50", "00,5"),
        (-3, "-3", "-03.0"),
        (9007199254740993, "9007199254740993", "9007199254740993.0"),
        (True, "true", "TRUE", "True"),
        ("Café", "CAFE", "cafe\u0301", "cafè"),
        ("Straße", "STRASSE", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σισυφος", "Σίσυφοσ"),
        (["a", "b"], "a;b", "A;B"),
        (None, "", [], {}, float("nan"), float("inf")),
    ],
)
def test_equal_values_have_one_key(same):
    """Numbers compare as numbers, text without case and accents; what is empty has no key."""
    assert {key_of(value) for value in same} == {key_of(same[0])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        ("1e5", 100_000),
        ("1 000", 1000),
        (" 2", 2),
        ("2\n", 2),
        ("1,5", "1,50a"),
        ("1,000.5", 1000.5),
        ("0x10", 16),
        ("٢", 2),
        ("ガ", "カ"),
        ("й", "k"),
        ("a", "ä b"),
        ("2", 2.000000001),
        (9007199254740992, 9007199254740993),
        ("0" * (MAX_NUMBER + 1), 0),
    ],
)
def test_different_values_have_different_keys(one, other):
    """Only plain numbers are numbers; letters that are not accents count."""
    assert key_of(one) != key_of(other)


def test_case_and_accents_count_where_they_are_to():
    """Numbers are numbers all the same."""
    assert len({key_of(text, case_sensitive=True) for text in ("a", "A", "ä", "Ä")}) == 4
    assert key_of("01", case_sensitive=True) == key_of(1.0, case_sensitive=True) == 1


@given(VALUES)
def test_every_value_has_a_key_or_none(value):
    """Whatever JSON comes in; a key is hashable and never a boolean or a whole decimal."""
    for case_sensitive in (False, True):
        key = key_of(value, case_sensitive=case_sensitive)
        assert key is None or type(key) in (int, float, str)
        assert not (isinstance(key, float) and key.is_integer())
        assert key != ""


@given(VALUES)
def test_key_of_a_key_is_the_key(value):
    """So equality is the same, however often a value was made a key before."""
    key = key_of(value)

    assert key_of(key) == key


@given(st.integers(-(10**30), 10**30))
def test_integer_equals_its_texts(number):
    """With a sign, zeros in front and a fraction of zeros."""
    sign = "-" if number < 0 else "+"
    assert key_of(f"{sign}000{abs(number)}.00") == key_of(str(number)) == key_of(number)


@given(st.floats(-1e15, 1e15), st.sampled_from(".,"))
def test_decimal_equals_its_text(number, mark):
    """With either decimal mark."""
    text = f"{number:.30f}"
    assert key_of(text.replace(".", mark)) == key_of(float(text))


@given(st.text())
def test_folding_again_changes_nothing(text):
    """What has neither case nor accents stays."""
    assert folded(folded(text)) == folded(text)


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_composed_and_decomposed_text_fold_alike(text):
    """It is the same text, however its accents are written."""
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))
    assert folded(text.lower()) == folded(text)


@given(VALUES, VALUES)
def test_equal_keys_share_their_fingerprint(one, other):
    """It has 64 bits, and different keys mostly have different ones."""
    keys = [key for key in (key_of(one), key_of(other)) if key is not None]
    prints = {fingerprint((key,)) for key in keys}

    assert all(0 <= each < 2**64 for each in prints)
    assert len(prints) <= len(set(keys))
    assert fingerprint(keys) == fingerprint(list(keys))


def test_fingerprints_know_the_order_of_keys():
    """(a, b) is not (b, a)."""
    assert len({fingerprint(("a", 1)), fingerprint((1, "a")), fingerprint(("a",)), fingerprint((1,))}) == 4
    assert fingerprint((0,)) == 0
    assert fingerprint((10**400,)) == fingerprint((float("inf"),))


def test_value_is_read_as_the_type_of_the_remote_key():
    """A moment in any zone equals itself in UTC, a date its spellings; what cannot be read equals nothing."""
    moment = key_of("2024-05-06T09:08:09+02:00")
    assert as_type(moment, FieldType.DATETIME) == "2024-05-06 07:08:09.000000"
    assert as_type(key_of("2024/05/06"), FieldType.DATE) == "2024-05-06"
    assert as_type(moment, FieldType.DATE) is None
    assert as_type("the 31st", FieldType.DATETIME) is None
    assert as_type(5, FieldType.DATETIME) is None
    assert as_type("yes", FieldType.BOOLEAN) == as_type(1, FieldType.BOOLEAN) == "true"
    assert as_type("no", FieldType.BOOLEAN) == "false"
    assert as_type(0.5, FieldType.BOOLEAN) is None
    assert as_type("x", FieldType.INT) is None
    assert as_type(2, FieldType.DOUBLE) == as_type(2, FieldType.TEXT) == 2
    assert as_type("1,2", FieldType.GEO_POINT) is None


def test_nested_values_compare_as_their_text():
    """As a text field would hold them; what has no text has no key."""
    assert key_of({"b": 1}) == '{"b":1}'
    assert key_of([1, 2]) == "[1,2]"
    assert key_of(GeoPoint.at(1, 2)) == '{"lat":1.0,"lon":2.0}'
    assert key_of(["\ud800"]) is not None
    assert key_of({"x": 2**70}) is None
    assert key_of([""]) is None
