"""Which area has this code?"""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from processors.geodata.areas import Area, Areas
from processors.geodata.codes import Codes, digits, letters, plain

AREA = Area(0, "01", "One")
AREAS = Areas([AREA], np.array([shapely.box(0, 0, 1, 1)], dtype=object), tolerance_deg=0)


@pytest.mark.parametrize(
    ("spelt", "written", "meant"),
    [
        (letters, " ch ", "CH"),
        (digits(3), "36", "036"),
        (digits(5), "2a004", "2A004"),
        (digits(2), "974", "974"),
        (plain, "Côte d'Ivoire", "cotedivoire"),
        (plain, "GUINEA-BISSAU ", "guineabissau"),
        (plain, "日本", "日本"),
    ],
)
def test_codes_are_compared_as_people_write_them(spelt, written, meant):
    """Case, space, accents and lost zeros do not matter."""
    assert spelt(written) == meant


def test_a_known_code_has_a_shape_and_an_unknown_one_none():
    """Whose fault that is, is for the caller to say."""
    codes = Codes(AREAS, {"01": AREA}, digits(2))

    assert codes.try_shape("1")["type"] == "Polygon"
    assert codes.try_shape("2") is None
    assert codes.try_shape("1" * 100_000) is None


@given(st.text())
def test_the_plain_form_of_a_name_is_its_own_plain_form(name):
    """Otherwise some names could never be found."""
    assert plain(plain(name)) == plain(name)
