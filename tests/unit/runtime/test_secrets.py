"""How are secrets kept that we must be able to read again?"""

import pytest

from headwater.domain.errors import SecretsUnusable
from headwater.runtime.secrets import REMEMBERED, Sealer


def test_what_was_sealed_can_be_opened_with_the_same_key_only():
    """Another process with the key can; the sealed text does not hold the secret."""
    sealed = Sealer("key of the operator").seal("whsec_abc")

    assert "whsec_abc" not in sealed
    assert Sealer("key of the operator").open(sealed) == "whsec_abc"
    with pytest.raises(SecretsUnusable, match="another HEADWATER_SECRET_KEY"):
        Sealer("another").open(sealed)


def test_without_a_key_the_operator_is_told():
    """Neither sealing nor opening; the sentence names the setting."""
    sealer = Sealer("")

    assert not sealer.is_usable
    for act in (sealer.seal, sealer.open):
        with pytest.raises(SecretsUnusable, match="HEADWATER_SECRET_KEY is not set"):
            act("text")


def test_noise_is_not_opened():
    """Whatever a catalog may hold."""
    for noise in ("", "x", "gAAAAA", "ä"):
        with pytest.raises(SecretsUnusable):
            Sealer("key").open(noise)


def test_opened_secrets_are_remembered_within_bounds():
    """Every push needs the secret; a changed one is another sealed text."""
    sealer = Sealer("key")
    for number in range(REMEMBERED + 5):
        assert sealer.open(sealer.seal(str(number))) == str(number)

    assert len(sealer._opened) == REMEMBERED
