"""What does the processor File ask, and what does it make of the answers?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.files import BrokenFile, StoredFile
from headwater.domain.inference import infer
from headwater.domain.schema import Rung
from processors.stack.file import Away, Downloaded, File, NotDownloaded
from processors.stack.outcomes import Failed, Waiting

URL = "https://example.org/cat.jpg"
STORED = StoredFile(id="a" * 40, filename="cat.jpg", format="jpg", mimetype="image/jpeg", size=9)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def step(**params):
    return File(field="photo", **params).compiled()


def test_a_downloaded_file_is_a_file_for_inference():
    """The field's type becomes file without anybody declaring it."""
    (record,) = step().tell([{"photo": URL}], [1], [Downloaded(STORED)])

    assert infer(record["photo"])[0] is Rung.FILE


@pytest.mark.parametrize("value", [STORED, BrokenFile({"content": "!!"}, "not base64")])
def test_a_file_that_was_pushed_stays(value):
    """Its bytes came with the record: nothing is to be downloaded."""
    records = [{"photo": value}]

    assert step().ask(records) == [None]
    assert step().tell(records, [1], [None])[0]["photo"] is value


@pytest.mark.parametrize("answer", [NotDownloaded("gone"), Away("example.org", "down")])
def test_without_a_file_the_field_is_empty(answer):
    """A URL in a field of files would be one more error."""
    (outcome,) = step(extract_metadata=True).tell([{"photo": URL, "a": 1}], [1], [answer])

    assert outcome.record == {"photo": None, "a": 1}


def test_outputs_depend_on_records_only_with_metadata():
    """Then nobody knows beforehand which fields there will be."""
    assert File(field="photo").outputs() == ("photo",)
    assert File(field="photo", extract_metadata=True).outputs() is None


@given(st.lists(json_values, max_size=5))
def test_any_value_is_answered(values):
    """Asked, empty, a failure: never an exception, and no question that is not an address."""
    records = [{"photo": value} for value in values]

    questions = step().ask(records)
    outcomes = step().tell(
        records, [1] * len(records), [NotDownloaded("x") if one else None for one in questions]
    )

    assert all(question is None or question.startswith(("http", "HTTP")) for question in questions)
    assert all(isinstance(one, (dict, Failed)) for one in outcomes)


@pytest.mark.parametrize("text", ["\ud800", "https://\ud800", "x" * 10_000, "http:// a", "\0"])
def test_odd_texts_are_answered_with_a_sentence_that_can_be_sent(text):
    """A lone surrogate must not come back out in a message."""
    records = [{"photo": text}]
    answers = [Away("h", "m") if one else None for one in step().ask(records)]

    (outcome,) = step().tell(records, [1], answers)

    assert isinstance(outcome, (Failed, Waiting))
    assert outcome.message.encode()
