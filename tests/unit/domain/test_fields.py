"""Bootstrap data, field configuration and inference, brought together."""

from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.fields import bootstrap_schema, configure
from headwater.domain.schema import Rung, Schema
from headwater.domain.types import FieldType

SEED = {"identifier": "ab1", "timestamp": "2014/01/27T04:15:00", "parameter": "speed", "value": 150.0}


def dataset(*items, bootstrap=SEED):
    resource = Resource(uid="re_1", resource_id="realtime", title="realtime", params={"bootstrap": bootstrap})
    fields = tuple(
        FieldItem(uid=f"df_{n}", type=kind, params=params) for n, (kind, params) in enumerate(items)
    )
    return Dataset(uid="da_1", dataset_id="one", title="One", resources=(resource,), fields=fields)


def field(configuration, name):
    return next(one for one in configuration.fields if one.name == name)


def test_bootstrap_declares_types_in_json_order():
    """The seed's dataset, as its document shows it."""
    fields = configure(dataset()).fields
    assert [(one.name, one.type) for one in fields] == [
        ("identifier", FieldType.TEXT),
        ("timestamp", FieldType.DATETIME),
        ("parameter", FieldType.TEXT),
        ("value", FieldType.DOUBLE),
    ]
    assert all(one.declared for one in fields)


def test_bootstrap_of_several_objects_is_their_union():
    """A sample array is inferred from all of its objects."""
    assert bootstrap_schema([{"a": 1}, {"a": 1.5, "b": None}, {"b": "x"}]) == {
        "a": Rung.DOUBLE,
        "b": Rung.TEXT,
    }


def test_a_bootstrap_null_declares_nothing():
    """A field that only ever was null keeps its place and stays open."""
    one = field(configure(dataset(bootstrap={"a": None}), Schema({"a": {Rung.INT}})), "a")
    assert (one.type, one.declared) == (FieldType.INT, False)


def test_inferred_fields_follow_the_declared_ones_by_name():
    """The order does not depend on who saw which field first."""
    configuration = configure(dataset(), Schema({"z": {Rung.INT}, "b": {Rung.TEXT}}))
    assert [one.name for one in configuration.fields][-2:] == ["b", "z"]


def test_declared_types_win():
    """What was seen widens inferred types only, but all columns are read."""
    one = field(configure(dataset(), Schema({"value": {Rung.TEXT, Rung.DOUBLE}})), "value")
    assert one.type is FieldType.DOUBLE
    assert one.columns == ("value:double", "value:text")


def test_an_inferred_field_reads_its_widest_type_first():
    """Readers take the first column that is not null."""
    one = field(configure(dataset(bootstrap={}), Schema({"v": {Rung.INT, Rung.DOUBLE}})), "v")
    assert (one.type, one.columns) == (FieldType.DOUBLE, ("v:double", "v:int"))


def test_renaming_keeps_columns():
    """Rename changes what readers see, and nothing stored."""
    item = ("rename", {"from_name": "value", "to_name": "speed", "field_label": "Speed"})
    one = field(configure(dataset(item), Schema({"value": {Rung.DOUBLE}})), "speed")
    assert (one.source, one.label, one.columns) == ("value", "Speed", ("value:double",))


def test_later_steps_use_the_new_name():
    """The stack is applied in order."""
    items = [
        ("rename", {"from_name": "value", "to_name": "speed"}),
        ("type", {"field": "speed", "type_param": "int"}),
        ("description", {"field": "speed", "description": "km/h"}),
    ]
    one = field(configure(dataset(*items)), "speed")
    assert (one.source, one.type, one.description) == ("value", FieldType.INT, "km/h")


def test_unique_id_annotations_make_the_key():
    """Several fields may be flagged."""
    items = [("annotate", {"field": name, "annotation": "id"}) for name in ("identifier", "parameter")]
    assert [one.name for one in configure(dataset(*items)).id_fields] == ["identifier", "parameter"]


def test_order_and_delete():
    """Listed fields come first; a deleted field is gone and remembered."""
    items = [("order", {"args": ["value", "identifier"]}), ("delete", {"field": "parameter"})]
    configuration = configure(dataset(*items))
    assert [one.name for one in configuration.fields] == ["value", "identifier", "timestamp"]
    assert configuration.deleted == {"parameter"}


def test_arrays_of_strings_are_multivalued_text():
    """Inferred or bootstrapped, with the default separator."""
    inferred = field(configure(dataset(bootstrap={}), Schema({"t": {Rung.TEXTS}})), "t")
    declared = field(configure(dataset(bootstrap={"t": ["a"]})), "t")
    assert inferred.annotations == declared.annotations == {"multivalued": (";",)}
    assert inferred.type is declared.type is FieldType.TEXT


def test_a_dataset_survives_its_json():
    """What the catalog carries is the whole document."""
    one = dataset(("rename", {"from_name": "value", "to_name": "speed"}))
    assert Dataset.from_json(one.to_json()) == one
