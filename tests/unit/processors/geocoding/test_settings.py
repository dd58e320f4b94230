"""Settings of geocoders: who can be asked, and what is missing where not."""

import pytest

from headwater.domain.errors import SettingsError
from headwater.runtime.settings import load
from processors.geocoding.settings import GeocodingSettings, chosen_provider, missing_plugin

ARCGIS = {"HEADWATER_GEOCODING_ARCGIS_CLIENT_ID": "i", "HEADWATER_GEOCODING_ARCGIS_CLIENT_SECRET": "s"}
OWN_NOMINATIM = {"HEADWATER_GEOCODING_NOMINATIM_URL": "http://10.0.0.7:8080/nominatim"}
PUBLIC_NOMINATIM = {"HEADWATER_GEOCODING_NOMINATIM_URL": "https://nominatim.openstreetmap.org"}


def settings(**environ):
    return load(GeocodingSettings, environ)


@pytest.mark.parametrize("provider", ["ban", "census", "pdok"])
def test_public_services_of_three_countries_need_nothing(provider):
    """They allow it, and a stack asks them only where its owner says so."""
    assert missing_plugin(settings(), provider) == ""


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("arcgis", "HEADWATER_GEOCODING_ARCGIS_CLIENT_ID and HEADWATER_GEOCODING_ARCGIS_CLIENT_SECRET"),
        ("nominatim", "HEADWATER_GEOCODING_NOMINATIM_URL"),
        ("what3words", "HEADWATER_GEOCODING_WHAT3WORDS_KEY"),
        ("any", "HEADWATER_GEOCODING_NOMINATIM_URL"),
    ],
)
def test_others_say_what_has_to_be_set(provider, variable):
    """The sentence reaches the person who saves the processor, and names the variables for the operator."""
    assert variable in missing_plugin(settings(), provider)


def test_what_is_set_is_not_missing():
    """Each with what it needs."""
    given = settings(**ARCGIS, **OWN_NOMINATIM, HEADWATER_GEOCODING_WHAT3WORDS_KEY="k")

    assert [missing_plugin(given, one) for one in ("arcgis", "nominatim", "what3words", "any")] == [""] * 4


def test_empty_address_takes_a_service_away():
    """An operator who must not send addresses abroad says so once."""
    assert "HEADWATER_GEOCODING_BAN_URL" in missing_plugin(settings(HEADWATER_GEOCODING_BAN_URL=""), "ban")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ""),
        (OWN_NOMINATIM, "nominatim"),
        ({**OWN_NOMINATIM, **ARCGIS}, "arcgis"),
        ({**ARCGIS, "HEADWATER_GEOCODING_DEFAULT": "ban"}, "ban"),
    ],
)
def test_any_geocoder_is_the_one_that_was_chosen_or_else_a_worldwide_one(environ, expected):
    """A national one would take a foreign address for one of its own."""
    assert chosen_provider(settings(**environ)) == expected


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        (PUBLIC_NOMINATIM, "HEADWATER_GEOCODING_CONTACT"),
        (
            {**PUBLIC_NOMINATIM, "HEADWATER_GEOCODING_NOMINATIM_RATE_PER_S": "5"},
            "HEADWATER_GEOCODING_NOMINATIM_RATE_PER_S",
        ),
        (
            {**PUBLIC_NOMINATIM, "HEADWATER_GEOCODING_NOMINATIM_AT_ONCE": "2"},
            "HEADWATER_GEOCODING_NOMINATIM_AT_ONCE",
        ),
        ({"HEADWATER_GEOCODING_BAN_URL": "data.geopf.fr"}, "HEADWATER_GEOCODING_BAN_URL"),
        ({"HEADWATER_GEOCODING_PDOK_URL": "ftp://x"}, "HEADWATER_GEOCODING_PDOK_URL"),
        ({"HEADWATER_GEOCODING_CENSUS_URL": "https://x/?a=b"}, "HEADWATER_GEOCODING_CENSUS_URL"),
    ],
)
def test_bad_settings_are_named(environ, variable):
    """Among them what the rules of the public Nominatim server forbid."""
    with pytest.raises(SettingsError, match=variable):
        settings(**environ)


def test_public_nominatim_may_be_asked_slowly_by_whom_it_knows():
    """At its one request per second."""
    given = settings(**PUBLIC_NOMINATIM, HEADWATER_GEOCODING_CONTACT="ops@example.org")

    assert missing_plugin(given, "nominatim") == ""


def test_own_nominatim_has_the_rate_of_its_owner():
    """The rules of the public one are not its own."""
    given = settings(**OWN_NOMINATIM, HEADWATER_GEOCODING_NOMINATIM_RATE_PER_S="200")

    assert given.nominatim.rate_per_s == 200


def test_keys_are_not_shown():
    """Settings are logged at times."""
    given = settings(**ARCGIS, HEADWATER_GEOCODING_WHAT3WORDS_KEY="hidden")

    assert "hidden" not in repr(given)
    assert given.what3words.key == "hidden"


def test_one_answer_takes_half_a_call_at_most():
    """A provider whose time-out is longer than a call would never be found to be down."""
    given = settings(HEADWATER_GEOCODING_BAN_TIMEOUT_S="60", HEADWATER_GEOCODING_CALL_MAX_S="10")

    assert given.answer_time_s("ban") == 5
    assert given.answer_time_s("pdok") == 5
    assert settings(HEADWATER_GEOCODING_BAN_TIMEOUT_S="2").answer_time_s("ban") == 2
