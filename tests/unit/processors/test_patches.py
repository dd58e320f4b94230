"""What merges become: patches that depend on their record alone, and are joined by version in any order."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.fields import configure
from headwater.domain.schema import Rung, Schema
from headwater.domain.tables import PATCH_COLUMNS, patch_type
from processors.conversion import Converter
from processors.parsing import Arrivals
from processors.slots import UnknownFields

NOW = "2026-01-01 00:00:00.000000"
KEYED = ("annotate", {"field": "k", "annotation": "id"})


def dataset(bootstrap=None, *items, on_error="null"):
    resource = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": bootstrap or {}})
    fields = tuple(
        FieldItem(uid=f"df_{n}", type=kind, params=params) for n, (kind, params) in enumerate(items)
    )
    return Dataset(
        uid="da_1", dataset_id="one", title="One", resources=(resource,), fields=fields, on_error=on_error
    )


def converter(one, seen=None):
    seen = seen or Schema()
    return Converter(configure(one, seen), seen, on_error=one.on_error)


def arrivals(*records, versions=None):
    count = len(records)
    return Arrivals(list(records), versions or list(range(100, 100 + count)), [NOW] * count)


def merged(fresh, *records, versions=None, unknown=UnknownFields.EVOLVE):
    """Return the patches by column name, without the cells that say nothing."""
    converted = fresh.merges(arrivals(*records, versions=versions), "r", unknown)
    return named(converted), converted


def named(converted):
    names = (*PATCH_COLUMNS, *converted.columns)
    filled = [zip(names, row, strict=True) for row in converted.rows]
    return [{name: value for name, value in row if value is not None} for row in filled]


def cells(patch):
    return {name: value for name, value in patch.items() if name not in PATCH_COLUMNS}


def test_a_patch_has_what_the_record_names_and_its_version_in_every_cell():
    """Key fields included; types are those of the patches table."""
    one = dataset({}, KEYED)
    [patch], converted = merged(converter(one), {"k": "x", "n": 1})
    [pushed] = converter(one).upserts(arrivals({"k": "x", "other": True}), "r").rows
    assert patch == {
        "_id": pushed[0],
        "_patched": 100,
        "_resource": [100, "r"],
        "_received_at": [100, NOW],
        "k:text": [100, "x"],
        "n:int": [100, 1],
    }
    assert converted.columns == {
        "k:text": patch_type("Nullable(String)"),
        "n:int": patch_type("Nullable(Int64)"),
    }


def test_an_explicit_null_goes_where_readers_look():
    """Into the column of the widest rung known; for a field that nobody knows there is nothing to null."""
    seen = Schema({"n": [Rung.INT, Rung.DOUBLE], "odd": [Rung.INT, Rung.DATE]})
    one = dataset({"d": 1}, KEYED)
    [patch], _ = merged(converter(one, seen), {"k": "x", "n": None, "d": None, "odd": [], "new": None})
    assert cells(patch) == {
        "k:text": [100, "x"],
        "n:double": [100, None],
        "d:int": [100, None],
        "odd:date": [100, None],
    }


def test_a_null_after_a_value_of_the_same_batch_counts():
    """What a neighbour has just shown is known."""
    patches, _ = merged(converter(dataset({}, KEYED)), {"k": "x", "n": 1.5}, {"k": "x", "n": None})
    assert cells(patches[1]) == {"k:text": [101, "x"], "n:double": [101, None]}


def test_a_null_point_is_spelt_as_a_point_without_coordinates():
    """The column of points is a tuple, which cannot be null itself."""
    one = dataset({}, KEYED, ("type", {"field": "p", "type_param": "geo_point_2d"}))
    [patch], _ = merged(converter(one), {"k": "x", "p": None})
    assert patch["p:geo_point_2d"] == [100, {"lat": None, "lon": None}]


def test_a_null_in_the_key_is_a_value():
    """As in a push: null is a key, absent is none."""
    one = dataset({"k": "x"}, KEYED)
    [patch], _ = merged(converter(one), {"k": None, "n": 1})
    [pushed] = converter(one).upserts(arrivals({"k": None}), "r").rows
    assert patch["_id"] == pushed[0]
    assert patch["k:text"] == [100, None]


def test_a_merge_without_all_key_fields_is_refused():
    """It names no record; nothing is learnt from it."""
    two = dataset({}, KEYED, ("annotate", {"field": "l", "annotation": "id"}))
    fresh = converter(two)
    patches, converted = merged(fresh, {"k": 1, "new": 1}, {"k": 1, "l": 2})
    assert len(patches) == 1
    [refusal] = converted.refused
    assert (refusal.reasons[0].code, refusal.reasons[0].field) == ("merge_needs_key", "l")
    assert "new" not in fresh.learnt


def test_a_merge_into_a_dataset_without_key_is_refused():
    """All fields together are the key there: to change one is to name another record."""
    _, converted = merged(converter(dataset({"k": "x"})), {"k": "x"})
    assert [refusal.reasons[0].code for refusal in converted.refused] == ["merge_needs_key"]
    assert not converted.rows


def test_a_misfit_is_null_or_refused_as_in_a_push():
    """The sender replaced the old value, so that must not be shown any longer."""
    given = {"k": "x", "n": "many"}
    [patch], converted = merged(converter(dataset({"n": 1}, KEYED)), given)
    assert (patch["n:int"], converted.notes) == ([100, None], 1)
    _, converted = merged(converter(dataset({"n": 1}, KEYED, on_error="quarantine")), given)
    assert [refusal.reasons[0].code for refusal in converted.refused] == ["invalid_value"]


def test_deleted_and_unknown_fields_are_left_out_or_refused():
    """By the same rules as a push."""
    one = dataset({"n": 1}, KEYED, ("delete", {"field": "gone"}))
    given = {"k": "x", "n": 1, "gone": None, "typo": None, "typo2": 1}
    [patch], _ = merged(converter(one), given, unknown=UnknownFields.DROP)
    assert set(cells(patch)) == {"k:text", "n:int"}
    _, converted = merged(converter(one), given, unknown=UnknownFields.REJECT)
    assert [reason.field for reason in converted.refused[0].reasons] == ["typo2"]


def test_of_two_keys_that_make_one_name_the_last_counts():
    """Null or not."""
    one = dataset({"a_b": 1}, KEYED)
    patches, _ = merged(converter(one), {"k": 1, "a b": 1, "a-b": None}, {"k": 1, "a b": None, "a-b": 2})
    assert [patch["a_b:int"][1] for patch in patches] == [None, 2]


def test_records_of_one_version_and_one_id_become_one_patch():
    """A native producer's array has one version; its order must not be lost to the greater value."""
    given = [{"k": 1, "a": "z", "b": 1}, {"k": 2, "a": "y"}, {"k": 1, "a": "b", "c": 1}]
    patches, _ = merged(converter(dataset({}, KEYED)), *given, versions=[7, 7, 7])
    assert len(patches) == 2
    assert cells(patches[0]) == {"k:int": [7, 1], "a:text": [7, "b"], "b:int": [7, 1], "c:int": [7, 1]}


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["2014/01/27T04:15:00", "2014-01-27", "1,5", [], ["a"], {}]),
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["k", "a", "b", "c", "é"]), VALUES, min_size=1), max_size=5
)
SEEN = st.fixed_dictionaries(
    {name: st.sets(st.sampled_from(list(Rung)[:9]), min_size=1, max_size=2) for name in "kabce"}
).map(Schema)
TYPES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["text", "int", "double", "date"]))


