"""What kind a JSON value is, by itself; and the names that fields get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.inference import infer, infer_text, looks_like_date, technical_name
from headwater.domain.schema import Rung


@pytest.mark.parametrize(
    ("value", "rung"),
    [
        (150, Rung.INT),
        (150.5, Rung.DOUBLE),
        (2**64 - 1, Rung.TEXT),
        (True, Rung.BOOLEAN),
        ("ab1", Rung.TEXT),
        ("150", Rung.TEXT),
        ("2014-01-27", Rung.DATE),
        ("2014/01/27T04:15:00", Rung.DATETIME),
        ("2014-01-27T04:15:00Z", Rung.DATETIME),
        ("2014-01-27 04:15:00+02:00", Rung.DATETIME),
        ("2014-02-30", Rung.TEXT),
        ("2014/01-27T04:15:00", Rung.TEXT),
        ("20140127", Rung.TEXT),
        ("0001-01-01", Rung.TEXT),
        (["a", "b"], Rung.TEXTS),
        ([1, 2], Rung.TEXT),
        ({"a": 1}, Rung.TEXT),
        ({"type": "Point", "coordinates": [1, 2]}, Rung.GEO_SHAPE),
        ({"content": "aGk=", "content_type": "image/jpg"}, Rung.FILE),
        ({"content": "no base64!", "content_type": "image/jpg"}, Rung.TEXT),
    ],
)
def test_rungs_of_values(value, rung):
    """The rules of the reference, one by one."""
    assert infer(value)[0] is rung


@pytest.mark.parametrize("value", [None, []])
def test_nothing_to_infer(value):
    """Null and the empty array say nothing about a type."""
    assert infer(value) is None


@given(st.text())
def test_no_date_escapes_the_cheap_look(text):
    """The fast way may only skip the date check where no date can be."""
    if infer_text(text)[0] is not Rung.TEXT:
        assert looks_like_date(text)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("value", "value"),
        ("Value_2", "Value_2"),
        ("Station name", "Station_name"),
        ("température (°C)", "temperature_C"),
        ("2nd", "_2nd"),
        ("", "field"),
        ("***", "field"),
        ("_id", "_id_"),
        ("_version", "_version_"),
        ("a.b", "a_b"),
    ],
)
def test_technical_names(key, name):
    """Names stay as they are where they can; nothing of a key reaches SQL but letters, digits and _."""
    assert technical_name(key) == name


@given(st.text())
def test_technical_names_are_safe_and_stable(key):
    """Whatever the key, the name is plain, bounded, and its own name."""
    name = technical_name(key)
    assert name.replace("_", "a").isalnum()
    assert name.isascii()
    assert 1 <= len(name) <= 130
    assert technical_name(name) == name or name.endswith("_")
