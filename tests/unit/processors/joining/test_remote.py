"""How another dataset is read follows from its document and from what was seen in it."""

from headwater.domain.datasets import Dataset
from headwater.domain.schema import Rung, Schema
from headwater.domain.types import FieldType
from headwater.runtime.store import ReadField, Relation
from processors.joining.remote import Remote, remote_of
from tests.unit.processors.joining.world import step_of

SCHEMA = Schema({"code": [Rung.TEXT], "name": [Rung.TEXT], "shape": [Rung.GEO_SHAPE]})
CITIES = Dataset(uid="da_1", dataset_id="cities", title="", published=True, sync_version=7, patched=True)


def test_keys_are_read_beside_the_fields():
    """Each once, also where a key is an output field, or an output field is named twice."""
    step = step_of(output_fields=("name", "code", "name"))

    remote = remote_of(step, CITIES, SCHEMA)

    code, name = (
        ReadField("code", FieldType.TEXT, ("code:text",)),
        ReadField("name", FieldType.TEXT, ("name:text",)),
    )
    assert remote == Remote(
        uid="da_1",
        dataset_id="cities",
        relation=Relation(table="d_1_g1", since=7, patches="d_1_g1_p"),
        fields=(name, code),
        names=("name", "code"),
        keys=(code,),
        case_sensitive=False,
    )
    assert remote_of(step_of(), CITIES, SCHEMA).fields == (name, code)


def test_large_and_nested_values_weigh_more():
    """What is held is bounded by what it weighs."""
    remote = remote_of(step_of(output_fields=("name", "shape")), CITIES, SCHEMA)
    light = remote.weight({"code": "x" * 99, "name": None, "shape": None})
    text = remote.weight({"code": "", "name": "x" * 100, "shape": None})
    shape = remote.weight({"code": "", "name": None, "shape": "x" * 100})

    assert text - light == 100
    assert shape - light == 800
