"""Where are the countries?"""

from collections import Counter

import pytest
from shapely.geometry import shape

from processors.geodata import natural_earth


@pytest.fixture(scope="module")
def areas():
    return natural_earth.areas()


def test_each_code_is_that_of_one_country():
    """Far parts that go by the code of their country do not take its place."""
    main = [one for one in natural_earth.countries() if one.is_main]

    for codes in (
        [one.area.code for one in main],
        [one.alpha_3 for one in main],
        [one.numeric for one in main],
    ):
        assert [code for code, count in Counter(filter(None, codes)).items() if count > 1] == []
    assert len(main) == 239


@pytest.mark.parametrize("code", ["FR", "NO", "XK", "TW", "AU", "BR", "VA", "PS", "AX", "EH"])
def test_countries_that_are_difficult_have_their_code(code):
    """Natural Earth writes -99 into the plain columns of some."""
    assert code in natural_earth.by_alpha_2().by_code


def test_every_outline_is_valid_and_not_empty(areas):
    """Neither simplifying nor rounding may break one."""
    outlines = [shape(areas.shape(area)) for area in areas.areas]

    assert [
        one.name for one, outline in zip(areas.areas, outlines, strict=True) if not outline.is_valid
    ] == []
    assert [one.name for one, outline in zip(areas.areas, outlines, strict=True) if outline.is_empty] == []


@pytest.mark.parametrize(
    ("place", "lat", "lon", "code"),
    [
        ("Bern", 46.948, 7.447, "CH"),
        ("Paris", 48.857, 2.352, "FR"),
        ("Cayenne, which Natural Earth counts to France", 4.93, -52.33, "FR"),
        ("Suva, beyond 178 degrees", -18.14, 178.44, "FJ"),
        ("Nairobi", -1.29, 36.82, "KE"),
        ("Maseru, in a hole of another country", -29.31, 27.48, "LS"),
        ("Honolulu", 21.31, -157.86, "US"),
    ],
)
def test_a_town_is_in_its_country(areas, place, lat, lon, code):
    """Islands and enclaves too."""
    assert areas.locate(lat, lon).code == code, place


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Switzerland", "CH"),
        ("Suisse", "CH"),
        ("Deutschland", "DE"),
        ("Korea, Republic of", "KR"),
        ("Viet Nam", "VN"),
        ("ivory coast", "CI"),
        ("Côte d'Ivoire", "CI"),
        ("Niger", "NE"),
        ("Guinea", "GN"),
        ("日本", "JP"),
    ],
)
def test_countries_go_by_many_names(name, code):
    """English ones, those of ISO and those of other languages."""
    names = natural_earth.by_name()

    assert names.by_code[names.spelt(name)].code == code


def test_every_alpha_2_code_of_iso_has_a_position():
    """Also those whose land Natural Earth counts to another country."""
    pycountry = pytest.importorskip("pycountry")

    assert {one.alpha_2 for one in pycountry.countries} <= set(natural_earth.positions())
    for lat, lon in natural_earth.positions().values():
        assert -90 <= lat <= 90
        assert -180 <= lon <= 180
