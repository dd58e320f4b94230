"""Statements for the tables that all datasets share: nothing but numbers and bound texts gets into them."""

import pytest

from headwater.domain.tables import GEOCODING_CACHE, QUARANTINE
from headwater.runtime.sql import shared, statements


def test_keys_of_answers_stand_in_the_statement_as_numbers():
    """In the form in which they are stored, whatever their spelling."""
    text = shared.cached_answers("d", ["ab", "0" * 39 + "1"], 7, 1.0)

    assert f"IN ('{'0' * 38}ab', '{'0' * 39}1')" in text
    assert "`expires_at` > 7" in text


@pytest.mark.parametrize("key", ["", "x", "') OR 1 --", "'"])
def test_key_that_is_no_number_gets_into_no_statement(key):
    """Keys are digests; anything else is a mistake of ours."""
    with pytest.raises(ValueError, match="invalid literal"):
        shared.cached_answers("d", [key], 0, 1.0)


def test_only_tables_with_an_expiry_forget_by_themselves():
    """Answers of geocoders may go; refused records must not."""
    kept = statements.create_table("d", QUARANTINE, {})
    bounded = statements.create_table("d", GEOCODING_CACHE, {})

    assert "TTL" not in kept
    assert bounded.endswith("ORDER BY (`provider`, `key`) TTL toDateTime(intDiv(`expires_at`, 1000000))")
