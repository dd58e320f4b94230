"""What records become: rows, ids, columns; and the specialised way agrees with the general one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.domain.datasets import Dataset, FieldItem, Resource
from headwater.domain.fields import configure
from headwater.domain.points import GeoPoint
from headwater.domain.schema import MAX_FIELDS, Rung, Schema
from headwater.domain.tables import ROW_COLUMNS
from processors.conversion import Converter, removals
from processors.parsing import Arrivals
from processors.slots import UnknownFields

NOW = "2026-01-01 00:00:00.000000"
SEED = {"identifier": "ab1", "timestamp": "2014/01/27T04:15:00", "parameter": "speed", "value": 150.5}


def dataset(bootstrap=None, *items, on_error="null"):
    resource = Resource(uid="re_1", resource_id="r", title="r", params={"bootstrap": bootstrap or {}})
    fields = tuple(
        FieldItem(uid=f"df_{n}", type=kind, params=params) for n, (kind, params) in enumerate(items)
    )
    return Dataset(
        uid="da_1", dataset_id="one", title="One", resources=(resource,), fields=fields, on_error=on_error
    )


def arrivals(*records, first=100):
    versions = list(range(first, first + len(records)))
    return Arrivals(list(records), versions, [NOW] * len(records))


def converter(one, seen=None, outputs=()):
    seen = seen or Schema()
    return Converter(configure(one, seen), seen, on_error=one.on_error, outputs=outputs)


def named(converted):
    """Return a batch's rows by column name, without the empty cells."""
    names = (*ROW_COLUMNS, *converted.columns)
    filled = [zip(names, row, strict=True) for row in converted.rows]
    return [{name: value for name, value in row if value is not None} for row in filled]


def rows(one, *records, seen=None):
    return named(converter(one, seen).upserts(arrivals(*records), "r"))


def test_the_seeds_record():
    """One record's whole change, cell by cell."""
    [row] = rows(dataset(SEED), {**SEED, "value": 150})
    assert row.pop("_id")
    assert row == {
        "_version": 100,
        "_deleted": 0,
        "_resource": "r",
        "_received_at": NOW,
        "identifier:text": "ab1",
        "timestamp:datetime": "2014-01-27 04:15:00.000000",
        "parameter:text": "speed",
        "value:double": 150.0,
    }


def test_spelling_does_not_change_the_id():
    """Key order, number spelling and time zone are no difference."""
    one = dataset(SEED)
    same = [
        {**SEED, "value": 150},
        {"value": 150.0, **{key: SEED[key] for key in ("parameter", "timestamp", "identifier")}},
        {**SEED, "value": 150, "timestamp": "2014-01-27T06:15:00+02:00"},
        {**SEED, "value": 150, "note": None},
    ]
    assert len({row["_id"] for row in rows(one, *same)}) == 1


def test_an_inferred_id_survives_what_others_push():
    """Widening a field changes no id: push, then delete after others widened it."""
    for value in (True, 150, 150.0, "2014-01-27", "2014-01-27T04:15:00Z", "x"):
        ids = {
            rows(dataset(), {"v": value}, seen=Schema({"v": seen}))[0]["_id"]
            for seen in ([], [Rung.INT], [Rung.INT, Rung.DOUBLE], [Rung.DATE, Rung.DATETIME], list(Rung)[:9])
        }
        assert len(ids) == 1, value


def test_key_fields_alone_find_the_record():
    """With unique-id fields, deletion needs no other field."""
    one = dataset(SEED, ("annotate", {"field": "identifier", "annotation": "id"}))
    pushed = rows(one, SEED)[0]
    [gone] = named(converter(one).deletes(arrivals({"identifier": "ab1"}), "r"))
    assert gone["_id"] == pushed["_id"]
    assert gone["_deleted"] == 1


def test_a_null_key_counts_as_a_value():
    """In a marked field null is a value of its own, and absent is null."""
    one = dataset(SEED, ("annotate", {"field": "identifier", "annotation": "id"}))
    first, second, third = rows(
        one, {"value": 1}, {"identifier": None, "value": 2}, {"identifier": "", "value": 3}
    )
    assert first["_id"] == second["_id"] != third["_id"]


def test_a_misfit_is_left_empty_with_a_note():
    """Policy null: the record is stored without the field."""
    converted = converter(dataset(SEED)).upserts(arrivals({**SEED, "value": "fast"}), "r")
    assert "value:double" not in named(converted)[0]
    assert converted.notes == 1


