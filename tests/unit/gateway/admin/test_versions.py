"""The way back to an earlier configuration."""

from dataclasses import replace

from gateway.admin.life import Order
from gateway.admin.versions import restored
from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.schema import Rung, Schema

ORDER = Order(uid="bu_1", now_us=1)
SEEN = Schema({"a": {Rung.INT}})
TYPED = FieldItem(uid="df_1", type="type", params={"field": "a", "type_param": "text"})
RESOURCE = Resource(
    uid="re_1", resource_id="realtime", title="now", enabled=False, params={"recovery": False}
)
DATASET = Dataset(uid="da_1", dataset_id="a", title="Now", resources=(RESOURCE,), restricted=True)
VERSION = {
    "title": "Then",
    "metadata": {"default": {"title": {"value": "Then"}}},
    "fields": [TYPED.to_json()],
    "on_error": "quarantine",
    "history": False,
    "restricted": False,
    "resources": [
        {"uid": "re_1", "title": "then", "enabled": True, "params": {"alert": True, "recovery": True}},
        {"uid": "re_gone", "title": "gone", "enabled": True, "params": {}},
    ],
}


def test_configuration_comes_back_and_nothing_else():
    """Not who may read, not what is enabled, not deleted resources; recovery has the archive that it has."""
    back = restored(DATASET, VERSION, SEEN, ORDER)
    assert (back.title, back.on_error, back.fields) == ("Then", "quarantine", (TYPED,))
    assert back.restricted
    expected = replace(RESOURCE, title="then", params={"alert": True, "recovery": False})
    assert back.resources == (expected,)


def test_breaking_restoration_of_a_published_dataset_waits():
    """As any other change of the stack."""
    back = restored(replace(DATASET, published=True, since_version=1), VERSION, SEEN, ORDER)
    assert (back.fields, back.draft, back.title) == ((), (TYPED,), "Then")
