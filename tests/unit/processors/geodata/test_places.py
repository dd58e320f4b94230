"""What is the nearest place in a country?"""

import pytest

from processors.geodata import places

pytestmark = pytest.mark.usefixtures("tiny_gazetteer")


def test_the_nearest_place_of_the_country_is_found():
    """The border between Basel and Lörrach is not crossed."""
    assert places.nearest("CH", 47.60, 7.65).name == "Basel"
    assert places.nearest("DE", 47.60, 7.65).name == "Lörrach"
    assert places.nearest("CH", 46.9, 7.4) == places.Place("Bern", "Bern", "")


def test_what_is_far_away_is_not_near():
    """A hundred kilometres is the limit."""
    assert places.nearest("DE", 48.50, 7.664).name == "Lörrach"
    assert places.nearest("DE", 48.55, 7.664) is None


def test_a_country_without_places_has_no_nearest_one():
    """Antarctica, and what has no code."""
    assert places.nearest("AQ", -80.0, 0.0) is None
    assert places.nearest("", 0.0, 0.0) is None


def test_places_belong_to_the_country_that_natural_earth_counts_them_to():
    """A point in Guadeloupe is in France there."""
    assert places.nearest("FR", 16.2, -61.6).name == "Les Abymes"


def test_the_date_line_is_no_border():
    """Distances are those on a sphere."""
    assert places.nearest("FJ", -16.8, 179.9).name == "Taveuni"