def test_a_misfit_is_refused_under_quarantine():
    """Policy quarantine: field and reason are named, neighbours go on."""
    one = dataset(SEED, on_error="quarantine")
    converted = converter(one).upserts(arrivals({**SEED, "value": "fast"}, SEED), "r")
    assert len(converted.rows) == 1
    [refusal] = converted.refused
    assert (refusal.version, refusal.reasons[0].field, refusal.reasons[0].code) == (
        100,
        "value",
        "invalid_value",
    )


def test_a_misfit_in_the_key_is_always_refused():
    """A record whose identity cannot be told is not stored under either policy."""
    one = dataset({"id": 1}, ("annotate", {"field": "id", "annotation": "id"}))
    converted = converter(one).upserts(arrivals({"id": "x"}), "r")
    assert (len(converted.rows), len(converted.refused)) == (0, 1)


def test_new_fields_are_learnt_with_their_columns():
    """The header of the rows names every column that they may fill."""
    fresh = converter(dataset())
    converted = fresh.upserts(arrivals({"a": 1, "b": "x"}, {"a": 1.5}), "r")
    assert fresh.learnt == Schema({"a": [Rung.INT, Rung.DOUBLE], "b": [Rung.TEXT]})
    assert converted.columns == {
        "a:int": "Nullable(Int64)",
        "b:text": "Nullable(String)",
        "a:double": "Nullable(Float64)",
    }


def test_deleted_fields_are_dropped_and_never_learnt_again():
    """The owner said that the field is gone."""
    one = dataset({}, ("delete", {"field": "secret"}))
    fresh = converter(one)
    [row] = named(fresh.upserts(arrivals({"a": 1, "secret": "x"}), "r"))
    assert "secret:text" not in row
    assert "secret" not in fresh.learnt


def test_fields_beyond_the_limit_are_left_out_with_a_note():
    """Evolution stops at the limit; the record is stored with what it may have."""
    full = Schema({f"f{number}": [Rung.INT] for number in range(MAX_FIELDS)})
    converted = converter(dataset(), full).upserts(arrivals({"f0": 1, "more": 2}), "r")
    assert "more:int" not in named(converted)[0]
    assert converted.notes == 1


def test_large_integers_stay_exact_beside_decimals():
    """Only integers that a decimal holds exactly go to the decimal column."""
    seen = Schema({"v": [Rung.INT, Rung.DOUBLE]})
    small, large = rows(dataset(), {"v": 7}, {"v": 2**53 + 1}, seen=seen)
    assert small["v:double"] == 7
    assert large["v:int"] == 2**53 + 1


def test_two_keys_of_one_name_count_once():
    """As with duplicate keys in JSON, the last counts."""
    [row] = rows(dataset(), {"a b": 1, "a-b": "x"})
    assert "a_b:int" not in row
    assert row["a_b:text"] == "x"


def test_records_that_share_a_version_are_refused_in_their_places():
    """As a native producer's array does: in quarantine each has a place of its own."""
    one = dataset({"id": 1}, ("annotate", {"field": "id", "annotation": "id"}))
    sent = [{"id": "x"}, {"id": 1}, {"id": "y"}]
    given = Arrivals(sent, [7, 7, 7], [NOW] * 3, [], [0, 1, 2])
    for converted in (converter(one).upserts(given, "r"), converter(one).deletes(given, "r")):
        assert [(refusal.version, refusal.position) for refusal in converted.refused] == [(7, 0), (7, 2)]
    assert [refusal.position for refusal in removals(given, "r").refused] == [0, 1, 2]


def test_dropped_unknown_fields_are_not_there():
    """Neither stored nor learnt, and no part of the id; so a delete of the whole record finds it."""
    fresh = converter(dataset({"a": 1}))
    converted = fresh.upserts(arrivals({"a": 1, "typo": 2}, {"a": 1}), "r", UnknownFields.DROP)
    first, second = named(converted)
    assert first["_id"] == second["_id"]
    assert not any(name.startswith("typo") for name in converted.columns)
    assert "typo" not in fresh.learnt
    [gone] = named(fresh.deletes(arrivals({"a": 1, "typo": 3}), "r", UnknownFields.DROP))
    assert gone["_id"] == first["_id"]


def test_rejected_unknown_fields_refuse_their_record():
    """Whatever the dataset does with values that do not fit; neighbours go on."""
    fresh = converter(dataset({"a": 1}))
    for convert in (fresh.upserts, fresh.deletes):
        converted = convert(arrivals({"a": 1, "typo": 2}, {"a": 1}), "r", UnknownFields.REJECT)
        assert len(converted.rows) == 1
        [refusal] = converted.refused
        assert [(reason.code, reason.field) for reason in refusal.reasons] == [("unknown_field", "typo")]


