"""Slugs, numbers, uids and keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.names import (
    SLUG,
    new_pushkey,
    new_uid,
    numbered_dataset_id,
    numbered_resource_id,
    slug_of,
)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Flights 2013", "flights-2013"),
        ("Temps réel", "temps-reel"),
        ("  --A__b!! ", "a-b"),
        ("Überfüllung / Züge", "uberfullung-zuge"),
        ("水位", "dataset"),
        ("", "dataset"),
    ],
)
def test_slug_has_the_letters_and_digits_of_the_title(title, slug):
    """Accents fall away; what is no letter or digit becomes one joint."""
    assert slug_of(title, joint="-", fallback="dataset") == slug


@given(st.text(max_size=300), st.sampled_from(["-", "_"]), st.integers(0, 20))
def test_slug_of_any_title_is_a_slug_with_room_for_a_number(title, joint, number):
    """Whatever a person types, the name obeys the rule of dataset_id."""
    assert SLUG.fullmatch(slug_of(title, joint=joint, fallback="x") + f"{joint}{number}")


def test_taken_names_are_numbered():
    """Resources as the original numbers them, datasets readably after a year."""
    assert numbered_resource_id("realtime", set()) == "realtime"
    assert numbered_resource_id("realtime", {"realtime"}) == "realtime0"
    assert numbered_resource_id("realtime", {"realtime", "realtime0"}) == "realtime1"
    taken = {"flights-2013", "flights-2013-1"}
    assert numbered_dataset_id("flights-2013", taken.__contains__) == "flights-2013-2"


def test_uids_and_keys_have_their_form():
    """A prefix and hex digits; a key has 56 and is never the same."""
    assert re.fullmatch(r"da_[0-9a-f]{12}", new_uid("da"))
    keys = {new_pushkey() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"[0-9a-f]{56}", key) for key in keys)
