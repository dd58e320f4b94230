"""Where are the communes, départements, régions and postal codes of France?"""

import pytest
from shapely.geometry import shape

from processors.geodata import france

pytestmark = pytest.mark.usefixtures("tiny_france")


def area_of(found):
    return shape(found).area


def test_larger_divisions_are_the_union_of_smaller_ones():
    """Each by the ids of its rows."""
    assert area_of(france.communes_by_insee().try_shape("1001")) == pytest.approx(1)
    assert area_of(france.departements_by_insee().try_shape("1")) == pytest.approx(2)
    assert area_of(france.departements_by_insee().try_shape("2a")) == pytest.approx(1)
    assert area_of(france.regions_by_insee().try_shape("84")) == pytest.approx(3)
    assert area_of(france.postal_codes().try_shape("1400")) == pytest.approx(2)


def test_a_division_without_outlines_is_unknown():
    """An empty shape would look like an answer."""
    assert france.regions_by_insee().try_shape("99") is None
    assert france.postal_codes().try_shape("20000") is None
    assert france.communes_by_insee().try_shape("97501") is None


def test_a_point_is_in_a_commune_of_today():
    """The code of what it once was is still known."""
    assert france.communes().today.locate(0.5, 1.5).name == "Commune 01002"
    assert france.communes_by_insee().try_shape("01009") is not None
    assert france.departements().locate(0.5, 2.5).code == "2A"
    assert france.regions().locate(0.5, 2.5).code == "84"