@given(RECORDS, TYPES, SEEN, st.booleans())
def test_a_patch_depends_on_its_record_alone(records, types, seen, quarantines):
    """Beside any neighbours, in any batch: replays and other workers agree, once the fields are known."""
    items = [("type", {"field": name, "type_param": kind}) for name, kind in types.items()]
    one = dataset({}, KEYED, *items, on_error="quarantine" if quarantines else "null")
    together, converted = merged(converter(one, seen), *records)
    alone = [
        merged(converter(one, seen), record, versions=[version])
        for version, record in enumerate(records, 100)
    ]
    assert list(map(_typed, together)) == [_typed(patch) for patches, _ in alone for patch in patches]
    assert converted.refused == [refusal for _, single in alone for refusal in single.refused]


@given(RECORDS, SEEN)
def test_patches_give_the_same_record_in_any_order(records, seen):
    """Of each field the value with the greatest version: what a push of all fields in order would leave."""
    fresh = converter(dataset({}, KEYED), seen)
    patches, _ = merged(fresh, *({**record, "k": 1} for record in records[:4]))
    states = [_overlaid(order) for order in permutations(patches)]
    assert all(state == states[0] for state in states)
    expected = {}
    for record in records[:4]:
        expected.update({**record, "k": 1})
    shown = {name for name, value in states[0].items() if value is not None}
    nothing = {name for name, value in expected.items() if value is None or value == []}
    assert shown == set(expected) - nothing - {"é"} | ({"e"} if "é" in expected.keys() - nothing else set())


def _overlaid(patches):
    """Return the value of each field, as readers take it from the patch columns."""
    latest = {}
    for patch in patches:
        for column, (version, value) in cells(patch).items():
            name = column.partition(":")[0]
            if version >= latest.get(name, (0, None))[0]:
                latest[name] = (version, value)
    return {name: value for name, (_, value) in latest.items()}


def _typed(patch):
    """1 and 1.0 and True are not the same cell."""
    return {name: repr(value) for name, value in patch.items()}
