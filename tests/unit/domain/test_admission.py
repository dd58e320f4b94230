"""The one check of producers that come past the gateway: key, scope, life."""

from dataclasses import replace

import pytest

from headwater.domain.admission import SCOPES, check_native
from headwater.domain.datasets import Dataset, PushKey, Resource, Scope, hash_pushkey
from headwater.runtime.kafka.topics import Op

KEY = "ab" * 28
OPENS = PushKey(uid="pk_1", hash=hash_pushkey(KEY), expires_at_us=1000)
RESOURCE = Resource(uid="re_1", resource_id="r", title="r", keys=(OPENS,))
DATASET = Dataset(uid="da_1", dataset_id="one", title="One", published=True, resources=(RESOURCE,))


def code_of(dataset=DATASET, resource_id="r", pushkey=KEY, op="upsert", now_us=999):
    objection = check_native(dataset, resource_id, pushkey, op, now_us)
    return objection and objection[0]


def with_key(**changes):
    return replace(DATASET, resources=(replace(RESOURCE, keys=(replace(OPENS, **changes),)),))


def test_every_operation_needs_a_scope():
    """An operation that the topics know and this does not would be refused for ever."""
    assert set(SCOPES) == set(Op)


@pytest.mark.parametrize("op", list(Op))
def test_a_valid_key_with_its_scope_is_admitted(op):
    """Nothing else is asked of a native producer."""
    assert code_of(op=op) is None
    assert code_of(with_key(scopes=(SCOPES[op],)), op=op) is None


@pytest.mark.parametrize("op", list(Op))
def test_a_key_does_only_what_it_may(op):
    """A key that may push does not delete, and the other way round."""
    others = tuple(scope for scope in Scope if scope is not SCOPES[op])
    assert code_of(with_key(scopes=others), op=op) == "insufficient_scope"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"resource_id": "x"}, "unknown_resource"),
        ({"pushkey": ""}, "invalid_pushkey"),
        ({"pushkey": "wrong"}, "invalid_pushkey"),
        ({"now_us": 1000}, "invalid_pushkey"),
        ({"op": "explode"}, "unknown_op"),
        ({"op": "explode", "pushkey": "wrong"}, "invalid_pushkey"),
        ({"dataset": replace(DATASET, published=False)}, "dataset_not_published"),
        ({"dataset": replace(DATASET, resources=(replace(RESOURCE, enabled=False),))}, "push_disabled"),
        (
            {"dataset": replace(DATASET, resources=(replace(RESOURCE, signing_secret="sealed"),))},  # noqa: S106
            "signature_required",
        ),
    ],
)
def test_refusals_are_named(given, code):
    """A stranger learns nothing but that the key is wrong; from the moment of its expiry a key is none."""
    assert code_of(**given) == code
