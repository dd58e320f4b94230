"""Which code systems and administrative levels can be answered?"""

import pytest

from processors.geodata.places import Place
from processors.geodata.repositories import COUNTRIES, REPOSITORIES, levels_of


def test_a_code_system_belongs_to_one_country():
    """The parameter has one list of choices for all countries."""
    names = [name for country in REPOSITORIES.values() for name in country]

    assert len(names) == len(set(names))
    assert REPOSITORIES.keys() <= COUNTRIES.keys()


@pytest.mark.parametrize("country", COUNTRIES)
def test_level_one_is_the_country_and_every_level_knows_how_to_answer(country):
    """By shapes, or by an attribute of the nearest place."""
    levels = levels_of(country)

    assert levels[0].label == "country"
    for one in levels:
        assert (one.load is None) == (one.detail in Place.__slots__)
