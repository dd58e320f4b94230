"""Which keys open a resource."""

from dataclasses import replace

import pytest

from gateway.admin import keyring
from gateway.admin.keyring import KeyDraft, new_key
from headwater.domain.datasets import Dataset, Resource, Scope
from headwater.domain.errors import Conflict, NotFound

NOW_US = 1_000_000_000
SECOND = 1_000_000


def dataset(*keys, **params):
    resource = Resource(uid="re_1", resource_id="r", title="r", keys=keys, params=params)
    return Dataset(uid="da_1", dataset_id="a", title="A", resources=(resource,))


def opens(changed, pushkey, after_s=0):
    return changed.resources[0].opened_by(pushkey, NOW_US + after_s * SECOND) is not None


def test_renewed_key_replaces_the_old_ones_at_once():
    """Unless a grace is asked for or set."""
    changed = keyring.renewed(dataset(new_key("old", "")), "re_1", new_key("new", ""), NOW_US, None)
    assert opens(changed, "new")
    assert not opens(changed, "old")
    assert len(changed.resources[0].keys) == 1


@pytest.mark.parametrize(("grace_seconds", "params"), [(60, {}), (None, {"renew_grace_seconds": 60})])
def test_old_keys_stop_after_the_grace(grace_seconds, params):
    """Both open meanwhile; the request's own grace goes before the resource's."""
    before = dataset(new_key("old", ""), **params)
    changed = keyring.renewed(before, "re_1", new_key("new", ""), NOW_US, grace_seconds)
    assert opens(changed, "old", after_s=59)
    assert not opens(changed, "old", after_s=60)
    assert opens(changed, "new", after_s=60)


def test_grace_of_zero_goes_before_the_resources_own():
    """Who names it wants the old key to stop."""
    before = dataset(new_key("old", ""), renew_grace_seconds=60)
    assert not opens(keyring.renewed(before, "re_1", new_key("new", ""), NOW_US, 0), "old")


def test_second_renewal_prolongs_no_key():
    """A key that would stop sooner still does."""
    first = keyring.renewed(dataset(new_key("a", "")), "re_1", new_key("b", ""), NOW_US, 10)
    second = keyring.renewed(first, "re_1", new_key("c", ""), NOW_US, 100)
    assert not opens(second, "a", after_s=10)
    assert opens(second, "b", after_s=99)


def test_further_key_has_its_own_scopes_and_end():
    """The others stay; expired ones are forgotten."""
    old = new_key("expired", "", KeyDraft(expires_at_us=NOW_US))
    draft = KeyDraft(scopes=(Scope.DELETE,), label="cleaner", expires_at_us=NOW_US + 5 * SECOND)
    changed = keyring.with_key(dataset(new_key("a", ""), old), "re_1", new_key("b", "", draft), NOW_US)
    assert [key.label for key in changed.resources[0].keys] == ["cleaner", ""]
    assert changed.resources[0].opened_by("b", NOW_US).scopes == (Scope.DELETE,)
    assert not opens(changed, "b", after_s=5)


def test_number_of_keys_is_bounded():
    """The document of a dataset cannot grow with every renewal."""
    keys = tuple(new_key(f"k{n}", "") for n in range(keyring.MAX_KEYS))
    with pytest.raises(Conflict, match="at most"):
        keyring.with_key(dataset(*keys), "re_1", new_key("more", ""), NOW_US)
    with pytest.raises(Conflict):
        keyring.renewed(dataset(*keys), "re_1", new_key("more", ""), NOW_US, 60)


def test_key_is_taken_away_by_its_uid():
    """It opens nothing from then on."""
    key = new_key("a", "")
    changed = keyring.without_key(dataset(key, new_key("b", "")), "re_1", key.uid)
    assert not opens(changed, "a")
    assert opens(changed, "b")
    with pytest.raises(NotFound):
        keyring.without_key(changed, "re_1", key.uid)


def test_signing_secret_is_set_and_taken_away():
    """Sealed; empty means none."""
    sealed = "sealed"
    signed = keyring.with_signing_secret(dataset(), "re_1", sealed)
    assert signed.resources[0] == replace(dataset().resources[0], signing_secret=sealed)
    assert keyring.with_signing_secret(signed, "re_1", "") == dataset()