def test_fields_that_were_seen_or_declared_or_deleted_are_not_unknown():
    """Unknown is what nobody ever told of."""
    one = dataset({"a": 1}, ("delete", {"field": "gone"}))
    fresh = converter(one, Schema({"seen": [Rung.TEXT]}))
    record = {"a": 1, "seen": "x", "gone": 1}
    for policy in UnknownFields:
        converted = fresh.upserts(arrivals(record), "r", policy)
        assert [
            {name: row[name] for name in row if not name.startswith("_")} for row in named(converted)
        ] == [{"a:int": 1, "seen:text": "x"}]


def test_one_resource_may_evolve_what_another_drops():
    """The policy belongs to the resource, the converter to the dataset."""
    fresh = converter(dataset({"a": 1}))
    assert fresh.upserts(arrivals({"a": 1, "new": 2}), "r", UnknownFields.DROP).columns == {
        "a:int": "Nullable(Int64)"
    }
    assert "new:int" in fresh.upserts(arrivals({"a": 1, "new": 2}), "r", UnknownFields.EVOLVE).columns


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["2014/01/27T04:15:00", "2014-01-27", "2014-01-27T04:15:00Z", "12", "1,5", "yes", [], ["a"], {}]
    ),
    st.sampled_from(["A320-232", "12345-1", "1234", "", "9"]),
    st.builds(GeoPoint.at, st.floats(-90, 90), st.floats(-180, 180)),
    st.sampled_from([{"type": "Point", "coordinates": [1.5, 2]}, {"type": "Point"}, {"lat": 1, "lon": 2}]),
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c", "d", "é"]), VALUES, min_size=1), max_size=6
)
TYPES = st.sampled_from(["text", "int", "double", "boolean", "date", "datetime", "geo_point_2d", "geo_shape"])
RUNGS = [rung for rung in Rung if rung is not Rung.JSON]
SEEN = st.dictionaries(
    st.sampled_from("abcd"), st.sets(st.sampled_from(RUNGS), min_size=1, max_size=2), max_size=4
).map(Schema)
OUTPUTS = st.sets(st.sampled_from(["b", "d", "é"]))


@settings(max_examples=300)
@given(
    RECORDS,
    st.dictionaries(st.sampled_from("abcd"), TYPES, max_size=3),
    SEEN,
    st.booleans(),
    st.booleans(),
    OUTPUTS,
)
def test_the_specialised_way_agrees_with_the_general_one(records, types, seen, keyed, quarantines, outputs):
    """Same rows, same refusals, same growth, whatever comes."""
    items = [("type", {"field": name, "type_param": kind}) for name, kind in types.items()]
    items += [("annotate", {"field": "a", "annotation": "id"})] if keyed else []
    one = dataset({}, *items, on_error="quarantine" if quarantines else "null")
    declared = Schema({name: [Rung(kind)] for name, kind in types.items()})
    known = seen.merge(declared)
    quick, general = converter(one, known, outputs), converter(one, known, outputs)
    general._fast = None
    expected = general.upserts(arrivals(*records), "r")
    got = quick.upserts(arrivals(*records), "r")
    assert list(map(_typed, named(got))) == list(map(_typed, named(expected)))
    assert got.refused == expected.refused
    assert got.notes == expected.notes
    assert quick.learnt == general.learnt


def _typed(row):
    """1 and 1.0 and True are not the same cell; a point is the same, whoever made its object."""
    return {name: (dict if isinstance(value, dict) else type(value), value) for name, value in row.items()}


def test_every_row_has_a_value_for_every_column_of_its_batch():
    """Also those that were converted before a column was met."""
    seen = Schema({"a": [Rung.INT]})
    converted = converter(dataset(), seen).upserts(arrivals({"a": 1}, {"b": 1.5}, {"a": 2}), "r")
    assert list(converted.columns) == ["a:int", "b:double"]
    assert [row[5:] for row in converted.rows] == [(1, None), (None, 1.5), (2, None)]


@given(RECORDS)
def test_a_record_becomes_the_same_row_beside_any_neighbours(records):
    """Rows depend on the record alone: replays in other batches agree."""
    together = rows(dataset(SEED), *records)
    alone = [rows(dataset(SEED), record)[0] for record in records]
    assert [row["_id"] for row in together] == [row["_id"] for row in alone]
