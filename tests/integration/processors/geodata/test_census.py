"""Where are the states and counties of the United States?"""

from shapely.geometry import shape

from processors.geodata import census


def test_states_are_found_by_three_codes():
    """All of them lead to the same shape."""
    by_fips, by_postal, by_name = census.states_by_fips(), census.states_by_postal(), census.states_by_name()

    found = by_fips.try_shape("6")

    assert found is not None
    assert by_postal.try_shape("ca") == found
    assert by_name.try_shape("california") == found
    assert len(by_fips.by_code) == 56


def test_a_county_is_found_by_its_code_and_by_a_point():
    """A code that lost its leading zero to a number is still one."""
    counties = census.counties()

    there = counties.locate(37.76, -122.44)

    assert (there.code, there.name) == ("06075", "San Francisco")
    assert census.counties_by_fips().try_shape("6075") == counties.shape(there)
    assert census.states().locate(37.76, -122.44).name == "California"


def test_every_outline_is_valid_and_not_empty():
    """Neither simplifying nor rounding may break one."""
    for areas in (census.states(), census.counties()):
        outlines = [shape(areas.shape(area)) for area in areas.areas]

        assert all(one.is_valid and not one.is_empty for one in outlines)
