"""What expressions ask of libraries."""

import pytest

from processors.stack.outside import OUTSIDE


def test_any_script_becomes_letters_of_ascii():
    """Accents go, Chinese and Cyrillic are transliterated."""
    assert OUTSIDE.transliterate("Crème Ñandú Київ") == "Creme Nandu Kiiv"
    assert OUTSIDE.transliterate("北京").isascii()


def test_a_pattern_is_searched_anywhere():
    """As `re.search` does."""
    assert OUTSIDE.search("b+", "abbc")
    assert not OUTSIDE.search("^b", "abbc")


def test_a_pattern_that_is_none_is_a_value_error():
    """An expression may make a pattern out of a record."""
    with pytest.raises(ValueError, match="regular expression"):
        OUTSIDE.search("(", "a")


def test_a_point_of_another_system_is_given_as_y_and_x():
    """The order of the reference: Paris in Lambert 93 is at 6862305 (y), 652469 (x)."""
    lat, lon = OUTSIDE.point_to_wgs84([6862305.0, 652469.0], 2154)

    assert (round(lat, 3), round(lon, 3)) == (48.859, 2.352)


def test_a_shape_of_another_system_has_x_before_y():
    """As GeoJSON has it; the given one stays as it is."""
    shape = {"type": "Point", "coordinates": [652469.0, 6862305.0]}

    found = OUTSIDE.shape_to_wgs84(shape, 2154)

    assert [round(one, 3) for one in found["coordinates"]] == [2.352, 48.859]
    assert shape == {"type": "Point", "coordinates": [652469.0, 6862305.0]}


def test_an_unknown_system_is_a_value_error():
    """Its code may come from a record."""
    with pytest.raises(ValueError, match="1"):
        OUTSIDE.point_to_wgs84([0.0, 0.0], 1)
