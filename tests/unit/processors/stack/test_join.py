"""Joins ask for the keys of records and make outcomes of answers; more is in the golden file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from headwater.domain.types import FieldType
from processors.stack.join import MAX_MATCHES, MAX_REMEMBERED, MAX_REMEMBERED_LENGTH, Join, Unjoinable
from processors.stack.outcomes import Failed, Several

CITIES = {"insee": FieldType.TEXT, "name": FieldType.TEXT, "at": FieldType.GEO_POINT, "year": FieldType.INT}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


class World:
    def remote_fields(self, dataset_id):
        return CITIES if dataset_id == "cities" else None


def join(**params):
    given = {
        "dataset": "cities",
        "local_key": ("code",),
        "remote_key": ("insee",),
        "output_fields": ("name",),
    }
    return Join(**(given | params))


def refusal(**params):
    with pytest.raises(InvalidDocument) as caught:
        join(**params).check(World())
    return caught.value.field


def told(step, records, answers):
    return step.tell(records, [1] * len(records), answers)


def test_questions_are_the_keys_of_records():
    """Equal keys make equal questions, so that each is asked once."""
    step = join(local_key=("code", "year"), remote_key=("insee", "year")).compiled()
    records = [{"code": "Ä 1", "year": "02020"}, {"code": "a 1", "year": 2020.0}, {"code": "a 1"}, {}]

    assert step.ask(records) == [("a 1", 2020), ("a 1", 2020), None, None]
    assert step.ask([]) == []


def test_case_and_accents_make_other_questions_where_they_count():
    """Numbers stay numbers."""
    step = join(case_sensitive=True).compiled()

    assert step.ask([{"code": "Ä"}, {"code": "02"}, {"code": 2}]) == [("Ä",), (2,), (2,)]


def test_truth_is_no_number():
    """Although Python takes it for one."""
    assert join().compiled().ask([{"code": True}, {"code": 1}]) == [("true",), (1,)]


def test_step_says_what_to_read():
    """Whoever answers looks at these attributes alone."""
    step = join(case_sensitive=True).compiled()
    assert (step.service, step.remote, step.remote_keys, step.fields) == (
        "join",
        "cities",
        ("insee",),
        ("name",),
    )
    assert step.case_sensitive
    assert join(retrieve_all_fields=True).compiled().fields is None


def test_records_that_all_simply_go_on_are_the_same_list():
    """The usual case costs nothing but the fields."""
    records = [{"code": 1}, {"code": 2}, {}]
    outcomes = told(join().compiled(), records, [({"name": "a"},), (), None])

    assert outcomes is records
    assert records == [{"code": 1, "name": "a"}, {"code": 2, "name": None}, {"name": None}]


def test_dataset_that_cannot_be_joined_fails_the_records_that_asked():
    """The sentence is the answer's; a record without a key is not concerned."""
    records = [{"code": 1}, {}]
    outcomes = told(join().compiled(), records, [Unjoinable("it is too large"), None])

    assert outcomes == [Failed({"code": 1}, "", "it is too large"), {"name": None}]
    assert outcomes is not records


def test_record_with_too_many_matches_fails():
    """It would become more records than anybody wants."""
    step, matches = join().compiled(), [{"name": str(number)} for number in range(MAX_MATCHES + 1)]
    (several, failed) = told(step, [{"code": 1}, {"code": 2}], [tuple(matches[:-1]), tuple(matches)])

    assert isinstance(several, Several)
    assert len(several.records) == MAX_MATCHES
    assert failed.field == "code"
    assert "1000" in failed.message


def test_answers_are_never_changed():
    """They are shared by all records that ask the same."""
    shape = {"type": "Point", "coordinates": [1, 2]}
    match = {"name": shape}
    step = join().compiled()
    records = [{"code": 1}, {"code": 1}]
    told(step, records, [(match,), (match,)])
    (several,) = told(step, [{"code": 1}], [(match, match)])

    records[0]["name"] = several.records[0]["name"] = None
    assert match == {"name": shape}
    assert records[1]["name"] is several.records[1]["name"] is shape


def test_points_merge_as_latitude_and_longitude():
    """Not as JSON."""
    step = join(output_fields=("at",), one_line=True).compiled()
    (record,) = told(step, [{"code": 1}], [({"at": GeoPoint.at(1, 2)}, {"at": GeoPoint.at(3, 4.5)})])

    assert record["at"] == "1.0,2.0;3.0,4.5"


def test_any_number_of_different_texts_is_remembered_within_bounds():
    """Forgetting changes no question."""
    step = join().compiled()
    texts = [f"T{number}" for number in range(MAX_REMEMBERED + 10)] + ["É" * (MAX_REMEMBERED_LENGTH + 1)]

    first = step.ask([{"code": text} for text in texts])

    assert step.ask([{"code": text} for text in texts]) == first
    assert first[-1] == ("e" * (MAX_REMEMBERED_LENGTH + 1),)
    assert len(step._known) <= MAX_REMEMBERED


@given(st.lists(ANYTHING, max_size=4))
def test_no_value_of_a_key_makes_it_fail(values):
    """Every record has a question or none, whatever it holds."""
    step = join().compiled()
    records = [{"code": value} for value in values]

    questions = step.ask(records)

    assert len(questions) == len(values)
    assert len(set(questions)) <= len(values)
    assert told(step, records, [None] * len(values)) is records


def test_only_local_keys_are_read_and_output_fields_written():
    """All fields of the other dataset may be, when all are retrieved."""
    assert join().inputs() == (("local_key", "code"),)
    assert join().outputs() == ("name",)
    assert join(retrieve_all_fields=True).outputs() is None


def test_check_names_the_parameter_to_blame():
    """The dataset, its fields, and that keys come in pairs."""
    join().check(World())
    join(retrieve_all_fields=True, output_fields=()).check(World())

    assert refusal(dataset="elsewhere") == "dataset"
    assert refusal(remote_key=("insee", "year")) == "remote_key"
    assert refusal(remote_key=("zip",)) == "remote_key"
    assert refusal(remote_key=("at",)) == "remote_key"
    assert refusal(output_fields=("name", "zip")) == "output_fields"
    assert refusal(output_fields=()) == "output_fields"
